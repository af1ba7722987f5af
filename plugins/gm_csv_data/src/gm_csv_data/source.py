"""The files of a table, in order."""

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from gm_csv_data.delimited_file import DelimitedFile
from gmcore.errors import DataError

__all__ = ["Source", "find_files"]

_PATTERN = "*?["


@attrs.frozen(kw_only=True)
class Source:
    """Files whose rows are concatenated, and the position of each row in them.

    Attributes:
        name: the name in messages.
        files: one or more files.
        counts: number of rows in each file.
    """

    name: str
    files: tuple[DelimitedFile, ...]
    counts: tuple[int, ...] = ()

    def place(self, row: int) -> str:
        """Return the file and line of a row, such as `"fruit.csv, line 3"`."""
        file, line = self._find(row)
        return f"{file.path}, line {line}"

    def line(self, row: int) -> str:
        """Return the line of a row, such as `"line 3"`, with the file if there are several."""
        file, line = self._find(row)
        return f"line {line}" if len(self.files) == 1 else f"line {line} of {file.path}"

    def _find(self, row: int) -> tuple[DelimitedFile, int]:
        for file, count in zip(self.files, self.counts, strict=True):
            if row < count:
                return file, file.line_of(row)
            row -= count
        raise IndexError(row)


def find_files(given: Path | Iterable[Path], *, separator: str, encoding: str) -> Source:
    """Return the files of a path: the file of that name, or all that match a pattern, sorted by name.

    Raises:
        DataError: if a pattern matches nothing.
    """
    asked = [given] if isinstance(given, Path) else list(given)
    paths = [path for one in asked for path in _matching(one)]
    name = str(asked[0]) if len(asked) == 1 else f"{asked[0]} and {len(asked) - 1} more"
    return Source(name=name, files=tuple(DelimitedFile(path=p, separator=separator, encoding=encoding) for p in paths))


def _matching(path: Path) -> Sequence[Path]:
    if path.exists() or not any(mark in str(path) for mark in _PATTERN):
        return [path]
    found = sorted(Path(one) for one in glob.glob(str(path), recursive=True) if Path(one).is_file())  # noqa: PTH207 - absolute patterns too
    if not found:
        raise DataError(f"no file matches {path}")
    return found
