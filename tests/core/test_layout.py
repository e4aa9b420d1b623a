from __future__ import annotations

import pytest

from kedge.core.errors import ProtocolError
from kedge.core.ids import StepKey
from kedge.core.layout import RunPaths


def test_everything_of_a_run_lies_under_its_prefix() -> None:
    paths = RunPaths.of("team", "sizes", "0123456789abcdef")
    step = StepKey("size", ("a_txt",))
    assert paths.prefix == "runs/team/sizes-01234567"
    assert paths.plan == "runs/team/sizes-01234567/plan.json"
    assert paths.outcome(step, 2) == "runs/team/sizes-01234567/outcomes/size[a_txt]/2.json"
    assert paths.outcome(step, 2).startswith(paths.outcomes)
    assert paths.value(step, "result", None, 1) == "runs/team/sizes-01234567/values/size[a_txt]/1/result"
    assert paths.value(step, "result", "k", 1) == "runs/team/sizes-01234567/values/size[a_txt]/1/result/k"
    assert paths.index(step, "xs") == "runs/team/sizes-01234567/indexes/size[a_txt]/xs.json"
    assert paths.ticket(step, 2) == "runs/team/sizes-01234567/tickets/size[a_txt]/2.json"
    assert paths.manifest == "runs/team/sizes-01234567/manifest.json"
    assert paths.planned(1) == "runs/team/sizes-01234567/planned/1.json"
    assert paths.log_part(step, 1, 3) == paths.logs(step, 1) + "000003"
    assert {paths.run, paths.result} == {f"{paths.prefix}/run.json", f"{paths.prefix}/result.json"}


def test_two_attempts_never_share_a_path() -> None:
    paths, step = RunPaths("runs/a/b-c"), StepKey("op")
    assert paths.value(step, "result", None, 1) != paths.value(step, "result", None, 2)
    assert paths.outcome(step, 1) != paths.outcome(step, 2)


PATHS = RunPaths("runs/team/sizes-01234567")
OUTSIDE = [
    "",
    "/",
    "runs",
    "runs/team",
    "runs/team/sizes-01234567",
    "runs/team/sizes-01234567/values",
    "runs/team/sizes-01234567/values/",
    "runs/team/sizes-01234567/values//x",
    "runs/team/sizes-01234567/values/./x",
    "runs/team/sizes-01234567/values/../plan.json",
    "runs/team/sizes-01234567/values/../../../other/job-1/values/s/1/result",
    "runs/team/../other/job-1/values/s/1/result",
    "runs/other/job-1/values/s/1/result",
    "runs/teams/job-1/values/s/1/result",
    "runs/team/sizes-01234567/plan.json",
    "runs/team/sizes-01234567/outcomes/s/1.json",
    "runs/team/sizes-01234567/logs/values/1/x",
    "/runs/team/sizes-01234567/values/s/1/result",
    "cache/team/sizes-01234567/values/s/1/result",
    "runs/team/sizes-01234567/values/s/1/a\0b",
    "runs/team/sizes-01234567/values/s/1/\udc00",
]


def test_a_run_reads_values_of_its_namespace_and_deletes_its_own() -> None:
    own, other = PATHS.value(StepKey("s"), "result", "k", 1), "runs/team/earlier-89abcdef/values/s/1/result"
    assert (PATHS.may_read(own), PATHS.owns(own)) == (True, True)
    assert (PATHS.may_read(other), PATHS.owns(other)) == (True, False)
    assert PATHS.may_read(f"{own}.tar.gz")


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_lies_elsewhere_is_neither_read_nor_deleted(path: str) -> None:
    assert not PATHS.may_read(path)
    assert not PATHS.owns(path)


@pytest.mark.parametrize("prefix", ["", "run", "runs/team", "runs/../x", "runs/team/x/y", "runs//x", "cache/team/x"])
def test_a_prefix_that_is_no_runs_is_refused(prefix: str) -> None:
    with pytest.raises(ProtocolError, match="no run's place"):
        RunPaths.parse(prefix)
    with pytest.raises(ProtocolError, match="no run's place"):
        PATHS.other(prefix)


def test_a_run_takes_over_from_runs_of_its_namespace_alone() -> None:
    assert PATHS.other("runs/team/earlier-89abcdef") == RunPaths("runs/team/earlier-89abcdef")
    with pytest.raises(ProtocolError, match="another namespace"):
        PATHS.other("runs/other/earlier-89abcdef")


def test_a_listing_of_a_run_lies_among_its_own() -> None:
    assert PATHS.has_index(PATHS.index(StepKey("s"), "xs"))
    for path in ("runs/team/earlier-89abcdef/indexes/s/xs.json", f"{PATHS.prefix}/indexes/../plan.json", PATHS.plan):
        assert not PATHS.has_index(path)
