"""The ETL's results, worked out a second time with nothing but the standard library."""

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import mean, median
from types import ModuleType
from typing import Any

import polars as pl
import pytest

HERE = Path(__file__).parent
ROUNDS = 20
PER_GENERATION = {1: 151, 2: 100, 3: 135, 4: 107, 5: 156, 6: 72, 7: 80}


@pytest.fixture(scope="module")
def people() -> list[dict[str, str]]:
    with (HERE / "pokemon.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def config(folder: Path, *names: str) -> dict[str, Any]:
    return {"ops": {name: {"config": {"output": str(folder), "rounds": ROUNDS}} for name in names}}


def steps(job: str) -> list[str]:
    if job == "static":
        return [f"{op}_gen_{g}" for g in PER_GENERATION for op in ("extract", "transform", "load")]
    return ["extract", "transform", "load"]


@pytest.fixture(scope="module", params=["static", "dynamic", "dynamic_priority"])
def run(request: pytest.FixtureRequest, jobs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    job = getattr(jobs, request.param)
    return job.execute_in_process(run_config=config(folder, *steps(request.param))), folder


def finished(result: Any) -> list[str]:
    return [event.step_key for event in result.all_events if event.event_type_value == "STEP_SUCCESS"]


class TestAllThreeJobs:
    def test_the_summary_counts_everyone_once(self, run: tuple[Any, Path], people: list[dict[str, str]]) -> None:
        summary = run[0].output_for_node("summary")
        by_generation = {g: [int(p["base_total"]) for p in people if int(p["generation"]) == g] for g in PER_GENERATION}
        assert summary["generations"] == list(PER_GENERATION)
        assert summary["count"] == len(people) == 801
        assert summary["mean_total"] == pytest.approx(mean(int(p["base_total"]) for p in people))
        assert summary["best_generation"] == max(by_generation, key=lambda g: mean(by_generation[g]))

    def test_one_file_a_generation_and_nothing_else_is_written(self, run: tuple[Any, Path]) -> None:
        names = {f"generation_{g}.parquet" for g in PER_GENERATION} | {"summary.sqlite"}
        assert {path.name for path in run[1].iterdir()} == names
        heights = {g: pl.read_parquet(run[1] / f"generation_{g}.parquet").height for g in PER_GENERATION}
        assert heights == PER_GENERATION

    def test_the_table_agrees_with_the_file(self, run: tuple[Any, Path], people: list[dict[str, str]]) -> None:
        import pokemon_store as store

        for line in store.lines(run[1]):
            own = [p for p in people if int(p["generation"]) == line["generation"]]
            assert line["count"] == len(own)
            assert line["mean_total"] == pytest.approx(mean(int(p["base_total"]) for p in own))
            assert (
                line["strongest"] == max(own, key=lambda p: (int(p["base_total"]), -int(p["pokedex_number"])))["name"]
            )
            assert 0 <= line["luck"] <= 1


@pytest.fixture(scope="module")
def frame(jobs: ModuleType) -> pl.DataFrame:
    """The first generation, analysed."""
    field = jobs.frames.read_field(jobs.SOURCE)
    frame = jobs.frames.analyse(jobs.frames.rows_of(field, 1), field, ROUNDS)
    assert isinstance(frame, pl.DataFrame)
    return frame


class TestFrames:
    def test_ranks_are_the_share_below_and_half_the_equals(
        self, frame: pl.DataFrame, people: list[dict[str, str]]
    ) -> None:
        everyone = [int(p["speed"]) for p in people]
        first = [int(p["speed"]) for p in people if p["generation"] == "1"]
        for row in frame.iter_rows(named=True):
            assert row["speed_rank_overall"] == pytest.approx(rank(row["speed"], everyone))
            assert row["speed_rank_generation"] == pytest.approx(rank(row["speed"], first))

    def test_offence_is_what_the_better_type_does_to_the_field(
        self, frame: pl.DataFrame, people: list[dict[str, str]]
    ) -> None:
        bulbasaur = frame.row(0, named=True)
        grass, poison = (mean(float(p[f"against_{kind}"]) for p in people) for kind in ("grass", "poison"))
        assert bulbasaur["name"] == "Bulbasaur"
        assert bulbasaur["offence"] == pytest.approx(max(grass, poison))
        own = [float(value) for key, value in people[0].items() if key.startswith("against_")]
        assert bulbasaur["exposure"] == pytest.approx(mean(own))

    def test_outliers_are_far_from_the_median(self, frame: pl.DataFrame, people: list[dict[str, str]]) -> None:
        hp = {p["name"]: int(p["hp"]) for p in people if p["generation"] == "1"}
        middle = median(hp.values())
        spread = median(abs(value - middle) for value in hp.values())
        far = {name for name, value in hp.items() if 0.6745 * abs(value - middle) / spread > 3.5}
        found = frame.filter(pl.col("outlier_in").list.contains("hp"))["name"].to_list()
        assert set(found) == far
        assert "Chansey" in far

    def test_intervals_hold_the_rank_and_come_from_the_draws(self, frame: pl.DataFrame) -> None:
        assert frame["rank_draws"].list.len().to_list() == [ROUNDS] * 151
        assert (frame["rank_low"] <= frame["rank_high"]).all()
        held = frame.filter(pl.col("base_total_rank_overall").is_between(pl.col("rank_low"), pl.col("rank_high")))
        assert held.height > 0.8 * frame.height

    def test_the_same_input_gives_the_same_output(self, jobs: ModuleType, frame: pl.DataFrame) -> None:
        field = jobs.frames.read_field(jobs.SOURCE)
        assert jobs.frames.analyse(jobs.frames.rows_of(field, 1), field, ROUNDS).equals(frame)

    def test_an_unknown_generation_is_refused_with_those_there_are(self, jobs: ModuleType) -> None:
        with pytest.raises(ValueError, match=r"generation 9: the file has \[1, 2, 3, 4, 5, 6, 7\]"):
            jobs.frames.rows_of(jobs.frames.read_field(jobs.SOURCE), 9)

    def test_a_row_that_contradicts_itself_is_refused_by_name(self, jobs: ModuleType) -> None:
        wrong = jobs.frames.read_field(jobs.SOURCE).with_columns(
            hp=pl.when(pl.col("name") == "Ditto").then(1).otherwise(pl.col("hp"))
        )
        with pytest.raises(ValueError, match="Ditto"):
            jobs.frames.rows_of(wrong, 1)


def rank(value: int, among: list[int]) -> float:
    counts = Counter((other > value) - (other < value) for other in among)
    return 100 * (counts[-1] + counts[0] / 2) / len(among)


class TestOrder:
    def test_priorities_carry_each_generation_to_its_end(self, jobs: ModuleType, tmp_path: Path) -> None:
        order = finished(jobs.dynamic_priority.execute_in_process(run_config=config(tmp_path, *steps("dynamic"))))
        chains = [f"{op}[gen_{g}]" for g in PER_GENERATION for op in ("extract", "transform", "load")]
        assert order == ["generations", *chains, "summary"]

    def test_without_priorities_all_are_extracted_first(self, jobs: ModuleType, tmp_path: Path) -> None:
        order = finished(jobs.dynamic.execute_in_process(run_config=config(tmp_path, *steps("dynamic"))))
        stages = [f"{op}[gen_{g}]" for op in ("extract", "transform", "load") for g in PER_GENERATION]
        assert order == ["generations", *stages, "summary"]


class TestLoad:
    LINE = {"generation": 1, "count": 3, "mean_total": 1.5, "strongest": "A", "outliers": 0, "luck": 0.5}

    def test_again_replaces_what_was_there(self, jobs: ModuleType, tmp_path: Path) -> None:
        for count in (3, 4):
            jobs.store.upsert(tmp_path, self.LINE | {"count": count})
            jobs.store.write_frame(tmp_path, 1, pl.DataFrame({"n": range(count)}))
        assert [line["count"] for line in jobs.store.lines(tmp_path)] == [4]
        assert pl.read_parquet(tmp_path / "generation_1.parquet").height == 4

    def test_a_frame_that_cannot_be_written_leaves_nothing_behind(self, jobs: ModuleType, tmp_path: Path) -> None:
        with pytest.raises(AttributeError):
            jobs.store.write_frame(tmp_path, 1, "not a frame")
        assert list(tmp_path.iterdir()) == []

    def test_processes_at_the_same_time_lose_no_line(self, jobs: ModuleType, tmp_path: Path) -> None:
        code = (
            "import sys; from pathlib import Path; import polars as pl; import pokemon_store as store\n"
            f"line, own = {self.LINE!r}, int(sys.argv[1])\n"
            "for n in range(30):\n"
            "    for generation in (100, own * 30 + n):\n"
            f"        store.write_frame(Path({str(tmp_path)!r}), generation, pl.DataFrame({{'n': [n] * 100}}))\n"
            f"        store.upsert(Path({str(tmp_path)!r}), line | {{'generation': generation}})\n"
        )
        started = [subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=HERE) for n in range(2)]
        assert [process.wait(timeout=300) for process in started] == [0, 0]
        assert [line["generation"] for line in jobs.store.lines(tmp_path)] == [*range(60), 100]
        assert pl.read_parquet(tmp_path / "generation_100.parquet").height == 100
        assert not list(tmp_path.glob(".*"))
