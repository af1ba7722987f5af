"""The command `find_rate`: the same model trained briefly at many learning rates, all as one fleet."""

import math
import time
from collections.abc import Callable
from numbers import Integral, Real

import attrs
import numpy as np

from gmcore.app.commands.fit import plain_member
from gmcore.app.commands.session import run_session, warn
from gmcore.app.composing.run import Run
from gmcore.app.records.rate_finding import RateFinding
from gmcore.app.searching.renumbering import renumbered
from gmcore.domain import Cancellation, FitEnd, Hooks, Member, Rows, RunEnd, TrainingResult, WorkflowConfig, generator
from gmcore.errors import ConfigError, TrainingError
from gmcore.nn.schedules import Constant
from gmcore.ports import TrainingTask

__all__ = ["find_rate"]

_FEWEST, _MOST = 3, 1000
_ENOUGH_HELD_OUT = 1000


def find_rate(
    run: Run,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    count: int = 40,
    steps: int = 100,
    hooks: Hooks | None = None,
    cancellation: Cancellation | None = None,
    say: Callable[[str], object] = warn,
) -> RateFinding:
    """Train the run's model for a few steps at each of `count` learning rates at once, and compare the losses.

    All models start from the same weights and take the same batches, so they differ in their learning rates alone. The
    learning rate, and each other setting with a schedule, is constant, weights are not averaged, and training does not
    stop early; all else is the run's. No file is written.

    The models train on the rows that `train` would train on, or if there are more than `steps` batches of them, on
    that many, drawn with the run's seed. Fewer rows are passed through several times, in whole epochs, at least
    `steps` steps. The losses are those of the rows that `train` would stop on, if there are any: at most as many as are
    trained on, but at least 1,000.

    Args:
        run: the run.
        low: the lowest learning rate.
        high: the highest.
        count: number of learning rates, evenly spaced in their logarithm.
        steps: number of optimizer steps.
        hooks: listeners in addition to those of the run's hook plugins.
        cancellation: stops the training at the next step once it is set.
        say: called with each message.

    Raises:
        ConfigError: if an argument is invalid, or the optimizer has no learning rate; nothing has been started.
        Cancelled: if the run was stopped.
        TrainingError: if training failed, at all learning rates.
    """
    start = time.perf_counter()
    rates = _rates(run, low=low, high=high, count=count, steps=steps)
    members, config = _members(run, rates, steps)
    with run_session(run, "find_rate", None, hooks=hooks, say=say) as session:
        task = _task(run, config, renumbered(session.hooks, 0), cancellation or Cancellation())
        results = _trained(run, task, members)
        rows, held_out = len(members[0].train), len(members[0].stop)
        found = RateFinding(
            rates=rates,
            losses=_losses(results, "stop_loss" if held_out else "train_loss"),
            compared="validation" if held_out else "training",
            epochs=config.max_epochs,
            steps=config.max_epochs * config.steps_per_epoch(rows),
            rows=rows,
            seconds=time.perf_counter() - start,
        )
        session.hooks.emit(RunEnd(command=session.command, folder=None, result=results[found.lowest]))
    return found


def _rates(run: Run, *, low: float, high: float, count: int, steps: int) -> np.ndarray:
    """Return the learning rates; raise if there is anything wrong with the arguments."""
    problems = [
        f"{name}: must be a positive number, got {value!r:.60}"
        for name, value in (("low", low), ("high", high))
        if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < value < math.inf
    ]
    if not problems and low >= high:
        problems.append(f"low: must be less than high, got {low:g} and {high:g}")
    if not (_is_whole(count) and _FEWEST <= count <= _MOST):
        problems.append(f"count: must be a whole number from {_FEWEST} to {_MOST:,}, got {count!r:.60}")
    if not (_is_whole(steps) and steps >= 1):
        problems.append(f"steps: must be a whole number, at least 1, got {steps!r:.60}")
    optimizer = run.trainee.optimizer
    if "learning_rate" not in optimizer.settings:
        problems.append(f"training.optimizer: {type(optimizer).__name__} has no setting 'learning_rate' to find")
    if problems:
        raise ConfigError(problems)
    return np.geomspace(low, high, int(count))


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _members(run: Run, rates: np.ndarray, steps: int) -> tuple[list[Member], WorkflowConfig]:
    """Return one member per learning rate, all with the same rows and randomness, and how they are trained."""
    config, plain = run.config.training.config, plain_member(run)
    rng, most = generator(run.config.seed, "learning rate", 0), steps * config.batch_size
    train = _some(run.rows, plain.train, most, rng)
    stop = _some(run.rows, plain.stop, max(most, _ENOUGH_HELD_OUT), rng)
    epochs = math.ceil(steps / config.steps_per_epoch(max(1, len(train))))
    config = attrs.evolve(config, max_epochs=epochs, early_stopping=None, average=None, gradient_norms=False)
    one = attrs.evolve(plain, train=train, stop=stop)
    return [attrs.evolve(one, settings={"learning_rate": rate}) for rate in rates.tolist()], config


def _some(rows: Rows, indices: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return at most so many of the rows that count, in order."""
    counted = indices if rows.weights is None else indices[rows.weights[indices] > 0]
    return counted if len(counted) <= most else np.sort(rng.choice(counted, most, replace=False))


def _task(run: Run, config: WorkflowConfig, hooks: Hooks, cancellation: Cancellation) -> TrainingTask:
    """Return the run's task, without schedules, and without metrics, which would be computed for each epoch."""
    task = run.task(hooks, cancellation)
    return attrs.evolve(task, config=config, schedule=Constant(), schedules={}, metrics=())


def _trained(run: Run, task: TrainingTask, members: list[Member]) -> list[TrainingResult]:
    """Train the members; if all fail, raise an error that says so of the learning rates."""
    ended: list[TrainingResult] = []

    def remember(context: FitEnd) -> None:
        ended.extend(context.results)

    task = attrs.evolve(task, hooks=attrs.evolve(task.hooks, fit_end=(*task.hooks.fit_end, remember)))
    try:
        return list(run.workflow.train(task, members))
    except TrainingError as error:
        if len(ended) < len(members):
            raise
        rates = [one.settings["learning_rate"] for one in members]
        raise TrainingError(
            f"training failed at every learning rate from {rates[0]:g} to {rates[-1]:g}: try a smaller 'low'; at the "
            f"lowest rate {ended[0].failure}"
        ) from error


def _losses(results: list[TrainingResult], name: str) -> np.ndarray:
    """Return the last losses of the members in their histories, infinite if they are not finite."""
    losses = np.array([math.inf if one.failure else one.history[name][-1] for one in results], np.float64)
    losses[~np.isfinite(losses)] = math.inf
    if np.isinf(losses).all():
        raise TrainingError("the loss is not finite at any learning rate: try a smaller 'low', and check the data")
    return losses
