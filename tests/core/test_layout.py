from __future__ import annotations

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
