"""Where a run may read and delete values. Its records come from pods that anybody may have written; they say where a
value is, and are believed no further than this.

A run reads values of runs of its own namespace, and deletes its own. The rules stand in `kedge.core.layout`; here they
are applied to what records say. Called by I/O managers before they read, and by engines before they delete.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kedge.core.layout import RunPaths
from kedge.io.errors import ValueForbidden


def readable(paths: RunPaths, path: Any, what: str) -> str:
    """`path`, where the run may read a value there; `what` names the reader. Raises ValueForbidden."""
    if not isinstance(path, str) or not paths.may_read(path):
        raise ValueForbidden(
            f"{what}: its record says that the value is at {str(path)[:500]!r}, which is no value of a run of "
            f"namespace {paths.namespace}; a run reads none but those. Run the step that made it again"
        )
    return path


def own_values(paths: RunPaths, records: Iterable[Any]) -> list[str]:
    """The paths of the values behind some records that the run may delete; those of others are left alone."""
    named = (_path_in(record) for record in records)
    return [path for path in named if path is not None and paths.owns(path)]


def _path_in(record: Any) -> str | None:
    """Where a record says that its value is; None where it lies outside of the store."""
    if not record:
        return None
    found = record["value"].get("path") if "value" in record else record.get("file")
    return found if isinstance(found, str) else None
