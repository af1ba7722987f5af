"""Which rows each step of an epoch sees: a pure function of seeds and places, computed on the host."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

import attrs
import numpy as np

from gmcore.domain import Member, WorkflowConfig, generator
from gmcore.errors import TrainingError
from gmcore.ports import Optimizer, Schedule
from gmcore.training.fleet.steps.averaging import newest_weights
from gmcore.training.fleet.trees import EvaluationBatches, TrainingBatches

__all__ = ["TrainingPlan", "evaluation_plan"]

# Weights of 1 and 0 are exact in any dtype: a narrow one takes less memory.
_UNIT = np.float32
_UINT32 = np.uint64(0xFFFFFFFF)
# Shuffling by blocks permutes rows within a window of blocks: rows per block, and per window.
_BLOCK = 256
_WINDOW = 64 * _BLOCK


class _RowWeights(TypedDict):
    """The keys of `TrainingBatches` that follow from row weights."""

    weights: np.ndarray
    weight: np.ndarray
    counts: np.ndarray


@attrs.frozen(kw_only=True, eq=False)
class TrainingPlan:
    """The batches of a chunk's epochs.

    A member's rows, keys and coefficients depend on the member alone, never on its chunk. A member with fewer steps
    than the longest one gets steps of padding at the end of each epoch, which it does not take.

    Attributes:
        members: the chunk's, in order.
        config: the task's: rows per step and member (a member's last batch is padded, or with `drop_last` left out),
            their order in an epoch, and the number of epochs that the schedule spans.
        schedule: the learning rate's.
        optimizer: the one whose coefficients are planned.
        settings: the optimizer's settings, `(members,)` float64 each.
        schedules: of other settings, the optimizer's and the model's, by name.
        needs_keys: whether the model needs random keys.
        weights: row weights, `(rows,)`, or None for 1 each.
    """

    members: Sequence[Member]
    config: WorkflowConfig
    schedule: Schedule
    optimizer: Optimizer
    settings: Mapping[str, np.ndarray]
    schedules: Mapping[str, Schedule] = attrs.field(factory=dict)
    needs_keys: bool = True
    weights: np.ndarray | None = None
    steps: np.ndarray = attrs.field(init=False)
    steps_per_epoch: int = attrs.field(init=False)
    _key_bases: np.ndarray = attrs.field(init=False)
    _row_mask: np.ndarray = attrs.field(init=False)
    _unit_weights: _RowWeights = attrs.field(init=False)

    @steps.default
    def _count_steps(self) -> np.ndarray:
        """Return the steps per epoch of each member, `(members,)`."""
        return np.array([self.config.steps_per_epoch(len(member.train)) for member in self.members])

    @steps_per_epoch.default
    def _count_longest(self) -> int:
        """Return the steps per epoch of the member that has most."""
        return int(self.steps.max())

    @property
    def rows_per_epoch(self) -> int:
        """Number of rows in an epoch of all members, with padding."""
        return len(self.members) * self.steps_per_epoch * self.config.batch_size

    @_key_bases.default
    def _draw_key_bases(self) -> np.ndarray:
        """Return one random number per member, `(members,)` uint64, from which all its keys follow."""
        draws = (generator(m.seed, "dropout", m.index).integers(0, 2**64, dtype=np.uint64) for m in self.members)
        return np.fromiter(draws, np.uint64, len(self.members))

    @_row_mask.default
    def _mask_rows(self) -> np.ndarray:
        """Return 1.0 for a row and 0.0 for padding, `(steps, members, batch)`."""
        sizes = np.array([self.config.rows_per_epoch(len(member.train)) for member in self.members])
        places = np.arange(self.steps_per_epoch * self.config.batch_size)
        return _by_step((places < sizes[:, None]).astype(_UNIT), self.steps_per_epoch, self.config.batch_size)

    @_unit_weights.default
    def _weigh_rows_equally(self) -> _RowWeights:
        """Return the weights of rows of weight 1, read-only: the same in each epoch, so a backend sends them once."""
        unit = _row_weights(self._row_mask)
        for leaf in (unit["weights"], unit["weight"], unit["counts"]):
            leaf.flags.writeable = False
        return unit

    def learning_rates(self, epoch: int) -> np.ndarray:
        """Return the learning rate of each step of an epoch, counted from 0, `(steps, members)`.

        Raises:
            TrainingError: if the schedule returns factors that no learning rate can have.
        """
        rates: np.ndarray = self.settings["learning_rate"] * self._factors(self.schedule, epoch)
        return rates

    def epoch(self, number: int, rates: np.ndarray | None = None) -> TrainingBatches:
        """Return the batches of epoch `number`, from 0, as NumPy arrays.

        Args:
            number: of the epoch.
            rates: its learning rates, if they are known; default: as `learning_rates` returns them.
        """
        steps = self.steps_per_epoch
        indices = _by_step(self._padded_rows(number), steps, self.config.batch_size)
        rates = self.learning_rates(number) if rates is None else rates
        factors = {name: self._factors(schedule, number, name) for name, schedule in self.schedules.items()}
        weights = self._unit_weights if self.weights is None else _row_weights(self._row_mask * self.weights[indices])
        batches: TrainingBatches = {
            "indices": indices,
            "coefficients": self._coefficients(number, rates, factors),
            "weights": weights["weights"],
            "weight": weights["weight"],
            "counts": weights["counts"],
        }
        if self.needs_keys:
            batches["key"] = _keys(self._key_bases, number, steps)
        if self.config.average is not None:
            batches["average"] = newest_weights(self.config.average, number, self.steps, steps)
        if of_model := {name: values for name, values in factors.items() if name not in self.settings}:
            batches["factors"] = of_model
        return batches

    def _factors(self, schedule: Schedule, epoch: int, setting: str = "learning_rate") -> np.ndarray:
        """Return a schedule's factor for each step of an epoch, `(steps, members)`.

        Raises:
            TrainingError: if a factor is not finite, below 0, or above 1 for a setting of the model: that could leave
                its domain, such as a dropout above 1.
        """
        steps = self._steps_before(epoch)
        given = schedule.factor(steps, self.config.max_epochs * self.steps, self.steps)
        factors = np.broadcast_to(np.asarray(given, np.float64), steps.shape)
        wrong = ~(np.isfinite(factors) & (factors >= 0))
        if wrong.any():
            raise TrainingError(
                f"the schedule {type(schedule).__name__} must return finite factors of at least 0, got "
                f"{factors[wrong][0]:g} for step {steps[wrong][0]}"
            )
        if setting not in self.settings and (factors > 1).any():
            raise TrainingError(
                f"the schedule of '{setting}' must return factors of at most 1, got {factors.max():g}: the setting "
                "itself is its largest value"
            )
        return factors

    def _coefficients(
        self, epoch: int, rates: np.ndarray, factors: Mapping[str, np.ndarray]
    ) -> Mapping[str, np.ndarray]:
        """Return the optimizer's coefficients for each step of an epoch, `(steps, members)` each."""
        settings = {**self.settings, "learning_rate": rates}
        scheduled = {name: settings[name] * values for name, values in factors.items() if name in settings}
        steps = self._steps_before(epoch) + 1.0
        if not scheduled:
            return self.optimizer.coefficients(steps, settings)
        # An optimizer may leave out what has no effect. Whether it does must not depend on the epoch, since programs
        # would have to be compiled anew: so a row with the settings themselves is put before the others.
        first = {name: np.broadcast_to(self.settings[name], steps.shape[1:]) for name in scheduled}
        settings |= {name: np.vstack([first[name], values]) for name, values in scheduled.items()}
        settings["learning_rate"] = np.vstack([rates[:1], rates])
        found = self.optimizer.coefficients(np.vstack([steps[:1], steps]), settings)
        return {name: values[1:] for name, values in found.items()}

    def _steps_before(self, epoch: int) -> np.ndarray:
        """Return the number of steps that each member has taken before each step of an epoch, `(steps, members)`."""
        return epoch * self.steps + np.arange(self.steps_per_epoch)[:, None]

    def _padded_rows(self, epoch: int) -> np.ndarray:
        """Return each member's rows in the order of an epoch, padded with its first: `(members, steps * batch)`."""
        rows = np.empty((len(self.members), self.steps_per_epoch * self.config.batch_size), np.int32)
        for place, member in enumerate(self.members):
            order = self._order(member, epoch)[: self.config.rows_per_epoch(len(member.train))]
            rows[place, : len(order)] = order
            rows[place, len(order) :] = order[0]
        return rows

    def _order(self, member: Member, epoch: int) -> np.ndarray:
        if not self.config.shuffle:
            return member.train
        rng = generator(member.seed, "shuffle", member.index, epoch)
        if self.config.shuffle == "blocks":
            return np.concatenate(list(_shuffled_blocks(rng, member.train)))
        return rng.permutation(member.train)


