"""Whole runs of an MLP end with the weights of a training loop that is written out in torch.

The loop starts from gmcore's initial weights and takes the rows in the order of gmcore's plan. All else is its own:
preprocessing, layers, losses, weighted means, optimizers, schedules and early stopping. gmcore clips no gradients.
"""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import EarlyStoppingConfig, Feature, Kind, Member, Rows, Schema, Target, TargetKind, WorkflowConfig
from gmcore.domain.tree import tree_flatten, tree_map
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.layers import SiLU, Tanh
from gmcore.nn.losses import CrossEntropy, Huber
from gmcore.nn.optimizers import SGD, AdamW, RMSProp
from gmcore.nn.schedules import Constant, Cosine, WarmUp
from gmcore.ports import TrainingTask
from gmcore.training import GradientDescent
from gmcore.training.fleet.members import initial_variables
from gmcore.training.fleet.plan import TrainingPlan

pytestmark = pytest.mark.oracle

COUNT, EPOCHS, BATCH = 150, 12, 16
RNG = np.random.default_rng(5)
CATEGORIES = (3, 2)
FEATURES = (
    Feature(name="size"),
    Feature(name="age"),
    Feature(name="colour", kind=Kind.CATEGORICAL, categories=("red", "green", "blue")),
    Feature(name="shop", kind=Kind.CATEGORICAL, categories=("a", "b")),
)
HOLES = RNG.random((COUNT, 2)) < 0.1
NUMERIC = np.where(HOLES, np.nan, RNG.normal(size=(COUNT, 2)) * [3.0, 0.1] + [50.0, -2.0])
CODES = np.stack([RNG.integers(0, count + 1, COUNT) for count in CATEGORIES], axis=1).astype(np.int32)
WEIGHTS = RNG.choice([0.5, 1.0, 2.0], COUNT)
SIGNAL = (NUMERIC[:, 0] > 50) + CODES[:, 0] + RNG.normal(size=COUNT)
# Members that differ in their rows, in their number of batches and in their learning rate.
ORDER = RNG.permutation(COUNT)
MEMBERS = [
    Member(index=0, train=ORDER[:100], stop=ORDER[110:], seed=1),
    Member(index=1, train=ORDER[20:93], stop=ORDER[110:], seed=1, settings={"learning_rate": 0.05}),
]


@attrs.frozen(kw_only=True)
class Case:
    """A run, and what stands for its parts in torch, given the module torch."""

    target: Target
    targets: np.ndarray
    model: dict
    optimizer: object
    schedule: object
    patience: int | None
    activation: object
    loss: object
    torch_optimizer: object
    torch_schedule: object


def falling(torch, optimizer, total):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total)


def rising_then_falling(torch, optimizer, total):
    schedulers, rise = torch.optim.lr_scheduler, round(0.2 * total)
    rising = schedulers.LinearLR(optimizer, start_factor=1 / (rise + 1), total_iters=rise)
    return schedulers.SequentialLR(optimizer, [rising, falling(torch, optimizer, total - rise)], milestones=[rise])


def constant(torch, optimizer, total):
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


def log_odds_loss(torch, outputs, targets):
    return torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], targets.double(), reduction="none")


def smoothed_loss(torch, outputs, targets):
    return torch.nn.functional.cross_entropy(outputs, targets.long(), reduction="none", label_smoothing=0.1)


def huber_loss(torch, outputs, targets):
    return torch.nn.functional.huber_loss(outputs, targets, delta=0.7, reduction="none").mean(1)


