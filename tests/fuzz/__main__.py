"""`python tests/fuzz TARGET`: fuzz one target with atheris, which takes libFuzzer's own options after its name.

`--seeds` runs its seeds alone, `--large` its large inputs, saying what each has cost: JSON, a line for each. What is
found goes into `.fuzz/TARGET/found`, and what leads to new code into `.fuzz/TARGET/corpus`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import fuzzing

PLACE = Path(".fuzz")


def main() -> None:
    name, *options = sys.argv[1:]
    if options[:1] == ["--large"]:
        large(name, options[1:])
    elif options == ["--seeds"]:
        seeds(name)
    else:
        fuzz(name, options)


def seeds(name: str) -> None:
    module = fuzzing.target(name)
    for data in module.SEEDS:
        module.check(data)


def large(name: str, wanted: list[str]) -> None:
    """Each large input in turn: seconds of processor time, and how many bytes more than before were ever in use."""
    module = fuzzing.target(name)
    for data in module.SEEDS[:3]:
        module.check(data)  # so that all is imported
    for kind in wanted or module.LARGE:
        data = module.LARGE[kind]()
        began, before = time.process_time(), _most_memory()
        module.check(data)
        print(
            json.dumps({"input": kind, "seconds": time.process_time() - began, "bytes": _most_memory() - before}),
            flush=True,
        )


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(name: str, options: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["kedge", "kedge_operator", "yaml"]):
        module = fuzzing.target(name)
    corpus, found = PLACE / name / "corpus", PLACE / name / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for data in module.SEEDS:
        (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
    limits = ["-max_len=20000", "-timeout=20", "-rss_limit_mb=1500", f"-artifact_prefix={found}/"]
    atheris.Setup([sys.argv[0], *limits, *options, str(corpus)], module.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
