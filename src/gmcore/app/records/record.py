"""What a run folder tells of its run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from gmcore.app.composing.run import Run
from gmcore.app.records.provenance import FORMAT, rows_sha256
from gmcore.errors import InputError

__all__ = ["Record", "read_record"]


@attrs.frozen(kw_only=True)
class Record:
    """A run as its folder has it.

    Attributes:
        path: the folder.
        command: `"train"` or `"validate"`.
        status: `"running"`, `"done"`, `"cancelled"` or `"failed"`.
        backend: its `name` and `device`.
        hashes: of the data and of the rows' roles, by what they are of.
        facts: all of `provenance.json`.
    """

    path: Path
    command: str
    status: str
    backend: Mapping[str, str]
    hashes: Mapping[str, str]
    facts: Mapping[str, Any]

    def changed(self, run: Run, parts: list[Any]) -> dict[str, tuple[str, str]]:
        """Return the hashes that are not what they were: then and now, by what they are of."""
        now = _hashes(str(run.data.metadata.get("sha256")), rows_sha256(parts))
        return {what: (then, now[what]) for what, then in self.hashes.items() if then != now[what]}


def read_record(path: Path) -> Record:
    """Return what a run folder tells.

    Raises:
        InputError: if that is no run folder of this version, or it is damaged.
    """
    try:
        facts = json.loads((path / "provenance.json").read_text())
        if facts["format"] != FORMAT:
            raise InputError(f"{path} has format {facts['format']}, this gmcore reads format {FORMAT}")
        return Record(
            path=path,
            command=facts["command"],
            status=json.loads((path / "status.json").read_text())["status"],
            backend={name: facts["backend"][name] for name in ("name", "device")},
            hashes=_hashes(facts["data"]["sha256"], facts["rows_sha256"]),
            facts=facts,
        )
    except FileNotFoundError as error:
        lacking = f"it has no {Path(error.filename).name}" if path.is_dir() else "it is not there"
        raise InputError(f"{path} is not a run folder: {lacking}") from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a run folder, or it is damaged: {error!r}") from error


def _hashes(data: str, rows: str) -> dict[str, str]:
    return {"data": data, "rows to train, stop and score on": rows}
