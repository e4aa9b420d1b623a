"""`make demo`: run the three Pokémon jobs one after the other, two steps at a time, and draw them on one page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kedge.cli.alive import alive_over_time
from kedge.cli.charts.page import Section, demo_page
from kedge.cli.timelines import timeline_of
from kedge.io.stores import Store, open_store
from kedge.local.runs import RunEntry, find

HERE = Path(__file__).parent
JOBS = {
    "static": "Static: every generation spelled out",
    "dynamic": "Dynamic: one clone per generation, no priorities",
    "dynamic_priority": "Dynamic with rising priorities: each batch runs end to end",
}


def main() -> int:
    """Run the jobs and write the page. Returns the exit code."""
    home = Path(os.environ.get("KEDGE_HOME") or ".kedge").absolute() / "demo"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    environment = {**os.environ, "KEDGE_HOME": str(home), "POKEMON_OUTPUT": str(home / "pokemon")}
    store = open_store(f"file://{home}/store")
    sections = []
    for job, title in JOBS.items():
        entry = run(job, store, environment)
        if entry is None:
            return 1
        sections.append(section_of(store, entry, title))
        print(
            f"{title}: {sections[-1].total:.1f} s, first batch after {sections[-1].first_done():.1f} s, "
            f"peak of data alive {sections[-1].peak / 1e6:.2f} MB"
        )
    page = home / "demo.html"
    subtitle = "One ETL over seven generations, written as three jobs on the same ops; two steps at a time."
    page.write_text(demo_page(sections, title="Kedge: batches end to end", subtitle=subtitle), encoding="utf-8")
    print(f"\nOpen {page}")
    return 0


def run(job: str, store: Store, environment: Mapping[str, str]) -> RunEntry | None:
    """Run one job as a user would; None when it failed."""
    command = [sys.executable, "-m", "kedge.cli", "run", f"{HERE / 'jobs.py'}:{job}", "-j", "2", "--json"]
    command += ["--store", store.url]
    done = subprocess.run(command, env=dict(environment), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        print(f"the {job} job failed:\n{done.stdout}", file=sys.stderr)
        return None
    return find(store, json.loads(done.stdout)["run"])


def section_of(store: Store, entry: RunEntry, title: str) -> Section:
    """What the page shows of one run. A batch is a generation; the static job has it in its aliases."""
    timeline = timeline_of(store, entry)
    batches = {}
    spans = []
    for span in timeline.spans:
        op, separator, generation = span.op.partition("_gen_")
        if separator:
            batches[span.step] = f"gen_{generation}"
        spans.append(replace(span, op=op))
    timeline = replace(timeline, title=title, spans=tuple(spans))
    return Section(timeline, alive_over_time(store, entry), batches)


if __name__ == "__main__":
    sys.exit(main())
