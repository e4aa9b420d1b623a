"""Record what the real Dagster does in every case of tests/oracle, into tests/oracle/expected.json.

Run it with an interpreter that has Dagster (the `peer` dependency group): `python hack/record_oracle.py`. The tests
then compare Kedge with the recording, so that they need no Dagster. With `--check` (`make oracle`) nothing is written:
what Dagster does now is compared with the recording.
"""

import json
import os
import sys
from pathlib import Path

os.environ["SUT"] = "dagster"
ORACLE = Path(__file__).resolve().parent.parent / "tests" / "oracle"
sys.path.insert(0, str(ORACLE))

import dagster  # noqa: E402
from oracle_cases import find_cases, observe  # noqa: E402

RECORDING = ORACLE / "expected.json"


def main() -> None:
    observations = {name: observe(case) for name, case in find_cases().items()}
    recorded = {"dagster": dagster.__version__, "observations": observations}
    if "--check" in sys.argv:
        check(recorded)
    else:
        write(recorded)


def check(now: dict) -> None:
    """End with a summary of the observations that stand otherwise in the recording."""
    recorded = json.loads(RECORDING.read_text(encoding="utf-8"))
    if recorded["dagster"] != now["dagster"]:
        sys.exit(f"the recording is of Dagster {recorded['dagster']}, and this is {now['dagster']}")
    before, found = recorded["observations"], now["observations"]
    other = sorted(name for name in before.keys() | found.keys() if before.get(name) != found.get(name))
    for name in other:
        print(f"{name}\n  recorded: {json.dumps(before.get(name))}\n  now:      {json.dumps(found.get(name))}")
    print(f"{len(found) - len(other)} observations of Dagster {now['dagster']} as recorded, {len(other)} otherwise")
    sys.exit(bool(other))


def write(recorded: dict) -> None:
    """Write the recording; a case that fails by itself is no observation."""
    path, observations = RECORDING, recorded["observations"]
    path.write_text(json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    broken = [name for name, found in observations.items() if isinstance(found, dict) and "case raised" in found]
    print(f"{len(observations)} observations of Dagster {dagster.__version__} in {path}")
    for name in broken:
        print(f"the case itself fails: {name}: {observations[name]}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