def evaluation_plan(
    rows: Sequence[np.ndarray], batch_size: int, weights: np.ndarray | None = None
) -> EvaluationBatches:
    """Return each member's rows in order, cut into batches, as NumPy arrays.

    Args:
        rows: row indices, one array per member, possibly empty.
        batch_size: rows per step and member; padding is row 0 with weight 0.
        weights: row weights, `(rows,)`, or None for 1 each.
    """
    steps = max(1, *(-(-len(indices) // batch_size) for indices in rows))
    padded = np.zeros((len(rows), steps * batch_size), np.int32)
    padded_weights = np.zeros((len(rows), steps * batch_size), _UNIT if weights is None else np.float64)
    for place, indices in enumerate(rows):
        padded[place, : len(indices)] = indices
        padded_weights[place, : len(indices)] = 1.0 if weights is None else weights[indices]
    return {"indices": _by_step(padded, steps, batch_size), "weights": _by_step(padded_weights, steps, batch_size)}


def _row_weights(weights: np.ndarray) -> _RowWeights:
    """Return the keys of `TrainingBatches` that follow from row weights, `(steps, members, batch)`."""
    weight = weights.sum(axis=2, dtype=np.float64)
    return {"weights": weights, "weight": np.where(weight > 0, weight, 1.0), "counts": weight > 0}


def _shuffled_blocks(rng: np.random.Generator, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows a window at a time: random blocks of neighbouring rows, permuted within the window."""
    rows = np.sort(rows)
    blocks = rng.permutation(-(-len(rows) // _BLOCK))
    for at in range(0, len(blocks), _WINDOW // _BLOCK):
        window = [rows[block * _BLOCK : (block + 1) * _BLOCK] for block in blocks[at : at + _WINDOW // _BLOCK]]
        yield rng.permutation(np.concatenate(window))


def _by_step(rows: np.ndarray, steps: int, batch_size: int) -> np.ndarray:
    """Return `(members, steps * batch)` as `(steps, members, batch)`."""
    return np.ascontiguousarray(rows.reshape(len(rows), steps, batch_size).swapaxes(0, 1))


def _keys(bases: np.ndarray, epoch: int, steps: int) -> np.ndarray:
    """Return SplitMix64 (Steele et al., 2014) of each member's base at each step, `(steps, members, 2)` uint32."""
    place = (np.uint64(epoch) << np.uint64(32)) + np.arange(steps, dtype=np.uint64)[:, None]
    mixed = bases + (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.stack([mixed >> np.uint64(32), mixed & _UINT32], axis=-1).astype(np.uint32)
