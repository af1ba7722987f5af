"""The record of a run, read from its run folder."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from gmcore.app.composing.run import Run, open_run
from gmcore.app.composing.run_config import read_run_file
from gmcore.app.records.distributions import missing_noted
from gmcore.app.records.provenance import FORMAT, BackendFacts, Provenance, rows_sha256
from gmcore.domain import Fold, Member
from gmcore.errors import InputError
from gmcore.storage.files import printable, reason
from gmcore.storage.formats import in_present_format
from gmcore.storage.regular_file import json_problem, read_regular, read_text

__all__ = ["READERS", "Record", "read_record", "reopened"]

READERS: Mapping[int, Callable[[Provenance], Provenance]] = {}
"""What brings the facts of a run folder of an earlier format into the next one.

Format 1 had no checksum of the run's configuration, and its run files had other names of keys, so it is not read.
"""
_ADVICE = "train with its config.toml again, or use the version that wrote it"


@attrs.frozen(kw_only=True)
class Record:
    """A run, as its folder records it.

    Attributes:
        path: the run folder.
        command: `"train"`, `"validate"` or `"search"`.
        status: `"running"`, `"done"`, `"cancelled"` or `"failed"`.
        backend: the backend and its device.
        hashes: hashes of the data and of the roles of the rows, by description.
        config: the file with the run's configuration; its checksum was right when the record was read.
        facts: the content of `provenance.json`.
    """

    path: Path
    command: str
    status: str
    backend: BackendFacts
    hashes: Mapping[str, object]
    config: Path
    facts: Provenance

    def changed(self, run: Run, parts: Sequence[Member | Fold]) -> dict[str, tuple[object, object]]:
        """Return the hashes that have changed, recorded and current, by description."""
        now = _hashes(str(run.data.metadata.get("sha256")), rows_sha256(parts))
        return {what: (then, now[what]) for what, then in self.hashes.items() if then != now[what]}


def read_record(path: Path) -> Record:
    """Return the record in a run folder.

    Raises:
        FormatError: if another version of gmcore wrote it, in a format that this version can't read.
        InputError: if `path` is not a run folder, or it is damaged.
    """
    try:
        facts = _in_present_format(path, json.loads(read_text(path / "provenance.json")))
        record = Record(
            path=path,
            command=facts["command"],
            status=json.loads(read_text(path / "status.json"))["status"],
            backend={"name": facts["backend"]["name"], "device": facts["backend"]["device"]},
            hashes=_hashes(facts["data"]["sha256"], facts["rows_sha256"]),
            config=path / "config.toml",
            facts=facts,
        )
        _check_config(record.config, facts["config_sha256"])
    except FileNotFoundError as error:
        missing = f"it has no {Path(error.filename).name}" if path.is_dir() else "it does not exist"
        raise InputError(f"{path} is not a run folder: {missing}") from error
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{printable(path)} is not a run folder: {reason(error)}") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not a run folder, or it is damaged: {json_problem(error)}") from error
    return record


def _in_present_format(path: Path, facts: Provenance) -> Provenance:
    found, packages = facts["format"], facts.get("packages")
    return in_present_format(
        facts,
        found,
        present=FORMAT,
        readers=READERS,
        what=f"the run {printable(path)}",
        advice=_ADVICE,
        version=str(packages.get("gmcore", "")) if isinstance(packages, Mapping) else "",
    )


def reopened(record: Record, backend: Mapping[str, object] | None, engine: str | None = None) -> Run:
    """Open the run of a record again.

    Args:
        record: the record.
        backend: table of another backend than the run's, as in a run file; None for the run's.
        engine: name of another engine; None for the run's.

    Raises:
        InputError: if the run's rows were passed as arrays, which no folder keeps; and as for `open_run`.
    """
    with missing_noted(record.facts.get("plugins"), "the run"):
        return _reopened(record, {"backend": backend, "engine": engine})


def _reopened(record: Record, others: Mapping[str, object]) -> Run:
    data = read_run_file(record.config).get("data")
    if isinstance(data, Mapping) and data.get("use") == "arrays":
        raise InputError(
            f"the rows of the run {record.path} were passed in code and are not kept, so it can't be resumed or "
            "replayed: train from a file, such as a CSV file, where that matters"
        )
    return open_run(record.config, settings={name: given for name, given in others.items() if given})


def _check_config(path: Path, checksum: object) -> None:
    """Raise if the file's bytes are not those that the run began with."""
    if hashlib.sha256(read_regular(path)).hexdigest() != checksum:
        raise InputError(
            f"{path} is damaged or was edited: its checksum is not the one in provenance.json "
            f"(to train with other settings, start a new run: gmcore train {path})"
        )


def _hashes(data: object, rows: str) -> dict[str, object]:
    return {"data": data, "rows to train, stop and score on": rows}
