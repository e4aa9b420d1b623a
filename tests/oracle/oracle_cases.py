"""Finding the cases, and running one: `cases/*.py`, functions named `case_...` that return JSON-able data."""

import importlib.util
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def find_cases() -> dict[str, Callable[[], Any]]:
    """All cases by name, `file.case`."""
    found: dict[str, Callable[[], Any]] = {}
    for path in sorted((HERE / "cases").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"oracle_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            if name.startswith("case_"):
                found[f"{path.stem}.{name.removeprefix('case_')}"] = value
    return found


def observe(case: Callable[[], Any]) -> Any:
    """What one case observes, as JSON reads it back; an error of the case itself is an observation too."""
    logging.disable(logging.CRITICAL)
    try:
        found = case()
    except Exception as error:
        found = {"case raised": f"{type(error).__name__}: {str(error)[:300]}"}
    finally:
        logging.disable(logging.NOTSET)
    return json.loads(json.dumps(found))
