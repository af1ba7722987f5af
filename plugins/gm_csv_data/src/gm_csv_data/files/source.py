"""The files of a table, in order."""

import glob
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import numpy as np

from gm_csv_data.files.delimited_file import DelimitedFile
from gm_csv_data.files.dialect import Dialect
from gmcore.errors import DataError

__all__ = ["Source", "find_files"]

_PATTERN = "*?["
_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@attrs.frozen(kw_only=True, eq=False)
class Source:
    """Files whose rows are concatenated, and the position of each row in them.

    Attributes:
        name: the name in messages.
        files: one or more files.
        counts: number of rows in each file.
        kept: which rows of the files are used, in order, int64; None for all.
    """

    name: str
    files: tuple[DelimitedFile, ...]
    counts: tuple[int, ...] = ()
    kept: np.ndarray | None = None

    @property
    def height(self) -> int:
        """Number of rows that are used."""
        return sum(self.counts) if self.kept is None else len(self.kept)

    def only(self, rows: np.ndarray) -> "Source":
        """Return the source with only the rows at these positions, `(n,)` int64, in ascending order."""
        return attrs.evolve(self, kept=rows if self.kept is None else self.kept[rows])

    def place(self, row: int) -> str:
        """Return the file and line of a row, such as `"fruit.csv, line 3"`."""
        file, line = self._find(row)
        return f"{file.path}, line {line}"

    def line(self, row: int) -> str:
        """Return the line of a row, such as `"line 3"`, with the file if there are several."""
        file, line = self._find(row)
        return f"line {line}" if len(self.files) == 1 else f"line {line} of {file.path}"

    def _find(self, row: int) -> tuple[DelimitedFile, int]:
        row = row if self.kept is None else int(self.kept[row])
        for file, count in zip(self.files, self.counts, strict=True):
            if row < count:
                return file, file.line_of(row)
            row -= count
        raise IndexError(row)


def find_files(given: Path | Iterable[Path], dialect: Dialect) -> Source:
    """Return the files of a path: the file of that name, or all that match a pattern, sorted by name.

    Raises:
        DataError: if a pattern matches nothing, or a path is invalid or not that of a file that can be read twice.
    """
    asked = [given] if isinstance(given, Path) else list(given)
    paths = [path for one in asked for path in _matching(one)]
    name = str(asked[0]) if len(asked) == 1 else f"{asked[0]} and {len(asked) - 1} more"
    return Source(name=name, files=tuple(DelimitedFile(path=path, dialect=dialect) for path in paths))


def _matching(path: Path) -> Sequence[Path]:
    if _exists(path) or not any(mark in str(path) for mark in _PATTERN):
        return [path]
    # A folder may have brackets in its name: what exists is no part of the pattern.
    folder = next(parent for parent in path.parents if parent == parent.parent or _exists(parent))
    pattern = str(path.relative_to(folder))
    found = sorted(folder / one for one in glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207 - Path.glob follows no `**` of symbolic links
    files = [one for one in found if one.is_file()]
    if not files:
        raise DataError(f"no file matches {path}")
    return files


def _exists(path: Path) -> bool:
    """Return whether there is a file or folder.

    Raises:
        DataError: if the path is invalid, or what is there can't be read as a file.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)  # noqa: PTH116 - Path.exists hides why
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError as error:
        raise DataError(f"{str(path)!r} is not a path: it has a null character") from error
    except OSError as error:
        raise DataError(f"{_shortened(path)} can't be read: {error.strerror or error}") from error
    if kind in _SPECIAL:
        raise DataError(f"{path} is {_SPECIAL[kind]}; write its content to a file, which is read more than once")
    return True


def _shortened(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-50:]}"  # noqa: PLR2004 - a few lines
