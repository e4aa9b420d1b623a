"""Both jobs over a folder made for the purpose."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.txt").write_bytes(b"x" * 10)
    (tmp_path / "below" / "b.txt").write_bytes(b"x" * 300)
    (tmp_path / "below" / "c.bin").write_bytes(b"x" * 300)
    (tmp_path / "empty.txt").write_bytes(b"")
    return tmp_path


def config(directory: Path, pattern: str = "*") -> dict[str, Any]:
    return {"ops": {"file_sizes": {"config": {"directory": str(directory), "pattern": pattern}}}}


def test_serial_adds_up_every_file(jobs: ModuleType, folder: Path) -> None:
    result = jobs.serial.execute_in_process(run_config=config(folder))
    assert result.output_for_node("file_sizes") == {"a.txt": 10, "below/b.txt": 300, "below/c.bin": 300, "empty.txt": 0}
    assert result.output_for_node("report_total") == "610 bytes in all"


def test_diamond_joins_both_branches(jobs: ModuleType, folder: Path) -> None:
    result = jobs.diamond.execute_in_process(run_config=config(folder))
    assert result.output_for_node("total_size") == 610
    assert result.output_for_node("report") == "610 bytes in all; the largest file is below/b.txt"


def test_the_pattern_narrows(jobs: ModuleType, folder: Path) -> None:
    result = jobs.diamond.execute_in_process(run_config=config(folder, "*.txt"))
    assert result.output_for_node("report") == "310 bytes in all; the largest file is below/b.txt"


def test_an_empty_folder_has_no_largest_file(jobs: ModuleType, tmp_path: Path) -> None:
    result = jobs.diamond.execute_in_process(run_config=config(tmp_path))
    assert result.output_for_node("report") == "0 bytes in all; the largest file is nowhere to be seen"


def test_without_config_it_looks_at_the_example_itself(jobs: ModuleType) -> None:
    sizes = jobs.serial.execute_in_process().output_for_node("file_sizes")
    assert sizes["jobs.py"] == Path(jobs.__file__).stat().st_size


def test_a_folder_that_is_not_there_fails_with_what_to_do(jobs: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(jobs.dg.Failure, match="set the config `directory`"):
        jobs.serial.execute_in_process(run_config=config(tmp_path / "nowhere"))
