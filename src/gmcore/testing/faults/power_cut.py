"""Simulated power cuts: a record of a program's file operations, and every state possible after a cut."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import attrs

from gmcore.testing.faults.disk import Disk

__all__ = ["Crash", "Recording", "recorded"]

T = TypeVar("T")
StrPath = str | os.PathLike[str]

_RECORDED = ("open", "close", "write", "ftruncate", "fsync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir")


@attrs.frozen(kw_only=True)
class Crash:
    """A possible state of a file system after a power cut.

    Attributes:
        after: the calls that had returned, as name and path; the next call may have been interrupted.
        marks: the marks that the program had set.
        files: content by path relative to the folder; None for a folder.
    """

    after: tuple[str, ...]
    marks: tuple[object, ...]
    files: Mapping[str, bytes | None]

    def restore(self, folder: Path) -> None:
        """Write the files into an empty folder."""
        for name, content in sorted(self.files.items()):
            if content is None:
                (folder / name).mkdir()
            else:
                (folder / name).write_bytes(content)


@attrs.define(kw_only=True, eq=False)
class Recording:
    """The file operations of a program, and the state of the disk after each."""

    _disk: Disk
    _calls: list[str] = attrs.field(factory=list)
    _marks: list[object] = attrs.field(factory=list)
    _moments: list[tuple[int, int, Disk]] = attrs.field(factory=list)

    def mark(self, value: object) -> None:
        """Record that the program got this far; what is durable now must be found after every later crash."""
        self._marks.append(value)
        self._remember()

    def crashes(self) -> Iterator[Crash]:
        """Yield every possible state after a power cut between or during calls; equal states with equal marks once.

        The rules are those of POSIX, which guarantee less than usual file systems do: data written to a file and not
        fsynced may be complete, torn, zeroed or lost; of the entries created, renamed and removed in a folder since its
        last fsync, any subset may have taken effect, even a later change without an earlier one.
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
    """Record this process's calls of `os` on files under `folder`, whose current content is taken to be durable.

    The calls of all threads are recorded, one at a time.

    Raises:
        AssertionError: if files were changed in other ways, such as by the builtin `open`.
    """
    disk = Disk.of(folder)
    recording = Recording(disk=disk)
    recording._remember()  # noqa: SLF001 - part of the same concept
    before = {name: getattr(os, name) for name in _RECORDED}
    follow = _Follower(folder=folder.resolve(), disk=disk, note=recording._note)  # noqa: SLF001
    try:
        for name, call in before.items():
            setattr(os, name, follow.wrapped(name, call))
        yield recording
    finally:
        for name, call in before.items():
            setattr(os, name, call)
    assert disk.now() == Disk.of(folder).now(), "files were changed by calls that are not recorded"  # noqa: S101


@attrs.frozen(kw_only=True, eq=False)
class _Follower:
    """Applies the recorded calls to the model of the disk."""

    folder: Path
    disk: Disk
    note: Callable[[str], None]
    handles: dict[int, int] = attrs.field(factory=dict)
    folders: dict[int, str] = attrs.field(factory=dict)
    lock: threading.RLock = attrs.field(factory=threading.RLock)

    def wrapped(self, name: str, call: Callable[..., T]) -> Callable[..., T]:
        """Return `call` with its effect applied to the model."""
        follow = getattr(self, f"_{name}")

        def followed(*arguments: object, **options: object) -> T:
            with self.lock:
                result = call(*arguments, **options)
                where = follow(result, *arguments, **options)
                if where is not None:
                    self.note(f"{name} {where}")
                return result

        return followed

    def _inside(self, path: StrPath, dir_fd: int | None = None) -> str | None:
        if dir_fd is not None:
            within = self.folders.get(dir_fd)
            return None if within is None else os.path.normpath(f"{within}/{os.fsdecode(path)}")
        found = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - links are not resolved
        found = found.parent.resolve() / found.name
        return str(found.relative_to(self.folder)) if found.is_relative_to(self.folder) else None

    def _open(
        self, handle: int, path: StrPath, flags: int, *_: object, dir_fd: int | None = None, **__: object
    ) -> str | None:
        where = self._inside(path, dir_fd)
        if where is None:
            return None
        self.folders[handle] = where
        self.handles[handle] = self.disk.open(where, truncate=bool(flags & os.O_TRUNC))
        return where

    def _close(self, _: None, handle: int) -> None:
        self.handles.pop(handle, None)
        self.folders.pop(handle, None)

    def _write(self, count: int, handle: int, content: bytes | memoryview) -> str | None:
        if handle not in self.handles:
            return None
        end = os.lseek(handle, 0, os.SEEK_CUR)
        return self.disk.write(self.handles[handle], end - count, bytes(content)[:count])

    def _ftruncate(self, _: None, handle: int, size: int) -> str | None:
        return self.disk.truncate(self.handles[handle], size) if handle in self.handles else None

    def _fsync(self, _: None, handle: int) -> str | None:
        return self.disk.fsync(self.handles[handle]) if handle in self.handles else None

    def _replace(self, _: None, old: StrPath, new: StrPath) -> str | None:
        one, other = self._inside(old), self._inside(new)
        assert (one is None) == (other is None), "moved into or out of the recorded folder"  # noqa: S101
        return self.disk.rename(one, other) if one is not None and other is not None else None

    def _unlink(self, _: None, path: StrPath, *, dir_fd: int | None = None) -> str | None:
        where = self._inside(path, dir_fd)
        return self.disk.remove(where) if where is not None else None

    def _mkdir(self, _: None, path: StrPath, *__: object) -> str | None:
        where = self._inside(path)
        return self.disk.mkdir(where) if where is not None else None

    _rename = _replace
    _remove = _rmdir = _unlink
