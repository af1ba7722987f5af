"""Which rows each step of an epoch sees: a pure function of seeds and places, computed on the host."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs
import numpy as np

from gmcore.domain import Member, Tree, generator
from gmcore.ports import Optimizer, Schedule

__all__ = ["TrainingPlan", "evaluation_plan"]

_UINT32 = np.uint64(0xFFFFFFFF)
# Shuffling by blocks reads rows that are neighbours: so many at a time, from so many blocks at once.
_BLOCK = 256
_WINDOW = 64 * _BLOCK


@attrs.frozen(kw_only=True, eq=False)
class TrainingPlan:
    """The batches of a chunk's epochs.

    A member's batches, keys and coefficients depend on the member alone, never on its chunk. A
    member with fewer steps than the longest one has steps without rows.

    Attributes:
        members: the chunk, in order.
        batch_size: rows a step and member; the last batch is padded.
        shuffle: whether each epoch draws the rows in another order, from all of them or by blocks.
        max_epochs: what the schedule is stretched over.
        schedule: how the learning rate goes.
        optimizer: whose coefficients are planned.
        settings: the optimizer's, `(members,)` each.
        draws: whether the model needs keys.
        weights: `(rows,)`, how much each row counts, or None for 1 each.
    """

    members: Sequence[Member]
    batch_size: int
    shuffle: bool | Literal["blocks"]
    max_epochs: int
    schedule: Schedule
    optimizer: Optimizer
    settings: Mapping[str, np.ndarray]
    draws: bool = True
    weights: np.ndarray | None = None
    _dropout: np.ndarray = attrs.field(init=False)
    _counts: np.ndarray = attrs.field(init=False)
    _even: Tree = attrs.field(init=False)

    @_dropout.default
    def _draw_keys(self) -> np.ndarray:
        draws = (generator(m.seed, "dropout", m.index).integers(0, 2**64, dtype=np.uint64) for m in self.members)
        return np.fromiter(draws, np.uint64, len(self.members))

    @_counts.default
    def _count_rows(self) -> np.ndarray:
        """Return 1 for a place that holds a row and 0 for padding, `(steps, members, batch)`."""
        sizes = np.array([len(member.train) for member in self.members])
        places = np.arange(self.longest * self.batch_size)
        return _by_step((places < sizes[:, None]).astype(np.float64), self.longest, self.batch_size)

    @_even.default
    def _share_evenly(self) -> Tree:
        """Return the weights where every row weighs the same; never written again, so that it is sent but once."""
        even = _weights(self._counts)
        for leaf in even.values():
            leaf.flags.writeable = False
        return even

    @property
    def steps(self) -> np.ndarray:
        """Steps an epoch, by member, `(members,)`."""
        return np.array([-(-len(member.train) // self.batch_size) for member in self.members])

    @property
    def longest(self) -> int:
        """Steps an epoch of the member that has most."""
        return int(self.steps.max())

    def learning_rates(self, epoch: int) -> np.ndarray:
        """Return the learning rate of each step, `(steps, members)`."""
        factors = self.schedule.factor(self._done(epoch), self.max_epochs * self.steps)
        rates: np.ndarray = self.settings["learning_rate"] * factors
        return rates

    def epoch(self, number: int) -> Tree:
        """Return epoch `number`, from 0, as arrays with the steps on the first axis.

        `indices` `(steps, members, batch)` int32; `weights`, the same, how much each row counts, 0 for padding;
        `counts` `(steps, members)`, whether there are rows that count; `weight`, the same, what the losses are divided
        by, the rows' weights together, or 1 where no row counts; `coefficients`, the optimizer's by name,
        `(steps, members)` each; and, if the model draws, `key` `(steps, members, 2)` uint32.
        """
        size = self.batch_size
        indices = np.empty((len(self.members), self.longest * size), np.int32)
        for place, member in enumerate(self.members):
            order = self._order(member, number)
            indices[place, : len(order)] = order
            indices[place, len(order) :] = order[0]
        indices = _by_step(indices, self.longest, size)
        settings = {**self.settings, "learning_rate": self.learning_rates(number)}
        plan = {
            "indices": indices,
            "coefficients": self.optimizer.coefficients(self._done(number) + 1.0, settings),
            **(self._even if self.weights is None else _weights(self._counts * self.weights[indices])),
        }
        return plan | {"key": _keys(self._dropout, number, self.longest)} if self.draws else plan

    def _done(self, epoch: int) -> np.ndarray:
        """Return how many steps each member has done before each step, `(steps, members)`."""
        return epoch * self.steps + np.arange(self.longest)[:, None]

    def _order(self, member: Member, epoch: int) -> np.ndarray:
        if not self.shuffle:
            return member.train
        draw = generator(member.seed, "shuffle", member.index, epoch)
        if self.shuffle == "blocks":
            return np.concatenate(list(_by_blocks(draw, member.train)))
        return draw.permutation(member.train)


def evaluation_plan(rows: Sequence[np.ndarray], batch_size: int, weights: np.ndarray | None = None) -> Tree:
    """Return each member's rows in order, cut into batches.

    `indices` `(steps, members, batch)` int32, and `weights`, the same, how much each row counts.

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


def _weights(weights: np.ndarray) -> dict[str, np.ndarray]:
    weight = weights.sum(axis=2)
    return {"weights": weights, "weight": np.where(weight > 0, weight, 1.0), "counts": weight > 0}


def _by_blocks(draw: np.random.Generator, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows in an order that keeps neighbours near: blocks at random, and rows within some blocks."""
    rows = np.sort(rows)
    blocks = draw.permutation(-(-len(rows) // _BLOCK))
    for at in range(0, len(blocks), _WINDOW // _BLOCK):
        window = [rows[block * _BLOCK : (block + 1) * _BLOCK] for block in blocks[at : at + _WINDOW // _BLOCK]]
        yield draw.permutation(np.concatenate(window))


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
