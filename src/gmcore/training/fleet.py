"""One chunk of a fleet: its members' state on the device, and the programs that move it on."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from gmcore.domain import (
    BatchEnd,
    EpochEnd,
    EpochStart,
    Member,
    TrainingResult,
    Tree,
    Variables,
    generator,
)
from gmcore.domain.tree import tree_map
from gmcore.errors import ConfigError, TrainingError, did_you_mean
from gmcore.ports import TrainingTask
from gmcore.training.early_stopping import end_of_epoch, start
from gmcore.training.plan import TrainingPlan, evaluation_plan
from gmcore.training.step import evaluation_step, training_step

__all__ = ["Programs", "evaluation_batch", "fresh_variables", "member_settings", "stack", "train_chunk"]

# A segment is what one call enqueues: long enough to hide the call, short enough to stop within it.
_OPERATIONS_A_SEGMENT = 2e10
_STEPS_A_SEGMENT = 8192


@attrs.frozen(kw_only=True, eq=False)
class Programs:
    """The compiled programs of a task; chunks of one size share them.

    Attributes:
        task: whose they are.
        segment: `(carry, plan, shared) -> carry`: some steps.
        epoch: `(carry, plan, stop_plan, state, number, shared) -> (carry, state, summary)`: an
            epoch's last steps, the look at the stop rows, and the end of the epoch.
    """

    task: TrainingTask
    segment: Callable[..., Any]
    epoch: Callable[..., Any]

    @classmethod
    def of(cls, task: TrainingTask) -> "Programs":
        """Return the programs of a task; nothing is compiled before its first call."""
        backend, model = task.backend, task.model
        step = training_step(model, task.optimizer, backend)
        look = evaluation_step(model, backend, predictions=False)
        finish = backend.compile(end_of_epoch(task.config.early_stopping, backend.xp))

        def segment(carry: Any, plan: Any, shared: Any) -> Any:
            return backend.scan(step, carry, plan, shared)[0]

        def epoch(carry: Any, plan: Any, stop_plan: Any, state: Any, number: Any, shared: Any) -> Any:
            carry = segment(carry, plan, shared)
            zeros = {name: backend.xp.zeros_like(carry[name]) for name in ("loss", "weight")}
            seen = {"inputs": shared["inputs"], "targets": shared["targets"]}
            seen |= {"params": carry["params"], "buffers": carry["buffers"]}
            sums, _ = backend.scan(look, zeros, stop_plan, seen)
            return finish(carry, sums, state, number)

        return cls(
            task=task,
            segment=backend.compile(segment, loops=True, donate=(0,)),
            epoch=backend.compile(epoch, loops=True, donate=(0, 3)),
        )


def train_chunk(programs: Programs, resident: Tree, members: Sequence[Member]) -> list[TrainingResult]:
    """Train members together; `resident` has `inputs` and `targets` on the device.

    Raises:
        Cancelled: at the next segment after a stop was asked for.
        TrainingError: if a member's loss is not finite.
    """
    begun = time.perf_counter()
    *summaries, kept = _epochs(programs, resident, members)
    kept = programs.task.backend.to_numpy(kept)
    seconds = time.perf_counter() - begun
    return [_result(member, place, summaries, kept, seconds) for place, member in enumerate(members)]


def _epochs(programs: Programs, resident: Tree, members: Sequence[Member]) -> Iterator[Any]:
    """Yield each epoch's summary as NumPy arrays, and last the kept variables, on the device."""
    task = programs.task
    backend = task.backend
    settings = member_settings(task, members)
    plan = _plan(task, members, settings.pop("learning_rate"))
    shared = {**resident, "settings": backend.asarray(settings)}
    stop_rows = [member.stop for member in members]
    stop_plan = backend.asarray(evaluation_plan(stop_rows, evaluation_batch(task), task.rows.weights))
    carry, state = _begin(task, members)
    pending: tuple[Any, ...] = ()
    for number in range(task.config.max_epochs):
        _tell_start(task, members, number)
        batches = plan.epoch(number)
        *early, last = _segments(task, batches, len(members))
        done = 0
        for piece in early:
            task.cancellation.check()
            carry = programs.segment(carry, piece, shared)
            done += len(piece["step"])
            _tell_batch(task, members, number, done, batches)
        task.cancellation.check()
        count = backend.asarray(np.int32(number + 1))
        carry, state, summary = programs.epoch(carry, last, stop_plan, state, count, shared)
        _tell_batch(task, members, number, len(batches["step"]), batches)
        # The device works on this epoch while the host reads the one before.
        if pending:
            yield (read := _read(task, members, *pending))
            if not read["active"].any():
                break
        pending = (summary, batches["learning_rate"][-1], number)
    else:
        yield _read(task, members, *pending)
    yield state["kept"]


def fresh_variables(task: TrainingTask, member: Member) -> Variables:
    """Return a member's variables before its first step: drawn from its seed, adapted to its training rows."""
    variables = task.model.init(generator(member.seed, "weights", member.index))
    return task.model.adapt(variables, task.rows.take(member.train))


def stack(trees: Sequence[Tree]) -> Any:
    """Return one tree whose leaves have the members on the first axis."""
    return tree_map(lambda *leaves: np.stack(leaves), *trees)


