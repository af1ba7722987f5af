"""A network with batch normalisation trained as a fleet: each member has the numbers of itself alone, to the bit."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import CheckpointConfig, Hooks, Member, WorkflowConfig
from gmcore.nn import Network
from gmcore.nn.layers import BatchNorm, Concatenate, Dense, ReLU, Sequential
from gmcore.nn.losses import CrossEntropy
from gmcore.nn.optimizers import AdamW
from gmcore.nn.preprocessing import Standardize
from gmcore.nn.schedules import Constant
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing.fakes import two_moons
from gmcore.training import GradientDescent

ROWS = two_moons(203)
EVERY = CheckpointConfig(seconds=float("inf"), every_epochs=1, every_steps=2)


def normalised(schema):
    layers = {
        "inputs": Concatenate({"numeric": Standardize()}),
        "hidden": Dense(8),
        "norm": BatchNorm(),
        "activation": ReLU(),
        "head": Dense(2),
    }
    return Network(Sequential(layers), CrossEntropy(), schema)


# MLX compiles its kernels with the system's compiler, for each number of members.
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("jax float64", "metal float32", "metal float64")]


@pytest.fixture(params=["jax float32", *SLOW], scope="module")
def backend(request):
    name, dtype = request.param.split()
    return getattr(gmcore, dtype).backends.create(name, device="cpu")


@pytest.fixture
def task(task):
    config = WorkflowConfig(max_epochs=4, batch_size=64)
    return attrs.evolve(task, model=normalised(ROWS.schema), rows=ROWS, schedule=Constant(), config=config)


def members():
    """Return ten members whose last batches have 5, 15, … rows: some take three steps an epoch, some two."""
    rng = np.random.default_rng(5)
    orders = [rng.permutation(203) for _ in range(10)]
    return [
        Member(index=place, train=order[: 69 + 10 * place], stop=order[190:], seed=1)
        for place, order in enumerate(orders)
    ]


def train(task, some, **changes):
    return GradientDescent().train(attrs.evolve(task, config=attrs.evolve(task.config, **changes)), some)


def test_a_member_of_a_ragged_fleet_has_the_bits_of_itself_alone(task, same_results):
    whole = train(task, members())
    same_results(train(task, members(), members_per_chunk=3), whole)
    same_results([train(task, [member])[0] for member in members()[::3]], whole[::3])
    first, last = whole[0].history["train_loss"][[0, -1]]
    assert last < first
    assert not np.array_equal(*(one.variables.buffers["norm"]["mean"] for one in whole[:2]))


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


def test_a_killed_run_resumes_to_the_same_bits(task, tmp_path, same_results):
    saved, fleet = [], members()[:3]
    task = attrs.evolve(task, config=attrs.evolve(task.config, checkpoint=EVERY))

    def kill(moment):
        saved.append(moment)
        if len(saved) == 3:
            raise Killed

    store = Checkpoints(folder=tmp_path, config=EVERY, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        GradientDescent().train(attrs.evolve(task, checkpoints=store), fleet)
    again = attrs.evolve(task, checkpoints=Checkpoints(folder=tmp_path, config=EVERY))
    same_results(GradientDescent().train(again, fleet), GradientDescent().train(task, fleet))


def test_statistics_are_of_the_rows_that_a_member_trains_on(task):
    """One step an epoch, of all rows, without learning: the running averages approach those of the hidden outputs."""
    member = Member(train=np.arange(150), stop=np.arange(150, 203))
    still = attrs.evolve(task, optimizer=AdamW(learning_rate=1e-30, weight_decay=0.0))
    (result,) = train(still, [member], batch_size=256, max_epochs=40, early_stopping=None)
    variables, numbers = result.variables, ROWS.inputs["numeric"][:150]
    scaled = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    hidden = scaled @ variables.params["hidden"]["weight"] + variables.params["hidden"]["bias"]
    left = 0.9**40
    running = variables.buffers["norm"]
    np.testing.assert_allclose(running["mean"], (1 - left) * hidden.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(running["variance"], left + (1 - left) * hidden.var(axis=0, ddof=1), rtol=1e-4)
