"""Where the results go: one Parquet file a generation, and a line for each in a SQLite table.

Both may be written by several processes at once and again by a retry; the last complete write of a generation stands.
"""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

COLUMNS = ("generation", "count", "mean_total", "strongest", "outliers", "luck")
_TABLE = """
CREATE TABLE IF NOT EXISTS generations (
    generation INTEGER PRIMARY KEY, count INTEGER NOT NULL, mean_total REAL NOT NULL,
    strongest TEXT NOT NULL, outliers INTEGER NOT NULL, luck REAL NOT NULL
)"""
_UPSERT = f"""
INSERT INTO generations ({", ".join(COLUMNS)}) VALUES ({", ".join(f":{name}" for name in COLUMNS)})
ON CONFLICT (generation) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}"""


def write_frame(folder: Path, generation: int, frame: pl.DataFrame) -> Path:
    """Write the frame under a name of its own and move it into place: nobody ever reads half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"generation_{generation}.parquet"
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=folder)
    os.close(handle)
    try:
        frame.write_parquet(name)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    return target


def upsert(folder: Path, line: dict[str, Any]) -> None:
    """Set the generation's line, waiting while another process writes its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(_connect(folder)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TABLE)
        connection.execute(_UPSERT, line)


def lines(folder: Path) -> list[dict[str, Any]]:
    """All lines, by generation."""
    with closing(_connect(folder)) as connection:
        found = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM generations ORDER BY generation")
        return [dict(zip(COLUMNS, line, strict=True)) for line in found]


def _connect(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "summary.sqlite", timeout=60)
