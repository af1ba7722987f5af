"""Checkpoints in a folder: whole or absent, checked when they are read, the latest few kept."""

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import attrs
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gmcore.domain import CheckpointConfig, CheckpointSaved, Hooks, Snapshot
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import InputError, ModelFileError
from gmcore.ports import CheckpointStore
from gmcore.storage.files import make_folder, write_whole
from gmcore.storage.model_file import metadata_of
from gmcore.storage.optional_writes import OptionalWrites

__all__ = ["Checkpoints"]

FORMAT = 4
"""Changes when checkpoints that were written before can't be gone on from any more."""

_NAME = re.compile(r"chunk-(\d{5,})-\d{8,}-\d{8,}\.safetensors")


@attrs.define(kw_only=True, eq=False)
class Checkpoints(CheckpointStore):
    """Snapshots as files of a folder, named so that a chunk's latest sorts last; written while training goes on.

    Each has the best weights so far of every member, besides the latest: the best are never older
    than the latest checkpoint, and go with it.

    Attributes:
        folder: where; made when the first one is written.
        config: when, how many are kept, and what it means that one can't be written. The last one of a chunk
            that has ended always is kept.
        hooks: who is told of each.
        say: told in a sentence of what was found damaged, and of what can't be written.
        beforehand: called before each, to make durable what shall never be behind it.
    """

    folder: Path
    config: CheckpointConfig
    hooks: Hooks = attrs.field(factory=Hooks)
    say: Callable[[str], object] = lambda _: None
    beforehand: Callable[[], object] = lambda: None
    _attempts: OptionalWrites = attrs.field(init=False)
    _tried_at: float = attrs.field(init=False, factory=time.monotonic)
    _thread: ThreadPoolExecutor = attrs.field(init=False, factory=lambda: ThreadPoolExecutor(1, "gmcore-checkpoint"))
    _under_way: tuple[Future[None], CheckpointSaved] | None = attrs.field(init=False, default=None)

    @_attempts.default
    def _as_configured(self) -> OptionalWrites:
        return OptionalWrites(what="checkpoints", on_error=self.config.on_error, say=self.say)

    def due(self, *, epoch: int, step: int) -> bool:
        config = self.config
        if time.monotonic() - self._tried_at >= config.seconds:
            return True
        if step:
            return config.every_steps is not None and step % config.every_steps == 0
        return config.every_epochs is not None and epoch % config.every_epochs == 0

    def save(self, snapshot: Snapshot) -> None:
        self.wait()
        path = self.folder / f"{_prefix(snapshot.chunk)}{snapshot.epoch:08d}-{snapshot.step:08d}.safetensors"
        saved = CheckpointSaved(path=path, epoch=snapshot.epoch)
        self._under_way = self._thread.submit(self._write, snapshot, path), saved
        self._tried_at = time.monotonic()

    def report(self) -> None:
        if self._under_way and self._under_way[0].done():
            self.wait()

    def wait(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way and self._attempts(under_way[0].result):
            for call in self.hooks.checkpoint_saved:
                call(under_way[1])

    def load(self, chunk: int) -> Snapshot | None:
        """Return the latest snapshot of a chunk that is whole, or None if there is no file of it.

        Raises:
            ModelFileError: if there are files, and none of them is whole: beginning anew is for people to decide.
        """
        self.wait()
        paths = self._files(chunk)
        for path in reversed(paths):
            try:
                return _decoded(path.read_bytes(), path)
            except (ModelFileError, OSError) as error:
                last = error
                if path != paths[0]:
                    self.say(f"{error}: taking the one before it")
        if paths:
            raise ModelFileError(
                f"{last}, and there is no whole one before it: to train its models from the beginning, "
                f"remove {self.folder / _prefix(chunk)}*"
            )
        return None

    def latest(self) -> list[Snapshot]:
        """Return the latest whole snapshot of every chunk that has one; errors as for `load`."""
        chunks = sorted({int(found[1]) for name in self._names() if (found := _NAME.fullmatch(name))})
        return [snapshot for chunk in chunks if (snapshot := self.load(chunk)) is not None]

    def _write(self, snapshot: Snapshot, path: Path) -> None:
        self.beforehand()
        make_folder(self.folder)
        write_whole(path, _encoded(snapshot))
        # What sorts after it was found damaged, or training would have gone on from there.
        files = self._files(snapshot.chunk)
        kept = files[: files.index(path) + 1][-1 if snapshot.done else -self.config.keep :]
        for old in set(files) - set(kept):
            with contextlib.suppress(OSError):
                old.unlink()

    def _files(self, chunk: int) -> list[Path]:
        return [self.folder / name for name in self._names() if name.startswith(_prefix(chunk))]

    def _names(self) -> list[str]:
        """Return the names of all checkpoints, in order."""
        try:
            return sorted(path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"cannot read {self.folder}: {error.strerror or error}") from error


def _prefix(chunk: int) -> str:
    return f"chunk-{chunk:05d}-"


def _encoded(snapshot: Snapshot) -> bytes:
    flat = {name: np.ascontiguousarray(leaf) for name, leaf in tree_flatten(snapshot.arrays).items()}
    header = attrs.asdict(snapshot, filter=attrs.filters.exclude("arrays"))
    # Safetensors forgets the order, and a library may compute a tree in another order with other last bits.
    header |= {"format": FORMAT, "sha256": _sha256(flat), "order": list(flat)}
    return save(flat, metadata={"gmcore_checkpoint": json.dumps(header, sort_keys=True)})


def _decoded(content: bytes, path: Path) -> Snapshot:
    try:
        arrays = load(content)
        header = json.loads(metadata_of(content)["gmcore_checkpoint"])
        told, version = header.pop("sha256"), header.pop("format")
        if version != FORMAT:
            raise ModelFileError(f"the checkpoint {path} has format {version}, this gmcore reads format {FORMAT}")
        if told != _sha256(arrays):
            raise ModelFileError(f"the checkpoint {path} is damaged: its checksum does not match")
        members, numbers = tuple(header.pop("members")), tuple(header.pop("numbers"))
        ordered = {name: arrays[name] for name in header.pop("order")}
        return Snapshot(**header, members=members, numbers=numbers, arrays=tree_unflatten(ordered))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"the checkpoint {path} is damaged ({error})") from error


def _sha256(flat: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(flat):
        array = np.ascontiguousarray(flat[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.data.cast("B") if array.size else b"")
    return digest.hexdigest()
