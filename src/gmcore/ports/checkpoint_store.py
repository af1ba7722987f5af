"""Port: a store of checkpoints."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Snapshot

__all__ = ["CheckpointStore"]


@runtime_checkable
class CheckpointStore(Protocol):
    """A store of the snapshots from which training can resume.

    Snapshots are written in the background; listeners are called, and errors raised, in the thread that trains.
    """

    @abstractmethod
    def due(self, *, epoch: int, step: int) -> bool:
        """Return whether a checkpoint is due after `epoch` epochs and `step` steps of the next one."""

    @abstractmethod
    def save(self, snapshot: Snapshot) -> None:
        """Wait until the previous snapshot is written, then start to write this one; its arrays must not change.

        Raises:
            OutputError: as in `wait`.
        """

    @abstractmethod
    def report(self) -> None:
        """Call the listeners if the last snapshot has become durable, without waiting for it.

        Raises:
            OutputError: as in `wait`.
        """

    @abstractmethod
    def wait(self) -> None:
        """Wait until the last snapshot is durable, then call the listeners.

        Raises:
            OutputError: if it can't be written and `CheckpointConfig.on_error` ends the run. Earlier snapshots stay
                intact.
        """

    @abstractmethod
    def load(self, chunk: int) -> Snapshot | None:
        """Return the latest undamaged snapshot of a chunk, or None if none was ever saved.

        Raises:
            InputError: if all saved snapshots are damaged.
        """
