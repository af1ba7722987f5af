"""The creation of run folders by commands, and the members or folds that a command has."""

from collections.abc import Sequence
from pathlib import Path

from gmcore.app.commands.fit import check_can_save, plain_member
from gmcore.app.composing.run import Run
from gmcore.app.records.provenance import provenance, toml_text
from gmcore.domain import Cancellation, Fold, Hooks, Member
from gmcore.storage.run_folder import RunFolder
from gmcore.training.chunks import plan_chunks

__all__ = ["new_folder", "parts_of"]


def new_folder(run: Run, command: str, runs: Path | None) -> RunFolder | None:
    """Return a new folder in `runs` with the run's configuration and provenance; None if `runs` is None.

    Raises:
        ConfigError: if the command saves its model there, and that is not possible, or if one model does not fit the
            memory; nothing is created.
        OutputError: if the folder can't be created.
    """
    if runs is None:
        return None
    if command == "train":
        check_can_save(run)
    parts = parts_of(run, command)
    plan_chunks(run.task(Hooks(), Cancellation()), len(parts))
    facts = provenance(run, command, parts)
    return RunFolder.create(runs, f"{run.name}-{command}", config=toml_text(run), provenance=facts)


def parts_of(run: Run, command: str) -> Sequence[Member | Fold]:
    """Return the only member of `"train"`, or the folds of another command."""
    return [plain_member(run)] if command == "train" else run.folds()
