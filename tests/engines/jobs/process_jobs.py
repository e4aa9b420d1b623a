"""Jobs for the corners of the process engine; see rough_jobs.py for how a step is caught in the middle."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import kedge as dg

PLACE = Path(os.environ["KEDGE_TEST_DIR"])


def note(text: str) -> None:
    with (PLACE / "trace").open("a") as trace:
        trace.write(f"{text}\n")


def here(text: str) -> None:
    with (PLACE / "here").open("w") as fifo:
        fifo.write(text)


def for_ever() -> NoReturn:
    with (PLACE / "never").open() as fifo:
        fifo.read()
    raise AssertionError("nobody writes to this")


def first_time(name: str) -> bool:
    try:
        (PLACE / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def time_out_once_it_is_here(engine: Any, name: Any, seconds: float) -> None:
    """As an engine does when a step's time is over; here it is not over before the step has come to say so."""
    (PLACE / "here").read_text()
    time_out(engine, name, seconds)


if "KEDGE_TEST_GRACE_SECONDS" in os.environ:
    from kedge.local import processes

    processes.GRACE_SECONDS = float(os.environ["KEDGE_TEST_GRACE_SECONDS"])
    time_out = processes.ProcessEngine._time_out
    processes.ProcessEngine._time_out = time_out_once_it_is_here


@dg.op
def stubborn() -> int:
    signal.signal(signal.SIGTERM, lambda *_: here("told to end"))
    here(str(os.getpid()))
    for_ever()


@dg.op(out=dg.DynamicOut())
def four() -> Iterator[dg.DynamicOutput[int]]:
    for i in range(4):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op
def hangs_at_each(context: dg.OpExecutionContext, x: int) -> int:
    name = context.get_mapping_key()
    note(f"begin {name}")
    if first_time(name):
        here(str(os.getpid()))
        for_ever()
    note(f"done {name}")
    return x


@dg.op
def total(values: list[int]) -> int:
    note("done total")
    return sum(values)


@dg.op
def counted(x: int) -> int:
    note("enter")
    sum(range(200_000))
    note("leave")
    return x


@dg.op
def garbles(x: int) -> int:
    """Leaves a record that can't be read, as a broken disk might."""
    if first_time("garbles"):
        (outcomes,) = (PLACE / "home" / "store" / "runs" / "local").glob("*/outcomes")
        (outcomes / "garbles").mkdir()
        (outcomes / "garbles" / "1.json").write_text('{"version": 1, "step"')
        os.kill(os.getpid(), signal.SIGKILL)
    return x


@dg.op(out={name: dg.Out() for name in ("own", "theirs", "round_about", "plan")})
def claims() -> None:
    """Leaves a record that names, besides a value of its own, what belongs to others."""
    folder = PLACE / "home" / "store" / "runs" / "local"
    (run,) = (path for path in folder.iterdir() if not path.name.startswith("victim"))
    own, theirs = f"runs/local/{run.name}", "runs/local/victim-01234567/values/s/1/result"
    paths = {
        "own": f"{own}/values/claims/1/own",
        "theirs": theirs,
        "round_about": f"{own}/values/../../../../{theirs}",
        "plan": f"{own}/plan.json",
    }
    (run / "values" / "claims" / "1").mkdir(parents=True)
    (run / "values" / "claims" / "1" / "own").write_text("1")
    outputs = {
        name: {"value": {"path": path, "format": "json", "size": 1, "digest": ""}} for name, path in paths.items()
    }
    record = {"version": 1, "step": "claims", "attempt": 1, "status": "succeeded", "outputs": outputs}
    (run / "outcomes" / "claims").mkdir(parents=True)
    (run / "outcomes" / "claims" / "1.json").write_text(json.dumps(record))
    os.kill(os.getpid(), signal.SIGKILL)


@dg.op(ins={name: dg.In(dg.Nothing) for name in ("own", "theirs", "round_about", "plan")})
def after_claims() -> None:
    note("after")


