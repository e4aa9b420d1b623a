"""What an engine deletes of what records name: values of the run itself."""

from __future__ import annotations

from typing import Any

import pytest

from kedge.core.layout import RunPaths
from kedge.io.confinement import own_values, readable
from kedge.io.errors import ValueForbidden, ValueRefused

PATHS = RunPaths("runs/team/job-01234567")
OWN = f"{PATHS.prefix}/values/s/1/result"


def test_values_and_files_of_the_run_are_deleted() -> None:
    records = [{"value": {"path": OWN}}, {"file": f"{OWN}.csv"}, None, {}, {"external": True}, {"metadata": {}}]
    assert own_values(PATHS, records) == [OWN, f"{OWN}.csv"]


@pytest.mark.parametrize(
    "path",
    [
        "runs/team/earlier-89abcdef/values/s/1/result",
        "runs/other/job-01234567/values/s/1/result",
        f"{PATHS.prefix}/values/../../earlier-89abcdef/values/s/1/result",
        f"{PATHS.prefix}/outcomes/s/1.json",
        f"{PATHS.prefix}",
        "",
        7,
        None,
    ],
)
def test_what_else_a_record_names_stays(path: Any) -> None:
    assert own_values(PATHS, [{"value": {"path": path}}, {"file": path}, {"file": OWN}]) == [OWN]


def test_a_refusal_says_who_wanted_what_and_where_it_may_be() -> None:
    assert readable(PATHS, OWN, "input x of s") == OWN
    with pytest.raises(ValueForbidden, match=r"input x of s: .* at 'plan.json', .* namespace team") as refusal:
        readable(PATHS, "plan.json", "input x of s")
    assert isinstance(refusal.value, ValueRefused)
