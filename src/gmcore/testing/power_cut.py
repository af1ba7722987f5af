"""A disk that loses power: what a program did to its files, and every state they may be in after a cut."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from gmcore.testing.disk import Disk

__all__ = ["Crash", "Recording", "recorded"]

_RECORDED = ("open", "close", "write", "ftruncate", "fsync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir")


@attrs.frozen(kw_only=True)
class Crash:
    """A state that a file system may be in after the power was cut.

    Attributes:
        after: the calls that had returned, by name and path; the next may have been under way.
        marks: what the program had noted by then.
        files: what is there: content by path from the folder on, None for a folder.
    """

    after: tuple[str, ...]
    marks: tuple[Any, ...]
    files: Mapping[str, bytes | None]

    def restore(self, folder: Path) -> None:
        """Put the files into an empty folder."""
        for name, content in sorted(self.files.items()):
            if content is None:
                (folder / name).mkdir()
            else:
                (folder / name).write_bytes(content)


@attrs.define(kw_only=True, eq=False)
class Recording:
    """The calls of a program, and what they had done to the disk at each."""

    _disk: Disk
    _calls: list[str] = attrs.field(factory=list)
    _marks: list[Any] = attrs.field(factory=list)
    _moments: list[tuple[int, int, Disk]] = attrs.field(factory=list)

    def mark(self, value: Any) -> None:
        """Note that the program got this far; what was durable then must be so in every later crash."""
        self._marks.append(value)
        self._remember()

    def crashes(self) -> Iterator[Crash]:
        """Yield every state after a cut between any two calls, or in one; equal ones with equal marks once.

        The rules are those of POSIX, which are harsher than a usual file system: what was written to a file and not
        fsynced is there, torn, zeroed or lost; of what was made, renamed and removed in a folder since its
        last fsync any part may have happened, in particular a later call without an earlier one.
        """
        seen = set()
        for calls, marks, disk in self._moments:
            for files in disk.after_a_cut():
                key = (marks, tuple(sorted(files.items())))
                if key not in seen:
                    seen.add(key)
                    yield Crash(after=tuple(self._calls[:calls]), marks=tuple(self._marks[:marks]), files=files)

    def _note(self, call: str) -> None:
        self._calls.append(call)
        self._remember()

    def _remember(self) -> None:
        self._moments.append((len(self._calls), len(self._marks), self._disk.copy()))


@contextlib.contextmanager
def recorded(folder: Path) -> Iterator[Recording]:
    """Record what this process does through `os` to the files under `folder`, whose present content is durable.

    Raises:
        AssertionError: if the files were changed past what is recorded, such as by the builtin `open`.
    """
    disk = Disk.of(folder)
    recording = Recording(disk=disk)
    recording._remember()  # noqa: SLF001 - one concept in two parts
    before = {name: getattr(os, name) for name in _RECORDED}
    follow = _Follower(folder=folder.resolve(), disk=disk, told=recording._note)  # noqa: SLF001
    try:
        for name, call in before.items():
            setattr(os, name, follow.wrapped(name, call))
        yield recording
    finally:
        for name, call in before.items():
            setattr(os, name, call)
    assert disk.now() == Disk.of(folder).now(), "files were changed in ways that are not recorded"  # noqa: S101


@attrs.frozen(kw_only=True, eq=False)
class _Follower:
    """Does to the model of a disk what was done to the real one."""

    folder: Path
    disk: Disk
    told: Callable[[str], None]
    handles: dict[int, int] = attrs.field(factory=dict)

    def wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call`, followed."""
        follow = getattr(self, f"_{name}")

        def followed(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            where = follow(result, *arguments)
            if where is not None:
                self.told(f"{name} {where}")
            return result

        return followed

    def _inside(self, path: Any) -> str | None:
        found = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - a link is not followed
        found = found.parent.resolve() / found.name
        return str(found.relative_to(self.folder)) if found.is_relative_to(self.folder) else None

    def _open(self, handle: int, path: Any, flags: int, *_: Any) -> str | None:
        where = self._inside(path)
        if where is None:
            return None
        self.handles[handle] = self.disk.open(where, truncate=bool(flags & os.O_TRUNC))
        return where

    def _close(self, _: None, handle: int) -> None:
        self.handles.pop(handle, None)

    def _write(self, count: int, handle: int, content: Any) -> str | None:
        if handle not in self.handles:
            return None
        end = os.lseek(handle, 0, os.SEEK_CUR)
        return self.disk.write(self.handles[handle], end - count, bytes(content)[:count])

    def _ftruncate(self, _: None, handle: int, size: int) -> str | None:
        return self.disk.truncate(self.handles[handle], size) if handle in self.handles else None

    def _fsync(self, _: None, handle: int) -> str | None:
        return self.disk.fsync(self.handles[handle]) if handle in self.handles else None

    def _replace(self, _: None, old: Any, new: Any) -> str | None:
        one, other = self._inside(old), self._inside(new)
        assert (one is None) == (other is None), "moved over the border of what is recorded"  # noqa: S101
        return self.disk.rename(one, other) if one is not None and other is not None else None

    def _unlink(self, _: None, path: Any, **__: Any) -> str | None:
        where = self._inside(path)
        return self.disk.remove(where) if where is not None else None

    def _mkdir(self, _: None, path: Any, *__: Any) -> str | None:
        where = self._inside(path)
        return self.disk.mkdir(where) if where is not None else None

    _rename = _replace
    _remove = _rmdir = _unlink
