"""Runs the commands of a page as its reader would: all blocks of `sh`, one after the other, in one shell.

    python hack/walk.py docs/kubernetes.md

Stops at the first one that fails. kubectl is taken from the test cluster's tools where there is none on the path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster.tools import need

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main(page: str) -> int:
    """Run the blocks of a page. Returns the shell's exit code."""
    blocks = BLOCK.findall(Path(page).read_text(encoding="utf-8"))
    if not blocks:
        raise SystemExit(f"{page} has no blocks of sh")
    environment = dict(os.environ)
    if shutil.which("kubectl") is None:
        environment["PATH"] += f"{os.pathsep}{need('kubectl').parent}"
    script = "set -eux\n" + "\n".join(blocks)
    return subprocess.run(["bash", "-c", script], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
