"""A run folder: configuration, provenance, status, epoch log and results of one run."""

import contextlib
import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs

from gmcore.domain.plain import plain
from gmcore.errors import OutputError
from gmcore.storage.files import make_folder, printable, reason, write_whole
from gmcore.storage.regular_file import read_regular

__all__ = ["RunFolder"]


@attrs.frozen
class RunFolder:
    """One run on disk.

    It holds `config.toml` (resolved), `provenance.json`, which has the checksum of `config.toml`, `status.json`,
    `metrics.jsonl` (one line per epoch) and the command's output: `result.json`, `model.safetensors`.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def log(self) -> Path:
        """The epoch log."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def identity(self) -> str:
        """Hash of the run's configuration; a checkpoint with another hash belongs to another run."""
        return hashlib.sha256(read_regular(self.path / "config.toml")).hexdigest()

    @classmethod
    def create(cls, runs: Path, name: str, *, config: str, provenance: Mapping[str, object]) -> "RunFolder":
        """Create a new run folder under `runs`, named `name` and the time in UTC.

        Raises:
            OutputError: if it can't be written; nothing is left behind.
        """
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
        folder = cls(_new_folder(runs, f"{name}-{stamp}"))
        try:
            content = config.encode()
            write_whole(folder.path / "config.toml", content)
            facts = {**provenance, "config_sha256": hashlib.sha256(content).hexdigest()}
            # It records variables of the environment, which other users must not read.
            folder.write_json("provenance.json", facts, mode=0o600)
            folder.tell("running")
        except OutputError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        return folder

    def tell(self, status: str, **more: object) -> None:
        """Write the run's status: `"running"`, `"done"`, `"cancelled"` or `"failed"`."""
        self.write_json("status.json", {"status": status, **more})

    def write_json(self, name: str, content: Mapping[str, object], *, mode: int = 0o666) -> None:
        """Write one JSON file atomically; `mode` as in `write_whole`."""
        write_whole(self.path / name, (json.dumps(plain(content), indent=2) + "\n").encode(), mode=mode)


def _new_folder(runs: Path, name: str) -> Path:
    try:
        make_folder(runs)
        for attempt in range(1000):
            folder = runs / (f"{name}-{attempt}" if attempt else name)
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                make_folder(folder)
                return folder
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot create a run folder in {printable(runs)}: {reason(error)}") from error
    raise OutputError(f"cannot create a run folder in {runs}: there are already 1,000 runs named {name}")
