"""Where local runs are kept, and which engine is alive: a folder, with a lock file for each run.

`$KEDGE_HOME`, or `.kedge` in the current folder. An engine holds the lock of its run while it lives, so that a
second one can't take the run up, and so that others can tell a running run from an interrupted one. Step processes
that were forked hold it with the engine: where the engine was killed, the lock is free once its last step is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from kedge.core.errors import KedgeError, ProtocolError
from kedge.core.layout import is_segment

_DYING_SECONDS = 20.0
"""How long the step processes of a killed engine may take to end, on a machine that is busy."""


class RunIsAlive(KedgeError):
    """Another engine is running this run."""


def _place() -> Path:
    return Path(os.environ.get("KEDGE_HOME") or ".kedge").absolute()


def home() -> Path:
    """The folder, made when missing; git is told to leave it alone."""
    found = _place()
    if not found.exists():
        found.mkdir(parents=True, exist_ok=True)
        (found / ".gitignore").write_text("*\n")
    return found


def identity() -> str:
    """What tells this home from others, which have other locks; made when missing."""
    with (home() / "id").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of several that begin together, one writes
        file.seek(0)
        found = file.read()
        if not found:
            found = uuid.uuid4().hex
            file.write(found)
        return found


def known_identity() -> str | None:
    """The same, for who only looks; None while no run was begun here."""
    try:
        return (_place() / "id").read_text(encoding="utf-8", errors="replace") or None
    except OSError:
        return None


def default_store() -> str:
    """The store's URL when none is given: `$KEDGE_STORE`, or a folder in the home."""
    return os.environ.get("KEDGE_STORE") or f"file://{home()}/store"


def is_default_store(url: str) -> bool:
    """Whether a store is the one that `default_store` names. Makes no folders."""
    return url == (os.environ.get("KEDGE_STORE") or f"file://{_place()}/store")


def _lock_path(run: str) -> Path:
    if not is_segment(run):
        raise ProtocolError(f"{run[:200]!r} is no id of a run; its run.json was not written by kedge")
    folder = home() / "engines"
    folder.mkdir(exist_ok=True)
    return folder / f"{run}.lock"


@contextlib.contextmanager
def engine_lock(run: str) -> Iterator[None]:
    """Hold the run's lock; it is free again when this process is gone, however it ends.

    Raises RunIsAlive when another engine holds it.
    """
    descriptor = _lock(run)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
        with contextlib.suppress(OSError):
            _lock_path(run).unlink()
    finally:
        os.close(descriptor)


def _lock(run: str) -> int:
    """The locked file. Waits for the steps of an engine that was killed, which end by themselves."""
    deadline = time.monotonic() + _DYING_SECONDS
    while True:
        descriptor = os.open(_lock_path(run), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            engine = engine_of(run)
            if engine is not None or time.monotonic() > deadline:
                by = f"process {engine}" if engine is not None else "steps that do not end"
                raise RunIsAlive(f"run {run} is being run by {by}") from None
            time.sleep(0.01)
            continue
        if _is_current(descriptor, run):
            return descriptor
        os.close(descriptor)  # its holder ended and removed it between our open and our lock


def _is_current(descriptor: int, run: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(_lock_path(run)))
    except FileNotFoundError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def engine_of(run: str) -> int | None:
    """The process that runs this run, or None when there is none alive."""
    if not is_segment(run):
        return None
    try:
        # whoever only looks makes no folders
        descriptor = os.open(_place() / "engines" / f"{run}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).decode(errors="replace")
            return int(text) if text.isdigit() and _is_alive(int(text)) else None
        return None
    finally:
        os.close(descriptor)
