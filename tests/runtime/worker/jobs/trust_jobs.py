"""Ops that read what the test says is there, and some that store what only a pickle can hold."""

import os
from pathlib import Path

import kedge as dg

FOLDER = Path(os.environ.get("KEDGE_TEST_DIR", "."))


class Words(dg.UPathIOManager):
    extension = ".txt"

    def dump_to_path(self, context, obj, path):
        path.write_text(obj)

    def load_from_path(self, context, path):
        return path.read_text()


@dg.op
def gives():
    return 1


@dg.op(out=dg.Out(io_manager_key="words"))
def writes():
    return "word"


@dg.op(out=dg.Out(io_manager_key="pickles"))
def pickles():
    return "word"


@dg.op
def gives_a_set():
    return {1, 2}


@dg.op(out=dg.Out(dg.Nothing))
def reads(context, x):
    (FOLDER / "read").write_text(repr(x))


@dg.op(out=dg.Out(dg.Nothing))
def reads_all(context, xs):
    (FOLDER / "read").write_text(repr(xs))


@dg.op
def talks():
    return dg.Output(1, metadata={"text": "x" * (33 << 20)})


@dg.op(out=dg.DynamicOut())
def many():
    yield dg.DynamicOutput(1, "a")


FOLDERS = {
    "words": dg.IOManagerDefinition.hardcoded_io_manager(Words()),
    "pickles": dg.fs_io_manager.configured({"base_dir": str(FOLDER / "base" / "dir")}),
}


@dg.job(op_retry_policy=dg.RetryPolicy(max_retries=5), resource_defs=FOLDERS)
def trusts():
    reads(gives())
    reads.alias("reads_words")(writes())
    reads.alias("reads_pickles")(pickles())
    gives_a_set()
    talks()
    reads_all(many().collect())
