"""Checkpoints in a folder: written atomically in a background thread, verified when read, the latest few kept."""

import contextlib
import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import attrs
import numpy as np

from gmcore.domain import CheckpointConfig, CheckpointSaved, Hooks, Snapshot
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import FormatError, InputError, ModelFileError
from gmcore.ports import CheckpointStore
from gmcore.storage.files import make_folder, write_whole
from gmcore.storage.optional_writes import OptionalWrites
from gmcore.storage.regular_file import read_regular
from gmcore.storage.sealed import opened, sealed

__all__ = ["Checkpoints"]

FORMAT = 6
"""Changes when earlier checkpoints can no longer be resumed from: they are never brought into the present format."""

_KEY = "gmcore_checkpoint"
_ADVICE = (
    "use the version that wrote it, which the run's provenance.json names, or remove the run's folder 'checkpoints', "
    "and gmcore resume trains from the start"
)
_NAME = re.compile(r"chunk-(\d{5,})-\d{8,}-\d{8,}\.safetensors")


@attrs.define(kw_only=True, eq=False)
class Checkpoints(CheckpointStore):
    """Snapshots as files in a folder, named so that a chunk's latest sorts last; written while training continues.

    Each holds the latest weights and the best weights so far of every member, so both are of the same moment.

    Attributes:
        folder: the folder, created with the first checkpoint.
        config: how often to write, how many to keep, and whether a failed write ends the run. The final
            checkpoint of a chunk is always kept.
        hooks: its `checkpoint_saved` functions are called after each write.
        say: called with a message when a checkpoint is damaged or can't be written.
        beforehand: called before each write, to flush files that must not be older than the checkpoint.
        run: identity of the run, such as the hash of its configuration, which is written into each file; a checkpoint
            of another run counts as damaged. Empty to accept those of any run.
    """

    folder: Path
    config: CheckpointConfig
    hooks: Hooks = attrs.field(factory=Hooks)
    say: Callable[[str], object] = lambda _: None
    beforehand: Callable[[], object] = lambda: None
    run: str = ""
    _writes: OptionalWrites = attrs.field(init=False)
    _last_save: float = attrs.field(init=False, factory=time.monotonic)
    _thread: ThreadPoolExecutor = attrs.field(init=False, factory=lambda: ThreadPoolExecutor(1, "gmcore-checkpoint"))
    _pending: tuple[Future[None], CheckpointSaved] | None = attrs.field(init=False, default=None)

    @_writes.default
    def _default_writes(self) -> OptionalWrites:
        return OptionalWrites(what="checkpoints", on_error=self.config.on_error, say=self.say)

    def due(self, *, epoch: int, step: int) -> bool:
        config = self.config
        if time.monotonic() - self._last_save >= config.seconds:
            return True
        if step:
            return config.every_steps is not None and step % config.every_steps == 0
        return config.every_epochs is not None and epoch % config.every_epochs == 0

    def save(self, snapshot: Snapshot) -> None:
        self.wait()
        path = self.folder / f"{_prefix(snapshot.chunk)}{snapshot.epoch:08d}-{snapshot.step:08d}.safetensors"
        saved = CheckpointSaved(path=path, epoch=snapshot.epoch)
        self._pending = self._thread.submit(self._write, snapshot, path), saved
        self._last_save = time.monotonic()

    def report(self) -> None:
        if self._pending and self._pending[0].done():
            self.wait()

    def wait(self) -> None:
        pending, self._pending = self._pending, None
        if pending and self._writes(pending[0].result):
            for call in self.hooks.checkpoint_saved:
                call(pending[1])

    def load(self, chunk: int) -> Snapshot | None:
        """Return the latest intact snapshot of a chunk, or None if it has no checkpoint.

        Raises:
            FormatError: if another version of gmcore wrote one.
            ModelFileError: if the chunk has checkpoints and all are damaged; restarting it is the user's decision.
        """
        self.wait()
        paths = self._files(chunk)
        for path in reversed(paths):
            try:
                return _decoded(read_regular(path), path, run=self.run)
            except FormatError:
                raise  # it is intact, and the next write would remove it
            except (InputError, OSError) as error:
                last = error
                if path != paths[0]:
                    self.say(f"{error}; using the checkpoint before it")
        if paths:
            raise ModelFileError(
                f"{last}, and no earlier checkpoint is intact: to train its models from the start, "
                f"remove {self.folder / _prefix(chunk)}*"
            )
        return None

    def latest(self) -> list[Snapshot]:
        """Return the latest intact snapshot of every chunk that has checkpoints; raises like `load`."""
        chunks = sorted({int(found[1]) for name in self._names() if (found := _NAME.fullmatch(name))})
        return [snapshot for chunk in chunks if (snapshot := self.load(chunk)) is not None]

    def _write(self, snapshot: Snapshot, path: Path) -> None:
        self.beforehand()
        make_folder(self.folder)
        write_whole(path, _encoded(snapshot, run=self.run))
        # Files that sort after this one are damaged: otherwise training would have resumed from them.
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


def _encoded(snapshot: Snapshot, *, run: str) -> tuple[bytes, memoryview]:
    flat = {name: np.ascontiguousarray(leaf) for name, leaf in tree_flatten(snapshot.arrays).items()}
    header = attrs.asdict(snapshot, filter=attrs.filters.exclude("arrays"))
    # Safetensors does not keep the order, and some libraries round differently when a tree's order changes.
    return sealed(flat, key=_KEY, about={**header, "format": FORMAT, "order": list(flat), "run": run})


def _decoded(content: bytes, path: Path, *, run: str) -> Snapshot:
    what = f"the checkpoint {path}"
    try:
        arrays, header = opened(content, key=_KEY, known=FORMAT, what=what, advice=_ADVICE)
        values = cast("dict[str, Any]", header)
        of = values.pop("run", "")
        ordered = {name: arrays[name] for name in values.pop("order")}
        values |= {name: tuple(values[name]) for name in ("members", "numbers")}
        snapshot = Snapshot(**values, arrays=tree_unflatten(ordered))
    except ModelFileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # Python's own texts about types and keys say nothing about a file.
        found = f"{error!s:.200}" if isinstance(error, ValueError) else "its header is malformed"
        raise ModelFileError(f"{what} is damaged ({found})") from error
    if run and of != run:
        raise ModelFileError(f"{what} is of another run")
    return snapshot