def evaluation_batch(task: TrainingTask) -> int:
    """Return how many rows are evaluated at once: a function of the task alone, so of no chunking."""
    eighth = 1 << (len(task.rows) // 8).bit_length()
    return max(task.config.batch_size, min(4096, eighth))


def member_settings(task: TrainingTask, members: Sequence[Member]) -> dict[str, np.ndarray]:
    """Return each of the optimizer's settings, `(members,)`, float64.

    Raises:
        ConfigError: if a member sets what the optimizer does not have.
    """
    defaults = task.optimizer.settings
    for member in members:
        for name in set(member.settings) - set(defaults):
            raise ConfigError([f"member {member.index}: unknown setting '{name}'{did_you_mean(name, defaults)}"])
    return {
        name: np.array([member.settings.get(name, value) for member in members], np.float64)
        for name, value in defaults.items()
    }


def _plan(task: TrainingTask, members: Sequence[Member], learning_rates: np.ndarray) -> TrainingPlan:
    return TrainingPlan(
        members=members,
        batch_size=task.config.batch_size,
        shuffle=task.config.shuffle,
        max_epochs=task.config.max_epochs,
        schedule=task.schedule,
        learning_rates=learning_rates,
        weights=task.rows.weights,
    )


def _begin(task: TrainingTask, members: Sequence[Member]) -> tuple[Any, Any]:
    """Return carry and state before the first epoch, keys in the order in which the programs return them."""
    backend = task.backend

    def init(params: Tree) -> Tree:
        return task.optimizer.init(params, xp=backend.xp)

    fresh = [fresh_variables(task, member) for member in members]
    held = {"params": stack([one.params for one in fresh]), "buffers": stack([one.buffers for one in fresh])}
    has_stop = np.array([len(member.stop) > 0 for member in members])
    state = backend.asarray(start(held, has_stop))
    begun = backend.asarray(held)
    sums = backend.asarray({"loss": np.zeros(len(members)), "weight": np.zeros(len(members))})
    return {**begun, "optimizer": backend.compile(backend.vmap(init))(begun["params"]), **sums}, state


def _segments(task: TrainingTask, batches: Tree, members: int) -> list[Tree]:
    """Cut an epoch into equal pieces and a last one that may be shorter."""
    parameters = sum(layer.parameters for layer in task.model.info.layers)
    operations = 6.0 * max(1, parameters) * task.config.batch_size * members
    length = int(min(_STEPS_A_SEGMENT, max(1.0, _OPERATIONS_A_SEGMENT // operations)))
    total = len(batches["step"])
    return [tree_map(lambda leaf: leaf[at : at + length], batches) for at in range(0, total, length)]  # noqa: B023 - called at once


def _tell_start(task: TrainingTask, members: Sequence[Member], number: int) -> None:
    for call in task.hooks.epoch_start:
        call(EpochStart(members=_who(members), epoch=number + 1))


def _tell_batch(task: TrainingTask, members: Sequence[Member], number: int, done: int, batches: Tree) -> None:
    for call in task.hooks.batch_end:
        call(BatchEnd(members=_who(members), epoch=number + 1, step=done, steps=len(batches["step"])))


def _read(
    task: TrainingTask, members: Sequence[Member], summary: Tree, learning_rate: np.ndarray, number: int
) -> dict[str, np.ndarray]:
    read: dict[str, np.ndarray] = task.backend.to_numpy(summary)
    was_active = read["was_active"]
    _refuse_lost(members, was_active & ~np.isfinite(read["train_loss"]), read, learning_rate, number)
    watched = was_active & np.array([len(member.stop) > 0 for member in members])
    read["train_loss"] = np.where(was_active, read["train_loss"].astype(np.float64), np.nan)
    read["stop_loss"] = np.where(watched, read["stop_loss"].astype(np.float64), np.nan)
    for call in task.hooks.epoch_end:
        call(
            EpochEnd(
                members=_who(members),
                epoch=number + 1,
                train_loss=read["train_loss"],
                stop_loss=read["stop_loss"],
                learning_rate=learning_rate,
                active=read["active"],
            )
        )
    return read


def _refuse_lost(
    members: Sequence[Member], lost: np.ndarray, read: Tree, learning_rate: np.ndarray, number: int
) -> None:
    if not lost.any():
        return
    place = int(np.argmax(lost))
    raise TrainingError(
        f"the loss of member {members[place].index} was {read['train_loss'][place]} in epoch {number + 1}: "
        f"lower the learning rate (it was {learning_rate[place]:g}) or look for extreme values in the data"
    )


def _who(members: Sequence[Member]) -> tuple[int, ...]:
    return tuple(member.index for member in members)


def _result(member: Member, place: int, summaries: Sequence[Any], kept: Tree, seconds: float) -> TrainingResult:
    epochs = sum(bool(summary["was_active"][place]) for summary in summaries)
    history = {
        name: np.array([summary[name][place] for summary in summaries[:epochs]]) for name in ("train_loss", "stop_loss")
    }
    final = float(history["train_loss"][-1])
    best = float(summaries[-1]["best_loss"][place]) if len(member.stop) else final
    mine = tree_map(lambda leaf: leaf[place], kept)
    return TrainingResult(
        member=member.index,
        variables=Variables(mine["params"], mine["buffers"]),
        epochs=epochs,
        best_epoch=int(summaries[-1]["best_epoch"][place]),
        final_loss=final,
        best_loss=best,
        history=history,
        seconds=seconds,
    )
