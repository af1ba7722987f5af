"""Which rows each step of an epoch sees: a pure function of seeds and places, computed on the host."""

from collections.abc import Sequence

import attrs
import numpy as np

from gmcore.domain import Member, Tree, generator
from gmcore.ports import Schedule

__all__ = ["TrainingPlan", "evaluation_plan"]

_UINT32 = np.uint64(0xFFFFFFFF)


@attrs.frozen(kw_only=True, eq=False)
class TrainingPlan:
    """The batches of a chunk's epochs.

    A member's batches, keys and learning rates depend on the member alone, never on its chunk. A
    member with fewer steps than the longest one has steps that do not exist.

    Attributes:
        members: the chunk, in order.
        batch_size: rows a step and member; the last batch is padded with rows of weight 0.
        shuffle: whether each epoch draws the rows in another order.
        max_epochs: what the schedule is stretched over.
        schedule: how the learning rate goes.
        learning_rates: `(members,)`, before the schedule.
        weights: `(rows,)`, how much each row counts, or None for 1 each.
    """

    members: Sequence[Member]
    batch_size: int
    shuffle: bool
    max_epochs: int
    schedule: Schedule
    learning_rates: np.ndarray
    weights: np.ndarray | None = None
    _dropout: np.ndarray = attrs.field(init=False)
    _counts: np.ndarray = attrs.field(init=False)

    @_dropout.default
    def _draw_keys(self) -> np.ndarray:
        draws = (generator(m.seed, "dropout", m.index).integers(0, 2**64, dtype=np.uint64) for m in self.members)
        return np.fromiter(draws, np.uint64, len(self.members))

    @_counts.default
    def _count_rows(self) -> np.ndarray:
        """Return 1 for a place that holds a row and 0 for padding, `(steps, members, batch)`."""
        longest = int(self.steps.max())
        sizes = np.array([len(member.train) for member in self.members])
        places = np.arange(longest * self.batch_size)
        return _by_step((places < sizes[:, None]).astype(np.float64), longest, self.batch_size)

    @property
    def steps(self) -> np.ndarray:
        """Steps an epoch, by member, `(members,)`."""
        return np.array([-(-len(member.train) // self.batch_size) for member in self.members])

    def epoch(self, number: int) -> Tree:
        """Return epoch `number`, from 0, as arrays with the steps on the first axis.

        `indices` `(steps, members, batch)` int32; `weights` the same, float64; `key`
        `(steps, members, 2)` uint32; `step` (from 1, over all epochs) and `learning_rate`, both
        `(steps, members)`, float64; and `exists`, bool, only where some member has fewer steps.
        """
        steps, size = self.steps, self.batch_size
        longest = int(steps.max())
        indices = np.empty((len(self.members), longest * size), np.int32)
        for place, member in enumerate(self.members):
            order = self._order(member, number)
            indices[place, : len(order)] = order
            indices[place, len(order) :] = order[0]
        indices = _by_step(indices, longest, size)
        place_in_epoch = np.arange(longest)[:, None]
        done = number * steps + place_in_epoch
        plan = {
            "indices": indices,
            "weights": self._counts if self.weights is None else self._counts * self.weights[indices],
            "key": _keys(self._dropout, number, longest),
            "step": done + 1.0,
            "learning_rate": self.learning_rates * self.schedule.factor(done, self.max_epochs * steps),
        }
        if steps.min() < longest:
            plan["exists"] = place_in_epoch < steps
        return plan

    def _order(self, member: Member, epoch: int) -> np.ndarray:
        if not self.shuffle:
            return member.train
        return generator(member.seed, "shuffle", member.index, epoch).permutation(member.train)


def evaluation_plan(rows: Sequence[np.ndarray], batch_size: int, weights: np.ndarray | None = None) -> Tree:
    """Return each member's rows in order, cut into batches: `indices` and `weights`, `(steps, members, batch)`.

    Args:
        rows: row indices, one array a member, possibly empty.
        batch_size: rows a step and member; what is missing is row 0 with weight 0.
        weights: `(rows,)`, how much each row counts, or None for 1 each.
    """
    steps = max(1, *(-(-len(indices) // batch_size) for indices in rows))
    padded = np.zeros((len(rows), steps * batch_size), np.int32)
    counts = np.zeros((len(rows), steps * batch_size))
    for place, indices in enumerate(rows):
        padded[place, : len(indices)] = indices
        counts[place, : len(indices)] = 1.0 if weights is None else weights[indices]
    return {"indices": _by_step(padded, steps, batch_size), "weights": _by_step(counts, steps, batch_size)}


def _by_step(rows: np.ndarray, steps: int, batch_size: int) -> np.ndarray:
    return np.ascontiguousarray(rows.reshape(len(rows), steps, batch_size).swapaxes(0, 1))


def _keys(base: np.ndarray, epoch: int, steps: int) -> np.ndarray:
    """Return SplitMix64 of each member's base at each place, as two uint32 (Steele et al. 2014)."""
    place = (np.uint64(epoch) << np.uint64(32)) + np.arange(steps, dtype=np.uint64)[:, None]
    mixed = base + (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.stack([mixed >> np.uint64(32), mixed & _UINT32], axis=-1).astype(np.uint32)
