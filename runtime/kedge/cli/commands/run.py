"""`kedge run TARGET`."""

from __future__ import annotations

from dataclasses import replace

import click

from kedge.cli import options
from kedge.core.settings import Retain

_LIMIT_HELP = "At most N steps with this tag at once; KEY=*:N for each value."
_RETAIN = [one.value for one in Retain]


@click.command("run")
@options.target_argument
@options.config
@options.select
@options.max_concurrent
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the run.")
@click.option("--tag-limit", "limits", multiple=True, metavar="KEY[=VALUE]:N", help=_LIMIT_HELP)
@click.option("--fail-fast/--no-fail-fast", default=None, help="Stop at the first failed step.")
@click.option("--retain", type=click.Choice(_RETAIN, case_sensitive=False), help="How long values are kept.")
@options.partition
@click.option("--no-cache", is_flag=True, help="Run memoized steps too, whatever earlier runs have.")
@click.option("--no-pickle", is_flag=True, help="Refuse values that only a pickle can hold.")
@click.option("--start-method", type=click.Choice(["auto", "fork", "spawn"]), help="How steps start.")
@click.option("-q", "--quiet", is_flag=True, help="Print only how it ended.")
@options.store
@options.as_json
def command(
    target: str,
    config_text: str | None,
    selection: tuple[str, ...],
    max_concurrent: int | None,
    tags: tuple[str, ...],
    limits: tuple[str, ...],
    fail_fast: bool | None,
    retain: str | None,
    partition: str | None,
    no_cache: bool,
    no_pickle: bool,
    start_method: str | None,
    quiet: bool,
    store_url: str | None,
    as_json: bool,
) -> None:
    """Run a job across local processes, as its pods would run it.

    TARGET is package.module:job, path/to/file.py:job, or a manifest job.yaml.
    """
    from kedge.cli.driving import drive
    from kedge.cli.targets import load
    from kedge.local import runs

    loaded = load(target, options.read_config(config_text), selection, options.read_tags(tags), partition)
    document = loaded.document
    settings = document.settings
    if max_concurrent is not None:
        settings = replace(settings, max_concurrent=max_concurrent)
    if fail_fast is not None:
        settings = replace(settings, fail_fast=fail_fast)
    if retain is not None:
        settings = replace(settings, retain=Retain(retain))
    if no_cache:
        settings = replace(settings, cache=False)
    if no_pickle:
        settings = replace(settings, allow_pickle=False)
    tag_limits = document.tag_limits + options.read_tag_limits(limits)
    document = replace(document, settings=settings, tag_limits=tag_limits)
    store = options.open_store_at(store_url)
    paths = runs.create(store, document, target)
    method = start_method or runs.executor_settings(loaded.job, document.run_config).start_method or "auto"
    drive(store, paths, document, as_json=as_json, quiet=quiet, method=method)
