"""What happens when a device runs out of memory: fewer members are computed at once, or one error says what to do."""

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import attrs

from gmcore.domain import OutOfMemory
from gmcore.domain.sizes import size_text
from gmcore.errors import TrainingError
from gmcore.ports import TrainingTask
from gmcore.training.chunks import memory_advice, plan_chunks

__all__ = ["AtOnce", "memory_errors_explained"]

T = TypeVar("T")


@attrs.define(kw_only=True, eq=False)
class AtOnce:
    """How many members are computed at once: half as many each time that the device runs out of memory.

    Attributes:
        task: what the members share.
        count: number of members computed at once.
        halvings: how often the device ran out of memory.
    """

    task: TrainingTask
    count: int
    halvings: int = 0

    def attempt(self, work: Callable[[], Sequence[T]], *, of: int, members: Sequence[int] = ()) -> Sequence[T] | None:
        """Return `work()`; if the device ran out of memory, halve `count`, emit `OutOfMemory` and return None.

        Args:
            work: computes some members at once.
            of: their number.
            members: their indices, if they are trained.

        Raises:
            TrainingError: if there is not enough memory for one member.
        """
        if of == 1:
            with memory_errors_explained(self.task):
                return work()
        try:
            return work()
        except Exception as error:
            if not self.task.backend.is_out_of_memory(error):
                raise
        # Only here, after the error with the frames of what failed, the arrays in these frames can be freed.
        gc.collect()
        self.count = -(-of // 2)
        self.halvings += 1
        self.task.hooks.emit(OutOfMemory(members=tuple(members), tried=of, at_once=self.count))
        return None


@contextlib.contextmanager
def memory_errors_explained(task: TrainingTask) -> Iterator[None]:
    """Raise a `TrainingError` that says what to do in place of an error which means that memory ran out."""
    try:
        yield
    except Exception as error:
        if task.backend.is_out_of_memory(error):
            raise TrainingError(_explanation(task, error)) from error
        raise


def _explanation(task: TrainingTask, error: Exception) -> str:
    plan = plan_chunks(task, 1)
    found = str(error).strip().partition("\n")[0]
    return (
        f"{task.backend.device} ran out of memory with one model at a time, which was estimated to take "
        f"{size_text(plan.estimated)} of {size_text(plan.total)}: {memory_advice(task, plan.rows)} ({found:.200})"
    )
