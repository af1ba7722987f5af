"""The record of a run, read from its run folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from gmcore.app.composing.run import Run
from gmcore.app.records.provenance import FORMAT, BackendFacts, Provenance, rows_sha256
from gmcore.domain import Fold, Member
from gmcore.errors import InputError

__all__ = ["Record", "read_record"]


@attrs.frozen(kw_only=True)
class Record:
    """A run, as its folder records it.

    Attributes:
        path: the run folder.
        command: `"train"`, `"validate"` or `"search"`.
        status: `"running"`, `"done"`, `"cancelled"` or `"failed"`.
        backend: the backend and its device.
        hashes: hashes of the data and of the roles of the rows, by description.
        facts: the content of `provenance.json`.
    """

    path: Path
    command: str
    status: str
    backend: BackendFacts
    hashes: Mapping[str, object]
    facts: Provenance

    def changed(self, run: Run, parts: Sequence[Member | Fold]) -> dict[str, tuple[object, object]]:
        """Return the hashes that have changed, recorded and current, by description."""
        now = _hashes(str(run.data.metadata.get("sha256")), rows_sha256(parts))
        return {what: (then, now[what]) for what, then in self.hashes.items() if then != now[what]}


def read_record(path: Path) -> Record:
    """Return the record in a run folder.

    Raises:
        InputError: if `path` is not a run folder of this version, or it is damaged.
    """
    try:
        facts: Provenance = json.loads((path / "provenance.json").read_text())
        if facts["format"] != FORMAT:
            raise InputError(f"{path} has format {facts['format']}, but this version of gmcore reads format {FORMAT}")
        return Record(
            path=path,
            command=facts["command"],
            status=json.loads((path / "status.json").read_text())["status"],
            backend={"name": facts["backend"]["name"], "device": facts["backend"]["device"]},
            hashes=_hashes(facts["data"]["sha256"], facts["rows_sha256"]),
            facts=facts,
        )
    except FileNotFoundError as error:
        reason = f"it has no {Path(error.filename).name}" if path.is_dir() else "it does not exist"
        raise InputError(f"{path} is not a run folder: {reason}") from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a run folder, or it is damaged: {error!r}") from error


def _hashes(data: object, rows: str) -> dict[str, object]:
    return {"data": data, "rows to train, stop and score on": rows}
