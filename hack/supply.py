"""What images consist of, and whether any of it is known to be vulnerable.

    python hack/supply.py sbom     dist/sbom/IMAGE.cdx.json for each image: CycloneDX, by cyclonedx-py
    python hack/supply.py audit    asks the vulnerability databases, by pip-audit

An image is its base, which whoever builds it chooses, with the packages of one locked list: that list is told of here.
`make sbom` and `make audit` call this.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".venv-supply/bin"
UV = ROOT / ".venv/uv/bin/uv"
FOLDER = ROOT / "dist/sbom"
IMAGES = {
    "kedge-runtime": ROOT / "requirements/runtime.txt",
    "kedge-operator": ROOT / "requirements/operator.txt",
    "kedge-examples": ROOT / "requirements/examples.txt",
}
SERVICES = ("pypi", "osv")
_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def sbom() -> int:
    """Write the lists, and check each against its lock."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for image, lock in IMAGES.items():
        path = FOLDER / f"{image}.cdx.json"
        _write(lock, path)
        found = json.loads(path.read_text(encoding="utf-8"))
        parts = {(_plain(one["name"]), one["version"]): one for one in found["components"]}
        wrong = sorted(f"{name} {version}" for name, version in set(parts) - set(_pins(lock)))
        unlicensed = sorted(name for (name, _), one in parts.items() if not one.get("licenses"))
        if wrong or not parts:
            print(f"{path.name}: {', '.join(wrong) or 'nothing'} is not what {lock.name} says", file=sys.stderr)
            return 1
        told = f", no licence told by {', '.join(unlicensed)}" if unlicensed else ""
        print(f"{path.relative_to(ROOT)}: {len(parts)} packages{told}")
    return 0


def _write(lock: Path, path: Path) -> None:
    """The list of an environment that holds what the image gets."""
    environment = ROOT / ".venv-supply/images" / lock.stem
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", environment], check=True)
    sync = [UV, "pip", "sync", "--quiet", "--require-hashes", lock]
    subprocess.run(sync, check=True, env={**os.environ, "VIRTUAL_ENV": str(environment)})
    command = [TOOLS / "cyclonedx-py", "environment", "--output-reproducible", "--pyproject", ROOT / "pyproject.toml"]
    subprocess.run([*command, "--output-file", path, environment / "bin/python"], check=True)


def _pins(lock: Path) -> Iterator[tuple[str, str]]:
    for name, version in _PIN.findall(lock.read_text(encoding="utf-8")):
        yield _plain(name), version


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def audit() -> int:
    """Ask what is known against the packages of all images. Returns 1 when there is something.

    Where no database can be reached it says so, and that nothing was checked.
    """
    answers = {service: _ask(service) for service in SERVICES}
    bad = False
    for service, found in answers.items():
        asked = [one for one in found if "vulns" in one]
        print(f"{service}: {len(asked)} of {len(found)} packages looked up" if asked else f"{service}: not reached")
        for one in asked:
            for known in one["vulns"]:
                bad = True
                fixed = ", ".join(known["fix_versions"]) or "no version"
                print(f"  {one['name']} {one['version']}: {known['id']}, mended in {fixed}")
    if not any("vulns" in one for found in answers.values() for one in found):
        print("No database of vulnerabilities can be reached from here: nothing was checked.")
    return int(bad)


def _ask(service: str) -> list[dict[str, Any]]:
    """What pip-audit says of each package; nothing when its database does not answer."""
    locks = [part for lock in IMAGES.values() for part in ("-r", lock)]
    options = ["--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off", "--timeout=10"]
    command = [TOOLS / "pip-audit", f"--vulnerability-service={service}", *options, *locks]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return []
    return found


if __name__ == "__main__":
    if sys.argv[1:] not in (["sbom"], ["audit"]):
        sys.exit(__doc__)
    sys.exit(sbom() if sys.argv[1] == "sbom" else audit())
