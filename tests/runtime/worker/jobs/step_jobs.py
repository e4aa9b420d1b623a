"""Ops that wait for the test at a named pipe, and leave a note of what happens to them."""

import os
from pathlib import Path

import kedge as dg
from kedge.io.stores import open_store

FOLDER = Path(os.environ.get("KEDGE_TEST_DIR", "."))


def note(line):
    with (FOLDER / "notes").open("a") as notes:
        notes.write(f"{line}\n")


def wait():
    """Until the test opens the pipe for writing."""
    note("waiting")
    (FOLDER / "pipe").read_bytes()


def elsewhere():
    """A store at an endpoint of the test's."""
    options = {"endpoint": os.environ["KEDGE_TEST_ENDPOINT"], "allow_http": "true", "region": "us-east-1"}
    return open_store("s3://bucket", options={**options, "access_key_id": "x", "secret_access_key": "y"})


@dg.resource
def held(context):
    note("set up")
    try:
        yield 1
    finally:
        note("torn down")


class Elsewhere(dg.IOManager):
    def handle_output(self, context, obj):
        pass

    def load_input(self, context):
        note("loading")
        return elsewhere().get("value")


@dg.op(out=dg.Out(dg.Nothing), required_resource_keys={"held"})
def waits(context):
    print("some words", flush=True)
    wait()


@dg.op
def gives():
    wait()
    return 1


@dg.op(out=dg.Out(io_manager_key="elsewhere"))
def far():
    return 1


@dg.op(required_resource_keys={"held"})
def reads(context, far):
    note("entered")


@dg.op
def small():
    return 1


@dg.op
def large():
    return dg.Output(1, metadata={"text": "x" * 5000})


@dg.op
def vanishes():
    os._exit(3)


@dg.op
def interrupts():
    raise KeyboardInterrupt


@dg.job(resource_defs={"held": held, "elsewhere": dg.IOManagerDefinition.hardcoded_io_manager(Elsewhere())})
def steps():
    waits()
    gives()
    reads(far())
    small()
    large()
    vanishes()
    interrupts()


if os.environ.get("KEDGE_TEST_SLOW_IMPORT"):
    wait()
