"""Checkpoints in a folder: whole or absent, checked when they are read, the latest few kept."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gmcore.domain import CheckpointConfig, CheckpointSaved, Hooks, Snapshot
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import ModelFileError
from gmcore.ports import CheckpointStore
from gmcore.training.files import make_folder, write_whole
from gmcore.training.model_file import metadata_of

__all__ = ["Checkpoints"]

FORMAT = 1


@attrs.define(kw_only=True, eq=False)
class Checkpoints(CheckpointStore):
    """Snapshots as files of a folder, named so that a chunk's latest sorts last.

    Attributes:
        folder: where; made when the first one is written.
        config: when, and how many are kept. The last one of a chunk that has ended always is.
        hooks: who is told of each.
        say: told in a sentence of what was found damaged.
    """

    folder: Path
    config: CheckpointConfig
    hooks: Hooks = attrs.field(factory=Hooks)
    say: Callable[[str], object] = lambda _: None
    _saved_at: float = attrs.field(init=False, factory=time.monotonic)

    def due(self, *, epoch: int, step: int) -> bool:
        config = self.config
        if time.monotonic() - self._saved_at >= config.seconds:
            return True
        if step:
            return config.every_steps is not None and step % config.every_steps == 0
        return config.every_epochs is not None and epoch % config.every_epochs == 0

    def save(self, snapshot: Snapshot) -> None:
        path = self.folder / f"{_prefix(snapshot.chunk)}{snapshot.epoch:08d}-{snapshot.step:08d}.safetensors"
        make_folder(self.folder)
        write_whole(path, _encoded(snapshot))
        self._saved_at = time.monotonic()
        for old in self._files(snapshot.chunk)[: -1 if snapshot.done else -self.config.keep]:
            old.unlink(missing_ok=True)
        for call in self.hooks.checkpoint_saved:
            call(CheckpointSaved(path=path, epoch=snapshot.epoch))

    def load(self, chunk: int) -> Snapshot | None:
        for path in reversed(self._files(chunk)):
            try:
                return _decoded(path.read_bytes(), path)
            except (ModelFileError, OSError) as error:
                self.say(f"{error}: taking the one before it")
        return None

    def latest(self) -> list[Snapshot]:
        """Return the latest whole snapshot of every chunk that has one."""
        chunks = sorted({int(path.name.split("-")[1]) for path in self.folder.glob("chunk-*.safetensors")})
        return [snapshot for chunk in chunks if (snapshot := self.load(chunk)) is not None]

    def _files(self, chunk: int) -> list[Path]:
        return sorted(self.folder.glob(f"{_prefix(chunk)}*.safetensors"))


def _prefix(chunk: int) -> str:
    return f"chunk-{chunk:05d}-"


def _encoded(snapshot: Snapshot) -> bytes:
    flat = {name: np.ascontiguousarray(leaf) for name, leaf in tree_flatten(snapshot.arrays).items()}
    header = attrs.asdict(snapshot, filter=attrs.filters.exclude("arrays"))
    header |= {"format": FORMAT, "sha256": _sha256(flat)}
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
        members = tuple(header.pop("members"))
        return Snapshot(**header, members=members, arrays={"history": {}, **tree_unflatten(arrays)})
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
