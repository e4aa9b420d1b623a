"""Entry of the `kedge` command; says what to install where the command line's libraries are missing."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    _run("kedge")


def plugin() -> None:
    """The same as `kubectl kedge`: kubectl finds it by its file's name, kubectl-kedge."""
    _run("kubectl kedge")


def _run(name: str) -> None:
    try:
        import click  # noqa: F401
    except ModuleNotFoundError:
        print('The kedge command needs its extra: pip install "kedge[cli]"', file=sys.stderr)  # noqa: T201
        sys.exit(2)
    from kedge.cli.app import cli

    cli(prog_name=name)


if __name__ == "__main__":
    main()
