"""Prints, in bytes, how much memory training a large fleet takes and how much was estimated."""

import sys

import attrs
import numpy as np

import gmcore
from gmcore.domain import EarlyStoppingConfig, Feature, Rows, Schema, Target, TargetKind, WorkflowConfig
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.schedules import Constant
from gmcore.ports import TrainingTask
from gmcore.training import GradientDescent, cross_validate, folds_of
from gmcore.training.chunks import plan_chunks
from gmcore.training.memory import process_memory


@attrs.frozen
class Case:
    """The networks and the rows of a fleet."""

    hidden: tuple[int, ...] = (1000, 1000)
    optimizer: str = "adamw"
    width: int = 200
    rows: int = 2000
    members: int = 6
    batch_size: int = 32
    row_memory: int | None = None


MANY_ROWS = Case(hidden=(8,), width=10, rows=300_000, members=5, batch_size=2048)
CASES = {
    "weights": Case(),
    "sgd": Case(optimizer="sgd"),
    "rows": MANY_ROWS,
    "streamed": attrs.evolve(MANY_ROWS, row_memory=1),
}
SMALL = Case(hidden=(8,), rows=300)


def task(backend, case):
    rng = np.random.default_rng(0)
    features = tuple(Feature(name=f"x{index}") for index in range(case.width))
    target = Target(names=("y",), kind=TargetKind.MULTICLASS, classes=tuple("abcdefghij"))
    schema = Schema(features=features, target=target)
    numbers = rng.normal(size=(case.rows, case.width))
    rows = Rows(schema=schema, inputs={"numeric": numbers}, targets=rng.integers(0, 10, case.rows).astype(np.int32))
    return TrainingTask(
        model=gmcore.float32.model_providers.create("mlp", hidden=case.hidden).create(schema),
        rows=rows,
        backend=backend,
        optimizer=gmcore.float32.optimizers.create(case.optimizer),
        schedule=Constant(),
        gradients=Backpropagation(),
        config=WorkflowConfig(
            max_epochs=2,
            batch_size=case.batch_size,
            early_stopping=EarlyStoppingConfig(),
            members_per_chunk=case.members,
            row_memory=case.row_memory,
        ),
    )


def train(task, members):
    folds = folds_of(gmcore.float32.cross_validators.create("kfold", n_splits=members), task.rows)
    cross_validate(GradientDescent(), task, folds)


def main(name, case):
    backend = gmcore.float32.backends.create(name, device="cpu")
    train(task(backend, SMALL), SMALL.members)
    large = task(backend, case)
    before = process_memory().active
    train(large, case.members)
    sys.stdout.write(f"{process_memory().peak - before} {plan_chunks(large, case.members).estimated}\n")


main(sys.argv[1], CASES[sys.argv[2]])