@dg.op
def begins() -> int:
    return 1


@dg.op(tags={"kedge/timeout": "0.1"})
def overruns(x: int) -> int:
    try:
        note("enter")
        here("in the middle")
        for_ever()
    finally:
        sum(range(2_000_000))  # takes its time to end
        note("leave")


@dg.op
def after_it(x: int) -> int:
    note("next")
    return x


@dg.op
def chatters() -> int:
    print("some words, é", flush=True)
    here(str(os.getpid()))
    for_ever()


@dg.op
def notes_modules() -> int:
    (PLACE / "modules").write_text("\n".join(sys.modules))
    return 1


@dg.op(out=dg.DynamicOut())
def many() -> Iterator[dg.DynamicOutput[int]]:
    for i in range(300):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op
def weighs_its_ticket(values: list[int]) -> int:
    """By the environment as it was at the process's start; a forked step has none there."""
    variables = dict(one.partition(b"=")[::2] for one in Path("/proc/self/environ").read_bytes().split(b"\0"))
    note(str(len(variables.get(b"KEDGE_TICKET", b""))))
    return sum(values)


@dg.job
def ignores_the_request() -> None:
    stubborn()


@dg.job
def stage_by_stage() -> None:
    total(four().map(hangs_at_each).collect())


@dg.job
def side_by_side() -> None:
    total(four().map(counted).collect())


@dg.job
def garbled() -> None:
    garbles(begins())


@dg.job
def claimed() -> None:
    own, theirs, round_about, plan = claims()
    after_claims(own=own, theirs=theirs, round_about=round_about, plan=plan)


@dg.op
def gives_a_set() -> set[int]:
    return {1, 2}


@dg.op
def counts(found: set[int]) -> int:
    return len(found)


@dg.job(op_retry_policy=dg.RetryPolicy(max_retries=3))
def pickled() -> None:
    counts(gives_a_set())


@dg.job
def two_branches() -> None:
    x = begins()
    overruns(x)
    after_it(x)


@dg.job
def chatty() -> None:
    chatters()


@dg.job
def light() -> None:
    notes_modules()


@dg.job
def wide() -> None:
    weighs_its_ticket(many().collect())


@dg.op(out=dg.DynamicOut())
def crowd() -> Iterator[dg.DynamicOutput[int]]:
    for i in range(1500):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op
def one_of_many(x: int) -> None: ...


@dg.job
def crowded() -> None:
    crowd().map(one_of_many)


@dg.op
def leaves_what_can_not_be_deleted() -> int:
    """Leaves a record of a value whose path no file can have, and in the folder of values what no store deletes."""
    (run,) = (PLACE / "home" / "store" / "runs" / "local").iterdir()
    path = f"runs/local/{run.name}/values/{'k' * 300}"
    (run / "values").mkdir()
    (run / "values" / "\udcff").write_text("1")
    outputs = {"result": {"value": {"path": path, "format": "json", "size": 1, "digest": ""}}}
    step = "leaves_what_can_not_be_deleted"
    record = {"version": 1, "step": step, "attempt": 1, "status": "succeeded", "outputs": outputs}
    (run / "outcomes" / step).mkdir(parents=True)
    (run / "outcomes" / step / "1.json").write_text(json.dumps(record))
    os.kill(os.getpid(), signal.SIGKILL)


@dg.op(ins={"x": dg.In(dg.Nothing)})
def comes_after() -> None: ...


@dg.job
def undeletable() -> None:
    comes_after(leaves_what_can_not_be_deleted())


@dg.op
def writes_to_all_pipes() -> int:
    """As code does that takes a descriptor for another."""
    for descriptor in range(3, 100):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{descriptor}").startswith("pipe:"):
                os.write(descriptor, b"what is this\n")
    return 1


@dg.job
def noisy() -> None:
    writes_to_all_pipes()
