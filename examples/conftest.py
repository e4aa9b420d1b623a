"""What the examples' tests share: each example is loaded by its file's path, as `kedge run path.py:job` does."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def load(request: pytest.FixtureRequest) -> Iterator[Callable[[str], ModuleType]]:
    """Load a file that stands beside the test, with its folder on `sys.path` for its siblings."""
    folder = Path(request.path).parent
    before = sys.path.copy()
    sys.path.insert(0, str(folder))

    def from_path(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{folder.name}_{Path(name).stem}", folder / name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    yield from_path
    sys.path[:] = before


@pytest.fixture(scope="module")
def jobs(load: Callable[[str], ModuleType]) -> ModuleType:
    """The example's `jobs.py`."""
    return load("jobs.py")
