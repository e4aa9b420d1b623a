"""The statistics of the ETL, as functions from frames to frames. No files are written here and no op is known."""

from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs

STATS = ("hp", "attack", "defense", "sp_attack", "sp_defense", "speed")
MEASURES = (*STATS, "base_total")
FAR_OUT = 3.5  # robust z-scores beyond this are outliers (Iglewicz and Hoaglin, 1993)


def read_field(source: str | Path) -> pl.DataFrame:
    """Every Pokémon there is: what one generation is measured against."""
    return pl.read_csv(source, infer_schema_length=None)


def generations_in(field: pl.DataFrame) -> list[int]:
    """The generations that occur, in order."""
    return field["generation"].unique().sort().to_list()


def rows_of(field: pl.DataFrame, generation: int) -> pl.DataFrame:
    """One generation, checked: a file that contradicts itself is refused here, not averaged away later."""
    rows = field.filter(pl.col("generation") == generation)
    if rows.is_empty():
        raise ValueError(f"no Pokémon of generation {generation}: the file has {generations_in(field)}")
    wrong = rows.filter(pl.sum_horizontal(STATS) != pl.col("base_total"))["name"].to_list()
    if wrong:
        raise ValueError(f"generation {generation}: base_total is not the sum of the stats of {', '.join(wrong)}")
    return rows


def with_median_errors(rows: pl.DataFrame, rounds: int) -> pl.DataFrame:
    """Add how sure the generation's medians are: the spread of each median over `rounds` resamples of the rows."""
    medians = [rows.select(MEASURES).sample(fraction=1, with_replacement=True, seed=n).median() for n in range(rounds)]
    errors = pl.concat(medians).select(pl.all().std().name.suffix("_median_error"))
    return rows.join(errors, how="cross")


def type_strengths(field: pl.DataFrame) -> dict[str, float]:
    """What an attack of each type does on average to the whole field; 1 is neutral."""
    means = field.select(cs.starts_with("against_").mean()).row(0, named=True)
    return {name.removeprefix("against_"): mean for name, mean in means.items()}


def with_type_strength(rows: pl.DataFrame, field: pl.DataFrame) -> pl.DataFrame:
    """Add `offence`, the mean damage the better of its types does to the field, and `exposure`, the mean it takes."""
    strengths = type_strengths(field)
    own = [pl.col(name).replace_strict(strengths, default=None, return_dtype=pl.Float64) for name in ("type1", "type2")]
    return rows.with_columns(
        offence=pl.max_horizontal(own),
        exposure=pl.mean_horizontal(cs.starts_with("against_")),
    )


def percentile(name: str) -> pl.Expr:
    """Percentile rank, 0 to 100: the share of values below, half of the equal ones counted."""
    return (pl.col(name).rank("average") - 0.5) / pl.len() * 100


def with_ranks(rows: pl.DataFrame, field: pl.DataFrame) -> pl.DataFrame:
    """Add each measure's percentile rank within the rows and among the whole field."""
    overall = field.select("pokedex_number", *(percentile(name).alias(f"{name}_rank_overall") for name in MEASURES))
    within = (percentile(name).alias(f"{name}_rank_generation") for name in MEASURES)
    return rows.with_columns(within).join(overall, on="pokedex_number", how="left", maintain_order="left")


def robust_z(name: str) -> pl.Expr:
    """Distance from the median in units of the median absolute deviation, scaled so that it reads like a z-score."""
    distance = pl.col(name) - pl.col(name).median()
    return 0.6745 * distance / distance.abs().median()


def with_outliers(rows: pl.DataFrame) -> pl.DataFrame:
    """Add each measure's robust z-score within the rows, and the names of the measures that are far out."""
    scored = rows.with_columns(robust_z(name).alias(f"{name}_z") for name in MEASURES)
    far = [pl.when(pl.col(f"{name}_z").abs() > FAR_OUT).then(pl.lit(name)) for name in MEASURES]
    return scored.with_columns(outlier_in=pl.concat_list(far).list.drop_nulls())


def with_rank_draws(rows: pl.DataFrame, field: pl.DataFrame, rounds: int) -> pl.DataFrame:
    """Add `rank_draws`: the rank of `base_total` in each of `rounds` resamples of the field, with a 95 % interval.

    The draws stay in the frame (8 bytes for each row and round), so that other intervals can be had from them later.
    """
    totals, values = field["base_total"], rows["base_total"]
    draws = pl.DataFrame([_ranks_in(values, totals, seed).alias(str(seed)) for seed in range(rounds)])
    return rows.with_columns(draws.select(rank_draws=pl.concat_list(pl.all())).to_series()).with_columns(
        rank_low=pl.col("rank_draws").list.eval(pl.element().quantile(0.025)).list.first(),
        rank_high=pl.col("rank_draws").list.eval(pl.element().quantile(0.975)).list.first(),
    )


def _ranks_in(values: pl.Series, population: pl.Series, seed: int) -> pl.Series:
    sample = population.sample(fraction=1, with_replacement=True, seed=seed).sort()
    below, through = (sample.search_sorted(values, side=side) for side in ("left", "right"))
    return (below + through).cast(pl.Float64) / 2 / len(sample) * 100


def analyse(rows: pl.DataFrame, field: pl.DataFrame, rounds: int) -> pl.DataFrame:
    """All of the above that a transform does to one generation."""
    ranked = with_ranks(with_type_strength(rows, field), field)
    return with_rank_draws(with_outliers(ranked), field, rounds)


def luck(rows: pl.DataFrame, field: pl.DataFrame, rounds: int) -> float:
    """How often a group of this size, drawn blindly from the field, has a mean `base_total` as far off as this one."""
    mean, totals = _mean(field["base_total"]), field["base_total"]
    distance = abs(_mean(rows["base_total"]) - mean)
    draws = (_mean(totals.sample(len(rows), seed=seed)) for seed in range(rounds))
    return sum(abs(draw - mean) >= distance for draw in draws) / rounds


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    assert isinstance(mean, float)
    return mean


def figures(frame: pl.DataFrame, field: pl.DataFrame, rounds: int) -> dict[str, Any]:
    """One generation in one line, of plain values."""
    best = frame.sort("base_total", "pokedex_number", descending=[True, False]).row(0, named=True)
    return {
        "generation": frame["generation"][0],
        "count": len(frame),
        "mean_total": _mean(frame["base_total"]),
        "strongest": best["name"],
        "outliers": frame.filter(pl.col("outlier_in").list.len() > 0).height,
        "luck": luck(frame, field, rounds),
    }
