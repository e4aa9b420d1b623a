"""The sizes of the files in a folder: ops one after the other, and a diamond of them."""

from pathlib import Path

import kedge as dg


class Folder(dg.Config):
    """Which folder to look at; `pattern` says which files below it count."""

    directory: str = str(Path(__file__).parent)
    pattern: str = "*"


@dg.op
def file_sizes(context: dg.OpExecutionContext, config: Folder) -> dict[str, int]:
    """Bytes of each file, by its path within the folder."""
    root = Path(config.directory)
    if not root.is_dir():
        raise dg.Failure(
            f"{root} is not a folder: set the config `directory` of the op file_sizes to one that is there"
        )
    files = sorted(path for path in root.rglob(config.pattern) if path.is_file())
    context.log.info(f"{len(files)} files in {root}")
    return {path.relative_to(root).as_posix(): path.stat().st_size for path in files}


@dg.op
def total_size(sizes: dict[str, int]) -> int:
    """Bytes of all files together."""
    return sum(sizes.values())


@dg.op
def largest_file(sizes: dict[str, int]) -> str:
    """The path of the largest file; the first by name where several are; empty where there is none."""
    return min(sizes, key=lambda path: (-sizes[path], path), default="")


@dg.op
def report_total(context: dg.OpExecutionContext, total: int) -> str:
    """One line, logged."""
    line = f"{total} bytes in all"
    context.log.info(line)
    return line


@dg.op
def report(context: dg.OpExecutionContext, total: int, largest: str) -> str:
    """One line of both results, logged."""
    line = f"{total} bytes in all; the largest file is {largest or 'nowhere to be seen'}"
    context.log.info(line)
    return line


@dg.job
def serial() -> None:
    """One op after the other."""
    report_total(total_size(file_sizes()))


@dg.job
def diamond() -> None:
    """One op feeds two, which may run at the same time, and a last one waits for both."""
    sizes = file_sizes()
    report(total=total_size(sizes), largest=largest_file(sizes))
