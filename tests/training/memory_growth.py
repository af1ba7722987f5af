"""Prints how much a process grows by training a mid-sized fleet, and how much was estimated, in bytes."""

import sys

import numpy as np

import gmcore
from gmcore.domain import EarlyStoppingConfig, Feature, Member, Rows, Schema, Target, TargetKind, WorkflowConfig
from gmcore.nn.optimizers import OPTIMIZERS
from gmcore.nn.schedules import SCHEDULES
from gmcore.ports import TrainingTask
from gmcore.training import GradientDescent
from gmcore.training.chunks import plan_chunks
from gmcore.training.memory import process_memory

WIDTH, ROWS, MEMBERS = 200, 2000, 6


def task(backend, optimizer, hidden):
    rng = np.random.default_rng(0)
    features = tuple(Feature(name=f"x{index}") for index in range(WIDTH))
    target = Target(names=("y",), kind=TargetKind.MULTICLASS, classes=tuple("abcdefghij"))
    schema = Schema(features=features, target=target)
    numbers = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    rows = Rows(schema=schema, inputs={"numeric": numbers}, targets=rng.integers(0, 10, ROWS).astype(np.int32))
    return TrainingTask(
        model=gmcore.float32.model_providers.create("mlp", hidden=hidden).create(schema),
        rows=rows,
        backend=backend,
        optimizer=OPTIMIZERS[optimizer](),
        schedule=SCHEDULES["constant"](),
        config=WorkflowConfig(max_epochs=2, early_stopping=EarlyStoppingConfig()),
    )


def train(task):
    members = [
        Member(index=index, train=np.arange(ROWS // 2), stop=np.arange(ROWS // 2, ROWS)) for index in range(MEMBERS)
    ]
    GradientDescent().train(task, members)


def main(name, optimizer):
    backend = gmcore.float32.backends.create(name, device="cpu")
    train(task(backend, optimizer, hidden=(8,)))
    before, large = process_memory().peak, task(backend, optimizer, hidden=(1000, 1000))
    train(large)
    sys.stdout.write(f"{process_memory().peak - before} {plan_chunks(large, MEMBERS).estimated}\n")


main(*sys.argv[1:])
