"""Pokémon, generation by generation: one ETL as three jobs on the same ops.

`static` names every generation in the graph, `dynamic` finds them when it runs, and `dynamic_priority` also carries
each generation to its end before the next one starts, so that few frames are alive at any time.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pokemon_frames as frames
import pokemon_store as store
import polars as pl

import kedge as dg

SOURCE = str(Path(__file__).parent / "pokemon.csv")
OUTPUT = os.environ.get("POKEMON_OUTPUT", ".kedge/pokemon")
GENERATIONS = range(1, 8)


class Settings(dg.Config):
    """Where to read and write, and how hard to work: `rounds` of resampling in every step."""

    source: str = SOURCE
    output: str = OUTPUT
    rounds: int = 400


@dg.op(out=dg.DynamicOut(int))
def generations(config: Settings) -> Iterator[dg.DynamicOutput[int]]:
    """The generations in the file, whichever they are."""
    for generation in frames.generations_in(frames.read_field(config.source)):
        yield dg.DynamicOutput(generation, mapping_key=f"gen_{generation}")


@dg.op(out={f"gen_{generation}": dg.Out(int) for generation in GENERATIONS})
def known_generations() -> Iterator[dg.Output[int]]:
    """The generations known when this was written."""
    for generation in GENERATIONS:
        yield dg.Output(generation, output_name=f"gen_{generation}")


@dg.op
def extract(config: Settings, generation: int) -> pl.DataFrame:
    """The rows of one generation, and how sure their medians are."""
    rows = frames.rows_of(frames.read_field(config.source), generation)
    return frames.with_median_errors(rows, config.rounds)


@dg.op
def transform(config: Settings, rows: pl.DataFrame) -> pl.DataFrame:
    """Strength of types, ranks, outliers, and the confidence intervals of the ranks."""
    return frames.analyse(rows, frames.read_field(config.source), config.rounds)


@dg.op
def load(context: dg.OpExecutionContext, config: Settings, frame: pl.DataFrame) -> dict[str, Any]:
    """Write one generation as Parquet, and its figures as a line of the summary. Safe to repeat."""
    line = frames.figures(frame, frames.read_field(config.source), 4 * config.rounds)
    path = store.write_frame(Path(config.output), line["generation"], frame)
    store.upsert(Path(config.output), line)
    context.log.info(f"{path}: {len(frame)} rows, the strongest is {line['strongest']}")
    return line


@dg.op
def summary(context: dg.OpExecutionContext, loaded: list[dict[str, Any]]) -> dict[str, Any]:
    """All generations together."""
    count = sum(line["count"] for line in loaded)
    best = max(loaded, key=lambda line: line["mean_total"])
    result = {
        "generations": [line["generation"] for line in loaded],
        "count": count,
        "mean_total": sum(line["mean_total"] * line["count"] for line in loaded) / count,
        "outliers": sum(line["outliers"] for line in loaded),
        "best_generation": best["generation"],
    }
    context.log.info(f"{count} Pokémon, {result['outliers']} outliers; best: generation {best['generation']}")
    return result


@dg.job
def static() -> None:
    """Every generation spelled out: seven chains of three ops."""
    found = known_generations()
    loaded = []
    for generation in GENERATIONS:
        rows = extract.alias(f"extract_gen_{generation}")(getattr(found, f"gen_{generation}"))
        frame = transform.alias(f"transform_gen_{generation}")(rows)
        loaded.append(load.alias(f"load_gen_{generation}")(frame))
    summary(loaded)


@dg.job
def dynamic() -> None:
    """One chain, run for as many generations as there are: all are extracted before the first is transformed."""
    summary(generations().map(lambda generation: load(transform(extract(generation)))).collect())


def _depth_first(generation: Any) -> Any:
    """The chain with priorities that rise along it: what has been begun goes before what has not."""
    rows = extract.tag({"dagster/priority": "1"})(generation)
    frame = transform.tag({"dagster/priority": "2"})(rows)
    return load.tag({"dagster/priority": "3"})(frame)


@dg.job
def dynamic_priority() -> None:
    """As `dynamic`, but each generation is carried to its end before the next one starts."""
    summary(generations().map(_depth_first).collect())
