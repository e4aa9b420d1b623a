"""Jobs whose steps are killed, hang, and leave traces. $KEDGE_TEST_DIR is where they leave them.

A step that must be caught in the middle opens a FIFO for writing (`here`), which blocks until the test reads it, and
then waits on another that nobody writes to (`for_ever`).
"""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import kedge as dg

PLACE = Path(os.environ["KEDGE_TEST_DIR"])


def note(text: str) -> None:
    with (PLACE / "trace").open("a") as trace:
        trace.write(f"{text}\n")


def here(text: str = "here") -> None:
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


def fork_where_there_is_room() -> int:
    """As os.fork where no more than one child may be there."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return fork()
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


if "KEDGE_TEST_GRACE_SECONDS" in os.environ:
    from kedge.local import processes

    processes.GRACE_SECONDS = float(os.environ["KEDGE_TEST_GRACE_SECONDS"])

fork = os.fork
if "KEDGE_TEST_ONE_CHILD" in os.environ:
    os.fork = fork_where_there_is_room


@dg.op
def start() -> int:
    note("start")
    return 1


@dg.op
def dies_once(x: int) -> int:
    if first_time("dies_once"):
        os.kill(os.getpid(), signal.SIGKILL)
    return x + 1


@dg.op
def always_dies(x: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return x


@dg.op
def leaves(x: int) -> int:
    print("before leaving", flush=True)
    os._exit(0)


@dg.op
def exits(x: int) -> int:
    sys.exit(3)


@dg.op
def tears_down(x: int) -> None:
    try:
        here(str(os.getpid()))
        for_ever()
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        note("torn down")


@dg.op
async def gives_up(x: int) -> int:
    note("gives up")
    raise asyncio.CancelledError("nobody wants it")


@dg.op
def report(context: dg.OpExecutionContext, x: int) -> int:
    note(f"report {context.retry_number}")
    return x


@dg.op
def hangs(x: int) -> int:
    try:
        child = subprocess.Popen(["cat", str(PLACE / "never")])
        here(f"{os.getpid()} {child.pid}")
        for_ever()
    finally:
        note("torn down")


@dg.op(tags={"kedge/timeout": "0.2"})
def overruns(x: int) -> int:
    for_ever()


@dg.op
def hangs_once(x: int) -> int:
    note("hangs_once")
    if first_time("hangs_once"):
        here(str(os.getpid()))
        for_ever()
    return x + 10


@dg.op
def unstorable(x: int) -> Any:
    return lambda: x


@dg.op
def talks(x: int) -> int:
    print("from python")
    sys.stdout.flush()
    subprocess.run(["echo", "from a child"], check=True)
    return x


@dg.op(out=dg.DynamicOut())
def many() -> Iterator[dg.DynamicOutput[int]]:
    for i in range(300):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op(out=dg.DynamicOut())
def few() -> Iterator[dg.DynamicOutput[int]]:
    note("few")
    for i in range(4):
        yield dg.DynamicOutput(i, f"k{i}")


@dg.op
def total(values: list[int]) -> int:
    note("total")
    return sum(values)


@dg.op
def work(context: dg.OpExecutionContext, x: int) -> int:
    note(f"work {context.get_mapping_key()}")
    if x == 1 and not (PLACE / "mended").exists():
        raise ValueError("not mended")
    return x


@dg.op
def echo(context: dg.OpExecutionContext, x: int) -> int:
    note(f"echo {context.get_mapping_key()}")
    return x


@dg.op(tags={"pool": "narrow"})
def guarded(x: int) -> int:
    note("enter")
    note("leave")
    return x


@dg.job
def dies() -> None:
    report(dies_once(start()))


@dg.job
def dies_for_good() -> None:
    report(always_dies(start()))


@dg.job
def leaves_early() -> None:
    leaves(start())


@dg.job
def exits_early() -> None:
    exits(start())


@dg.job
def gives_up_early() -> None:
    gives_up(start())


@dg.job
def torn_down() -> None:
    tears_down(start())


@dg.job
def waits() -> None:
    report(hangs(start()))


@dg.job
def hang_together() -> None:
    one = start()
    hangs(one)
    hangs.alias("also_hangs")(one)


@dg.job
def overrun() -> None:
    overruns(start())


@dg.job
def interrupted() -> None:
    report(hangs_once(start()))


@dg.job
def cannot_store() -> None:
    unstorable(start())


@dg.job
def talkative() -> None:
    talks(start())


@dg.job
def wide_fan_in() -> None:
    total(many().collect())


@dg.job
def mended() -> None:
    total(few().map(lambda x: echo(work(x))).collect())


@dg.job
def consumed() -> None:
    report(total(few().map(echo).collect()))


@dg.job
def narrow() -> None:
    total(few().map(guarded).collect())
