"""The best model so far of a training that is stopped, saved in its run folder."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gmcore.app.commands.fit import model_of
from gmcore.app.composing.run import Run
from gmcore.errors import Cancelled, GmcoreError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.training.fleet.checkpointer import best_so_far

__all__ = ["best_model_kept"]


@contextlib.contextmanager
def best_model_kept(run: Run, folder: Path | None, checkpoints: Checkpoints | None) -> Iterator[None]:
    """Save the best model of the last checkpoint if the training in the block is stopped; the error gets a note of it.

    Args:
        run: the run that trains one model.
        folder: the run folder, in which the file is `model.safetensors`; None for none.
        checkpoints: the store of the training's checkpoints; None without a folder.
    """
    try:
        yield
    except (Cancelled, KeyboardInterrupt) as error:
        if folder is not None and checkpoints is not None:
            error.add_note(_kept(run, folder / "model.safetensors", checkpoints))
        raise


def _kept(run: Run, path: Path, checkpoints: Checkpoints) -> str:
    """Save the best model, and return a sentence about it."""
    try:
        found = next((best for one in checkpoints.latest() if (best := best_so_far(one)) is not None), None)
        if found is None:
            return "no epoch was completed, so there is no model yet"
        variables, epoch = found
        model_of(run, variables).save(path)
    except GmcoreError as error:
        return f"the best model so far could not be saved: {error}"
    return f"best model so far, of epoch {epoch}: {path}"
