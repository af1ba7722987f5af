"""A model of a disk: its content, the durable part of it, and the states possible after a power cut."""

import copy
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

__all__ = ["Disk"]

Files = dict[str, bytes | None]

_ROOT = 0


@attrs.define(kw_only=True)
class _File:
    """A file: its contents after each write since the last fsync, the durable one first."""

    stages: list[bytes] = attrs.field(factory=lambda: [b""])

    @property
    def content(self) -> bytes:
        return self.stages[-1]

    def after_a_cut(self) -> set[bytes]:
        """Return the possible contents: any stage, a torn write between two stages, or zeros of the right length."""
        torn = {content for one, other in itertools.pairwise(self.stages) for content in _torn(one, other)}
        return {*self.stages, *torn}


@attrs.define(kw_only=True)
class _Folder:
    """A folder: its durable entries, and the changes since, each an atomic set of `(name, number or None)`."""

    durable: dict[str, int] = attrs.field(factory=dict)
    pending: list[dict[str, int | None]] = attrs.field(factory=list)

    @property
    def entries(self) -> dict[str, int]:
        return _changed(self.durable, self.pending)

    def after_a_cut(self) -> list[dict[str, int]]:
        """Return the possible entries, for any subset of the changes."""
        choices = itertools.product((False, True), repeat=len(self.pending))
        return [_changed(self.durable, itertools.compress(self.pending, choice)) for choice in choices]


@attrs.define(kw_only=True)
class Disk:
    """Files and folders by inode number; the root is 0."""

    _nodes: dict[int, _File | _Folder] = attrs.field(factory=lambda: {_ROOT: _Folder()})

    @classmethod
    def of(cls, folder: Path) -> "Disk":
        """Return a disk on which everything under `folder` is durable."""
        disk = cls()
        for path in sorted(folder.rglob("*")):
            where = str(path.relative_to(folder))
            if path.is_dir():
                disk.mkdir(where)
            else:
                disk.write(disk.open(where), 0, path.read_bytes())
        for number in disk._nodes:
            disk.fsync(number)
        return disk

    def copy(self) -> "Disk":
        """Return the disk as it is now."""
        return copy.deepcopy(self)

    def now(self) -> Files:
        """Return the files as a program sees them."""
        return dict(self._walk(_ROOT, ""))

    def after_a_cut(self) -> Iterator[Files]:
        """Yield every state that is possible after a power cut now."""
        folders = {number: node.after_a_cut() for number, node in self._nodes.items() if isinstance(node, _Folder)}
        for chosen in itertools.product(*folders.values()):
            entries = dict(zip(folders, chosen, strict=True))
            yield from self._contents(dict(self._reach(entries, _ROOT, "")))

    def open(self, where: str, *, truncate: bool = False) -> int:
        """Return the number of a file or folder; a missing file is created."""
        if where == ".":
            return _ROOT
        parent, name = self._parent(where)
        number = parent.entries.get(name)
        if number is None:
            number = self._make(_File())
            parent.pending.append({name: number})
        if truncate:
            self.truncate(number, 0)
        return number

    def write(self, number: int, at: int, content: bytes) -> str:
        """Write to a file."""
        file = self._file(number)
        before = file.content.ljust(at, b"\0")
        file.stages.append(before[:at] + content + before[at + len(content) :])
        return f"{len(content)} bytes"

    def truncate(self, number: int, size: int) -> str:
        """Set a file's length."""
        file = self._file(number)
        if len(file.content) != size:
            file.stages.append(file.content[:size].ljust(size, b"\0"))
        return f"to {size}"

    def fsync(self, number: int) -> str:
        """Make a file's content or a folder's entries durable; each needs its own fsync."""
        node = self._nodes[number]
        if isinstance(node, _File):
            node.stages = [node.content]
            return "a file"
        node.durable, node.pending = node.entries, []
        return "a folder"

    def rename(self, old: str, new: str) -> str:
        """Rename a file or folder; between folders, each of the two may take effect without the other."""
        (parent, before), (other, after) = self._parent(old), self._parent(new)
        moved = parent.entries[before]
        if parent is other:
            parent.pending.append({before: None, after: moved})
        else:
            parent.pending.append({before: None})
            other.pending.append({after: moved})
        return f"{old} to {new}"

    def remove(self, where: str) -> str:
        """Remove a file or folder."""
        parent, name = self._parent(where)
        parent.pending.append({name: None})
        return where

    def mkdir(self, where: str) -> str:
        """Create a folder."""
        parent, name = self._parent(where)
        parent.pending.append({name: self._make(_Folder())})
        return where

    def _make(self, node: _File | _Folder) -> int:
        number = len(self._nodes)
        self._nodes[number] = node
        return number

    def _file(self, number: int) -> _File:
        node = self._nodes[number]
        assert isinstance(node, _File)  # noqa: S101
        return node

    def _parent(self, where: str) -> tuple[_Folder, str]:
        *branches, name = where.split("/")
        node = self._nodes[_ROOT]
        for branch in branches:
            assert isinstance(node, _Folder)  # noqa: S101
            node = self._nodes[node.entries[branch]]
        assert isinstance(node, _Folder)  # noqa: S101
        return node, name

    def _walk(self, number: int, prefix: str) -> Iterator[tuple[str, bytes | None]]:
        entries = {at: node.entries for at, node in self._nodes.items() if isinstance(node, _Folder)}
        for where, found in self._reach(entries, number, prefix):
            node = self._nodes[found]
            yield where, node.content if isinstance(node, _File) else None

    def _reach(self, entries: dict[int, dict[str, int]], number: int, prefix: str) -> Iterator[tuple[str, int]]:
        for name, child in entries[number].items():
            yield f"{prefix}{name}", child
            if child in entries:
                yield from self._reach(entries, child, f"{prefix}{name}/")

    def _contents(self, reached: dict[str, int]) -> Iterator[Files]:
        """Yield the reachable files with each combination of their possible contents."""
        files = {number: node for number in reached.values() if isinstance(node := self._nodes[number], _File)}
        for chosen in itertools.product(*(sorted(file.after_a_cut()) for file in files.values())):
            content = dict(zip(files, chosen, strict=True))
            yield {where: content.get(number) for where, number in reached.items()}


def _changed(entries: dict[str, int], changes: Iterable[dict[str, int | None]]) -> dict[str, int]:
    after: dict[str, int | None] = dict(entries)
    for change in changes:
        after |= change
    return {name: number for name, number in after.items() if number is not None}


def _torn(one: bytes, other: bytes) -> Iterator[bytes]:
    """Yield torn writes from one content to another: the first bytes, half, all but the last byte, zeros."""
    common = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
    for at in {min(common + 1, len(other)), (common + len(other)) // 2, max(common, len(other) - 1)}:
        yield other[:at] + one[at:]
    yield one[: len(other)].ljust(len(other), b"\0")
