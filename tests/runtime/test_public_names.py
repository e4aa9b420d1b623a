"""`import kedge`: the public list, and what importing it costs."""

import inspect
import subprocess
import sys
from typing import Any

import pytest

import kedge

HEAVY = ("pydantic", "obstore", "numpy", "asyncio", "click", "pandas", "polars", "yaml", "rich")
FIRST_JOB = """
import sys, kedge as dg

@dg.op
def one():
    return 1

@dg.job
def job():
    one()
"""


def imported_by(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after running `code`."""
    shown = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_importing_kedge_loads_nothing_heavy() -> None:
    assert imported_by("import kedge") == set()


def test_defining_and_running_a_job_without_models_loads_nothing_heavy() -> None:
    assert imported_by(FIRST_JOB) == set()
    assert imported_by(f"{FIRST_JOB}\njob.execute_in_process()") == set()


@pytest.mark.parametrize("name", kedge.__all__)
def test_each_public_name_can_be_imported(name: str) -> None:
    assert getattr(kedge, name) is getattr(kedge, name)
    assert name in dir(kedge)


def members_of(value: Any) -> dict[str, Any]:
    """The public members that a class defines itself."""
    return {name: getattr(value, name) for name in vars(value) if not name.startswith("_")}


@pytest.mark.parametrize("name", kedge.__all__)
def test_each_public_name_and_its_members_say_what_they_are(name: str) -> None:
    value = getattr(kedge, name)
    if isinstance(value, type) or inspect.isfunction(value):
        assert inspect.getdoc(value)
    for member, found in members_of(value).items() if isinstance(value, type) else ():
        if isinstance(found, property) or inspect.isroutine(found):
            assert inspect.getdoc(found), f"{name}.{member}"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = kedge.nope


def test_every_error_that_dagster_users_catch_has_one_root() -> None:
    found = [getattr(kedge, name) for name in kedge.__all__]
    errors = [one for one in found if isinstance(one, type) and issubclass(one, Exception)]
    assert len(errors) > 40
    assert all(issubclass(one, kedge.KedgeError) for one in errors)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("asset", "no software-defined assets"),
        ("AssetsDefinition", "no software-defined assets"),
        ("Definitions", "no code locations"),
        ("DailyPartitionsDefinition", "StaticPartitionsDefinition"),
        ("schedule", "no schedules"),
        ("RunRequest", "no schedules"),
        ("PipesClient", "no Pipes"),
        ("Component", "no components"),
        ("Executor", "multiprocess_executor"),
    ],
)
def test_a_name_of_dagsters_that_is_not_here_says_why(name: str, why: str) -> None:
    with pytest.raises(AttributeError, match=why):
        getattr(kedge, name)
    assert not hasattr(kedge, name)
