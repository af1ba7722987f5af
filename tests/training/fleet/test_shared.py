"""Variables that all members share: held once, never changed, the same bits in every chunk, checked on resume."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import CheckpointConfig, Hooks, Variables, WorkflowConfig
from gmcore.domain.tree import tree_flatten, tree_leaves
from gmcore.errors import ModelFileError, TrainingError
from gmcore.nn import Network
from gmcore.nn.layers import BatchNorm, Concatenate, Dense, Frozen, Sequential, Tanh
from gmcore.nn.losses import CrossEntropy
from gmcore.ports import SupportsAdapt
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing.fakes import two_moons
from gmcore.training import GradientDescent
from gmcore.training.chunks import plan_chunks

ROWS = two_moons(203)
EVERY = CheckpointConfig(seconds=float("inf"), every_epochs=1, every_steps=3)
BASE = "inputs.numeric.base"


def base(width=8, seed=0):
    """Return a pretrained base: its weights, and the running averages of a normalisation."""
    layer = Sequential([Dense(width), BatchNorm(), Tanh()])
    return Frozen(layer, layer.init(np.random.default_rng(seed), (2,)))


def heads_on(layer, *more):
    inputs = Concatenate({"numeric": Sequential({"base": layer, **{str(i): one for i, one in enumerate(more)}})})
    return Network(Sequential({"inputs": inputs, "head": Dense(2)}), CrossEntropy(), ROWS.schema)


JAX = ["jax float32", "jax float64"]
# MLX compiles its kernels with the system's compiler, for each number of members.
SLOW = [pytest.param(f"metal {dtype}", marks=pytest.mark.slow) for dtype in ("float32", "float64")]


@pytest.fixture(params=["jax float32", SLOW[0]], scope="module")
def backend(request):
    name, dtype = request.param.split()
    return getattr(gmcore, dtype).backends.create(name, device="cpu")


@pytest.fixture
def task(task):
    config = WorkflowConfig(max_epochs=3, batch_size=32)
    return attrs.evolve(task, model=heads_on(base()), rows=ROWS, config=config)


def train(task, members, **changes):
    return GradientDescent().train(attrs.evolve(task, config=attrs.evolve(task.config, **changes)), members)


@pytest.mark.parametrize("backend", [*JAX, *SLOW], indirect=True)
def test_a_members_bits_do_not_depend_on_its_chunk(task, fleet, same_results):
    whole = train(task, fleet(10))
    same_results(train(task, fleet(10), members_per_chunk=3), whole)
    same_results([train(task, [member])[0] for member in fleet(10)[::3]], whole[::3])


def test_training_changes_the_heads_alone(task, fleet):
    given = tree_flatten(task.model.init(np.random.default_rng(0)).shared)
    results = train(task, fleet(3))
    for one in results:
        assert tree_flatten(one.variables.params).keys() == {"head.weight", "head.bias"}
        assert one.variables.shared is results[0].variables.shared
        found = tree_flatten(one.variables.shared)
        assert {name: leaf.tolist() for name, leaf in found.items()} == {
            name: leaf.astype(np.float32).tolist() for name, leaf in given.items()
        }
    first, last = results[0].history["train_loss"][[0, -1]]
    assert last < first


def test_shared_variables_are_scored_and_planned_once(task, fleet):
    results = train(task, fleet(3))
    scored = GradientDescent().validate(task, [one.variables for one in results], [one.stop for one in fleet(3)])
    assert all(one.n_samples == 0 or np.isfinite(one.predictions).all() for one in scored)
    numbers = sum(leaf.size for leaf in tree_leaves(results[0].variables.shared))
    plan = plan_chunks(task, 9)
    assert plan.shared == 4 * numbers
    assert plan.estimated == plan.rows + plan.shared + 9 * plan.member


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


@pytest.fixture
def killed(task, fleet, tmp_path):
    """Return a task with the checkpoints of a run of three members that was killed."""
    saved, task = [], attrs.evolve(task, config=attrs.evolve(task.config, checkpoint=EVERY))

    def kill(moment):
        saved.append(moment)
        if len(saved) == 3:
            raise Killed

    store = Checkpoints(folder=tmp_path, config=EVERY, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        GradientDescent().train(attrs.evolve(task, checkpoints=store), fleet(3))
    return attrs.evolve(task, checkpoints=Checkpoints(folder=tmp_path, config=EVERY))


def test_a_killed_run_resumes_to_the_same_bits(task, killed, fleet, same_results):
    same_results(GradientDescent().train(killed, fleet(3)), train(task, fleet(3)))


def test_a_checkpoint_holds_shared_variables_once(killed):
    shapes = {name: leaf.shape for name, leaf in tree_flatten(killed.checkpoints.load(0).arrays).items()}
    held = [name for name in shapes if "base" in name]
    assert {name.partition(".")[0] for name in held} == {"shared"}
    assert shapes[f"shared.{BASE}.params.0.weight"] == (2, 8)
    assert shapes["carry.params.head.weight"] == (3, 8, 2)


def test_a_run_is_not_resumed_with_another_base(killed, fleet):
    with pytest.raises(ModelFileError, match=r"its array shared\.inputs\.numeric\.base\.params\.0\.weight differs"):
        GradientDescent().train(attrs.evolve(killed, model=heads_on(base(seed=1))), fleet(3))


@attrs.frozen
class Fitted(Frozen, SupportsAdapt):
    """A base that would be fitted to the rows of one member."""

    def adapt(self, variables, blocks, *, rng):
        rows = np.concatenate([block.inputs for block in blocks])
        params = variables.shared["params"]
        return Variables(shared={**variables.shared, "params": {**params, "moved": rows.mean(axis=0)}})


@attrs.frozen
class Drawn(Frozen):
    """A base that would be drawn for each member."""

    def init(self, rng, input_shape):
        return Variables(shared={"params": self.layer.init(rng, input_shape).params})


@pytest.mark.parametrize("count", [1, 2])
def test_an_adapt_that_changes_shared_variables_is_refused(task, fleet, count):
    layer = base()
    model = heads_on(Fitted(layer.layer, layer.variables))
    message = r"shared\.inputs\.numeric\.base\.params\.moved of the model Network must not be changed by adapt"
    with pytest.raises(TrainingError, match=message):
        train(attrs.evolve(task, model=model), fleet(count))


def test_an_init_that_draws_shared_variables_is_refused(task, fleet):
    layer = base()
    model = heads_on(Drawn(layer.layer, layer.variables))
    message = r"shared\.inputs\.numeric\.base\.params\.0\.weight of the model Network must be the same for all "
    message += "members, but differs between the first and number 2: init must not draw it"
    with pytest.raises(TrainingError, match=message):
        train(attrs.evolve(task, model=model), fleet(2))


def bytes_alive(jax):
    """Return the bytes of the arrays on the device; several may have the same memory."""
    return sum({one.unsafe_buffer_pointer(): one.nbytes for one in jax.live_arrays()}.values())


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax float32"], indirect=True)
def test_twenty_heads_on_a_base_of_ten_million_parameters_take_the_memory_of_one_base(task, fleet, tmp_path):
    import jax  # noqa: PLC0415 - only this backend says which arrays are alive

    layer = Sequential([Dense(3160), Tanh(), Dense(3160)])
    model = heads_on(Frozen(layer, layer.init(np.random.default_rng(0), (2,))))
    size = sum(leaf.nbytes for leaf in tree_leaves(model.init(np.random.default_rng(0)).shared)) // 2  # in float32
    config = attrs.evolve(task.config, max_epochs=2, batch_size=64, checkpoint=EVERY, early_stopping=None)
    found = {}
    for count in (1, 20):
        on_device, folder = [], tmp_path / str(count)
        hooks = Hooks(epoch_end=(lambda _, to=on_device: to.append(bytes_alive(jax)),))
        store = Checkpoints(folder=folder, config=EVERY, hooks=Hooks())
        members = [attrs.evolve(fleet(1)[0], index=place) for place in range(count)]
        changed = attrs.evolve(task, model=model, config=config, checkpoints=store, hooks=hooks)
        assert len(GradientDescent().train(changed, members)) == count
        on_disk = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        found[count] = max(on_device), on_disk
    head = 4 * (3160 * 2 + 2)
    for one, twenty in zip(found[1], found[20], strict=True):
        assert size < one < 1.1 * size
        # Weights, the best weights and the optimizer's state, now and before a step, and their copies for a checkpoint.
        assert twenty - one < 19 * head * 16
