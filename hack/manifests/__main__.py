"""`python -m manifests`: write what is generated; with `--check`, tell what differs. See `make generate verify`."""

from __future__ import annotations

import os
import sys

import click

from manifests import documents


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when a file differs.")
def main(check: bool) -> None:
    """Write the manifests that are made from Python."""
    if not check:
        for path in documents.write():
            click.echo(f"wrote {os.path.relpath(path)}")
        return
    found = [os.path.relpath(path) for path in documents.stale()]
    if found:
        click.echo(f"{', '.join(found)}: not what the code says; call `make generate` and commit the result", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