CASES = {
    "classes": Case(
        target=Target(names=("kind",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c")),
        targets=np.clip(SIGNAL, 0, 2).astype(np.int32),
        model={"hidden": (8, 6), "loss": CrossEntropy(label_smoothing=0.1)},
        optimizer=AdamW(learning_rate=0.02, weight_decay=0.05),
        schedule=WarmUp(Cosine(), fraction=0.2),
        patience=None,
        activation=lambda torch, x: torch.relu(x),
        loss=smoothed_loss,
        torch_optimizer=lambda torch, params, rate: torch.optim.AdamW(params, lr=rate, weight_decay=0.05),
        torch_schedule=rising_then_falling,
    ),
    "two classes": Case(
        target=Target(names=("kind",), kind=TargetKind.BINARY, classes=("no", "yes")),
        targets=(SIGNAL > 2).astype(np.int32),
        model={"hidden": (8,), "activation": SiLU()},
        optimizer=SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
        schedule=Cosine(),
        patience=3,
        activation=lambda torch, x: torch.nn.functional.silu(x),
        loss=log_odds_loss,
        torch_optimizer=lambda torch, params, rate: torch.optim.SGD(params, lr=rate, momentum=0.9, nesterov=True),
        torch_schedule=falling,
    ),
    "numbers": Case(
        target=Target(names=("price", "area"), kind=TargetKind.REGRESSION),
        targets=np.stack([1e3 * SIGNAL, RNG.normal(size=COUNT)], axis=1),
        model={"hidden": (6, 5), "activation": Tanh(), "loss": Huber(delta=0.7)},
        optimizer=RMSProp(learning_rate=0.01),
        schedule=Constant(),
        patience=2,
        activation=lambda torch, x: torch.tanh(x),
        loss=huber_loss,
        torch_optimizer=lambda torch, params, rate: torch.optim.RMSprop(params, lr=rate),
        torch_schedule=constant,
    ),
}


def task_of(case, backend):
    schema = Schema(features=FEATURES, target=case.target)
    stopping = EarlyStoppingConfig(patience=case.patience) if case.patience else None
    return TrainingTask(
        model=gmcore.float64.model_providers.create("mlp", **case.model).create(schema),
        rows=Rows(
            schema=schema, inputs={"numeric": NUMERIC, "categorical": CODES}, targets=case.targets, weights=WEIGHTS
        ),
        backend=backend,
        optimizer=case.optimizer,
        schedule=case.schedule,
        gradients=Backpropagation(),
        config=WorkflowConfig(max_epochs=EPOCHS, batch_size=BATCH, early_stopping=stopping),
    )


def weighted_mean_and_scale(columns, train):
    mean = np.average(columns[train], axis=0, weights=WEIGHTS[train])
    return mean, np.sqrt(np.average((columns[train] - mean) ** 2, axis=0, weights=WEIGHTS[train]))


def preprocessed(torch, case, train):
    """Return the inputs, standardized and one-hot encoded, and the targets, standardized if they are numbers."""
    masked = np.ma.masked_invalid(NUMERIC)
    filled = np.where(HOLES, np.ma.average(masked[train], axis=0, weights=WEIGHTS[train]), NUMERIC)
    mean, scale = weighted_mean_and_scale(filled, train)
    encoded = [np.eye(count + 1)[CODES[:, column]] for column, count in enumerate(CATEGORIES)]
    targets = case.targets
    if not case.target.is_classification:
        center, spread = weighted_mean_and_scale(targets, train)
        targets = (targets - center) / spread
    return torch.tensor(np.concatenate([(filled - mean) / scale, *encoded], axis=1)), torch.tensor(targets)


def train_in_torch(torch, case, member, start, epochs_of_batches):
    """Return the trained parameters, the training and stop losses of each epoch, and the number of the best epoch."""
    inputs, targets = preprocessed(torch, case, member.train)
    weights = torch.tensor(WEIGHTS)
    params = tree_map(lambda leaf: torch.nn.Parameter(torch.tensor(leaf)), start)
    layers = [*(params["trunk"][name] for name in sorted(params["trunk"], key=int)), params["head"]]
    rate = member.settings.get("learning_rate", case.optimizer.learning_rate)
    optimizer = case.torch_optimizer(torch, list(tree_flatten(params).values()), rate)
    scheduler = case.torch_schedule(torch, optimizer, EPOCHS * len(epochs_of_batches[0]))

    def summed_loss(rows):
        x = inputs[rows]
        for number, layer in enumerate(layers):
            x = x @ layer["weight"] + layer["bias"]
            x = x if number == len(layers) - 1 else case.activation(torch, x)
        return (weights[rows] * case.loss(torch, x, targets[rows])).sum()

    losses, stop_losses, best, kept = [], [], np.inf, None
    for batches in epochs_of_batches:
        total = 0.0
        for rows in batches:
            optimizer.zero_grad()
            loss = summed_loss(rows)
            (loss / weights[rows].sum()).backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        losses.append(total / WEIGHTS[member.train].sum())
        with torch.no_grad():
            stop_losses.append(summed_loss(member.stop).item() / WEIGHTS[member.stop].sum())
        if stop_losses[-1] < best or case.patience is None:
            best, kept = stop_losses[-1], (len(losses), tree_map(lambda leaf: leaf.detach().numpy().copy(), params))
        elif len(losses) - kept[0] >= case.patience:
            break
    return kept[1], losses, stop_losses, kept[0]


def batches_of(task, member):
    """Return the rows of each batch of each epoch, in the order of gmcore's plan."""
    settings = {name: np.array([value]) for name, value in task.optimizer.settings.items()}
    plan = TrainingPlan(
        members=[member],
        config=WorkflowConfig(batch_size=BATCH, max_epochs=EPOCHS),
        schedule=task.schedule,
        optimizer=task.optimizer,
        settings=settings,
    )
    epochs = [plan.epoch(number) for number in range(EPOCHS)]
    return [
        [rows[0][counts[0] > 0] for rows, counts in zip(epoch["indices"], epoch["weights"], strict=True)]
        for epoch in epochs
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_run_ends_with_the_weights_of_the_loop_in_torch(torch, double, name):
    case = CASES[name]
    task = task_of(case, double)
    for member, found in zip(MEMBERS, GradientDescent().train(task, MEMBERS), strict=True):
        start = initial_variables(task, member).params
        params, losses, stop_losses, best_epoch = train_in_torch(torch, case, member, start, batches_of(task, member))
        assert (found.epochs, found.best_epoch) == (len(losses), best_epoch)
        np.testing.assert_allclose(found.history["train_loss"], losses, rtol=1e-10)
        np.testing.assert_allclose(found.history["stop_loss"], stop_losses, rtol=1e-10)
        ours, theirs = tree_flatten(found.variables.params), tree_flatten(params)
        assert set(ours) == set(theirs)
        for path, leaf in ours.items():
            error = np.linalg.norm(leaf - theirs[path]) / np.linalg.norm(theirs[path])
            assert error < 1e-10, path
