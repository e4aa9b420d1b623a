"""The command group. Each command's module is imported when it is called: `kedge run` pays for no charts."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import click

from kedge import __version__
from kedge.cli import plain
from kedge.core.errors import KedgeError

_GROUPS = {
    "Jobs": {
        "plan": "Show the steps of a job and their order; nothing is run.",
        "graph": "Draw a job's dependency graph.",
        "compile": "Print a job as an OpJob manifest for kubectl apply.",
        "run": "Run a job here, across local processes.",
        "submit": "Run a job on a cluster.",
    },
    "Runs, here and on a cluster": {
        "runs": "List runs, the newest first.",
        "steps": "List the steps of a run.",
        "logs": "Print what the steps of a run wrote.",
        "gantt": "Draw when each step of a run waited, started and worked.",
        "retry": "Run again what failed, or the steps that you name.",
        "resume": "Take up a run that was interrupted or suspended.",
        "cancel": "Stop a run.",
    },
    "Runs on a cluster": {
        "status": "Tell how a run stands, and what it waits for.",
        "suspend": "Let a run start no more steps for now.",
    },
    "Others": {
        "completion": "Print the shell code that completes kedge's commands.",
    },
}
_COMMANDS = [name for group in _GROUPS.values() for name in group]
_JSON = "kedge.json"


class _Lazy(click.Group):
    """A group whose commands live in `kedge.cli.commands`, one module each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"kedge.cli.commands.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _COMMANDS))
        for title, commands in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), told) for name, told in commands.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether JSON is wanted, for errors too."""
        ctx.meta[_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Errors that Kedge raises on purpose end a command with code 2 and their message, not with a traceback."""
        try:
            return super().invoke(ctx)
        except KedgeError as error:
            if ctx.meta[_JSON]:
                click.echo(json.dumps({"error": type(error).__name__, "message": str(error)}))
            else:
                click.secho(f"{type(error).__name__}: ", fg="red", bold=True, nl=False, err=True)
                click.echo(plain.text(str(error)), err=True)
            sys.exit(2)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kedge")
def cli() -> None:
    """Kedge runs Dagster's ops, graphs and jobs: here, across local processes, and natively on Kubernetes.

    RUN is a run of this machine, or oj/NAME: an OpJob of the cluster that your kubeconfig names. With --cluster,
    --context or -n, and under `kubectl kedge`, every name is an OpJob's.

    Exit codes: 0 success, 1 the run failed, 2 bad usage or definition, or a cluster that refuses.
    """
