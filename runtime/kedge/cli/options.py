"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kedge.core.plan import TagLimit

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
store = click.option(
    "--store", "store_url", metavar="URL", help="Where runs are. [default: $KEDGE_STORE or .kedge/store]"
)
endpoint = click.option(
    "--store-endpoint",
    "endpoint",
    metavar="URL",
    envvar="KEDGE_STORE_ENDPOINT",
    help="Where the store of a cluster's run can be reached from here. [default: as its pods reach it]",
)
watch = click.option("-w", "--watch", is_flag=True, help="Follow it to its end.")
config = click.option("-c", "--config", "config_text", metavar="FILE|JSON", help="Run config: a YAML file, or JSON.")
_SELECT_HELP = "Run only these ops: load, *load, load*, +load+."
select = click.option("-s", "--select", "selection", multiple=True, metavar="OP", help=_SELECT_HELP)
max_concurrent = click.option(
    "-j",
    "--max-concurrent",
    type=click.IntRange(min=1),
    help="Steps unfinished at once. [default: 10, or the manifest's]",
)
partition = click.option("--partition", metavar="KEY", help="The partition to run for.")
_ENTRYPOINT_HELP = "Where the job is inside the image. [default: TARGET]"
entrypoint = click.option("--entrypoint", metavar="MODULE:ATTR", help=_ENTRYPOINT_HELP)
output = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")


def open_store_at(url: str | None) -> Any:
    """The store of a command. Raises StoreError for a URL that names none."""
    from kedge.io.stores import open_store
    from kedge.local.home import default_store

    return open_store(url or default_store())


def read_config(text: str | None) -> dict[str, Any]:
    """A run config from a file or from JSON. Ends with a usage error for neither."""
    if not text:
        return {}
    from kedge.core.errors import ProtocolError
    from kedge.core.protocol import read_json

    try:
        if text.lstrip().startswith("{"):
            found = read_json(text, "it")
        else:
            from kedge.definitions import yaml_data

            found = yaml_data.document(Path(text).read_text(encoding="utf-8"), "it")
    except (OSError, ValueError, ProtocolError) as error:
        raise click.BadParameter(f"{text[:200]}: {error}", param_hint="--config") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise click.BadParameter(f"{text} holds {type(found).__name__}, not a mapping", param_hint="--config")
    return found


def read_tags(pairs: tuple[str, ...]) -> dict[str, str]:
    """Tags from KEY=VALUE."""
    found = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{pair!r}: write KEY=VALUE", param_hint="--tag")
        found[key] = value
    return found


def read_tag_limits(texts: tuple[str, ...]) -> tuple[TagLimit, ...]:
    """Limits from KEY:N, KEY=VALUE:N or KEY=*:N (each value on its own)."""
    found = []
    for text in texts:
        head, separator, number = text.rpartition(":")
        key, has_value, value = head.partition("=")
        if not separator or not key or not number.isdecimal() or len(number) > 9:
            raise click.BadParameter(f"{text!r}: write KEY:N, KEY=VALUE:N or KEY=*:N", param_hint="--tag-limit")
        each = value == "*"
        found.append(TagLimit(key, int(number), value if has_value and not each else None, each))
    return tuple(found)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of runs, for shell completion: of this machine, or of a cluster where the line says so."""
    from kedge.cli.cluster.where import of_context

    if "/" in incomplete or of_context(ctx).chosen:
        return complete_opjobs(ctx, param, incomplete)
    from kedge.local.runs import catalogue

    entries = catalogue(open_store_at(ctx.params.get("store_url")))
    return [entry.name for entry in entries if entry.name.startswith(incomplete)]


def complete_opjobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of OpJobs, for shell completion; `oj/` before them is kept."""
    from kedge.cli.cluster import opjobs
    from kedge.cli.cluster.where import of_context
    from kedge.core.errors import KedgeError

    head, slash, begun = incomplete.rpartition("/")
    try:
        return [f"{head}{slash}{name}" for name in opjobs.names(of_context(ctx).kubectl()) if name.startswith(begun)]
    except KedgeError:
        return []


run_argument: Callable[..., Any] = click.argument("run_name", metavar="RUN", shell_complete=complete_runs)
opjob_argument: Callable[..., Any] = click.argument("run_name", metavar="NAME", shell_complete=complete_opjobs)
target_argument: Callable[..., Any] = click.argument("target", metavar="TARGET")
