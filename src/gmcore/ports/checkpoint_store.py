"""Port: where checkpoints are kept."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

from gmcore.domain import Snapshot

__all__ = ["CheckpointStore"]


@runtime_checkable
class CheckpointStore(Protocol):
    """Where training keeps what it could go on from."""

    @abstractmethod
    def due(self, *, epoch: int, step: int) -> bool:
        """Return whether a snapshot shall be saved now: `epoch` epochs are over, `step` steps of the next are done."""

    @abstractmethod
    def save(self, snapshot: Snapshot) -> None:
        """Begin to keep a snapshot, which is not changed any more, once the one before is durable; errors of `wait`."""

    @abstractmethod
    def report(self) -> None:
        """Tell listeners if the snapshot that was saved last has become durable since; errors of `wait`."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until the snapshot that was saved last is durable, and tell listeners.

        Raises:
            OutputError: if the place does not take it and that shall end the run; the ones before are intact
                either way.
        """

    @abstractmethod
    def load(self, chunk: int) -> Snapshot | None:
        """Return the latest snapshot of a chunk that is whole, or None where none was ever kept.

        Raises:
            InputError: if some were kept and none is whole.
        """
