"""A job that tells what its second step had to load. Apart from the others: a hook is loaded where it is defined."""

import os
import sys
from pathlib import Path

import kedge as dg

PLACE = Path(os.environ["KEDGE_TEST_DIR"])


@dg.op
def lists_modules() -> list[str]:
    return sorted(sys.modules)


@dg.op
def logs_and_passes_on(context: dg.OpExecutionContext, modules: list[str]) -> list[str]:
    context.log.info("read %s names", len(modules))
    return modules


@dg.success_hook
def note_what_came_since(context: dg.HookContext) -> None:
    before = context.op_output_values["result"]
    (PLACE / "new").write_text("\n".join(sorted(set(sys.modules) - set(before))))


@dg.job
def warm() -> None:
    logs_and_passes_on.with_hooks({note_what_came_since})(lists_modules())
