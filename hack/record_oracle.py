"""Record what the real Dagster does in every case of tests/oracle, into tests/oracle/expected.json.

Run it with an interpreter that has Dagster (the `peer` dependency group): `python hack/record_oracle.py`. The tests
then compare Kedge with the recording, so that they need no Dagster.
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


def main() -> None:
    observations = {name: observe(case) for name, case in find_cases().items()}
    recorded = {"dagster": dagster.__version__, "observations": observations}
    path = ORACLE / "expected.json"
    path.write_text(json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    broken = [name for name, found in observations.items() if isinstance(found, dict) and "case raised" in found]
    print(f"{len(observations)} observations of Dagster {dagster.__version__} in {path}")
    for name in broken:
        print(f"the case itself fails: {name}: {observations[name]}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
