"""Training in bfloat16 and float16: float32 weights, losses close to float32's, and reproducible bits."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import CheckpointConfig, Hooks, Member
from gmcore.domain.tree import tree_leaves
from gmcore.errors import TrainingError
from gmcore.nn.numpy_namespace import NumPyNamespace
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent
from gmcore.training.fleet.members import initial_arrays
from gmcore.training.fleet.steps.loss_scaling import LossScaling

WORKFLOW = GradientDescent()
EVERY = CheckpointConfig(seconds=float("inf"), every_steps=3, every_epochs=1)


@attrs.frozen(kw_only=True)
class Steep(TinyModel):
    """A model whose loss is multiplied by a factor."""

    factor: float = 1.0

    def loss(self, variables, outputs, targets, at):
        xp = at.xp
        picked = xp.take_along_axis(xp.log_softmax(outputs), xp.expand_dims(targets, -1), axis=-1)
        return -xp.squeeze(picked, -1) * self.factor


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


@pytest.fixture
def narrow(task, backend):
    """Return a task of a perceptron with dropout that computes in another dtype."""

    def of(compute, **changes):
        model = gmcore.float32.model_providers.create("mlp", hidden=(16, 8), dropout=0.1).create(task.rows.schema)
        there = gmcore.float32.backends.create(backend.name, device="cpu", compute=compute)
        changed = attrs.evolve(task, model=model, backend=there, config=attrs.evolve(task.config, **changes))
        return attrs.evolve(changed, config=attrs.evolve(changed.config, early_stopping=None))

    return of


@pytest.fixture
def steep(narrow):
    """Return a task in float16 whose losses and gradients are multiplied."""

    def of(factor, compute="float16", **changes):
        there = narrow(compute, **changes)
        return attrs.evolve(there, model=Steep(schema=there.rows.schema, factor=factor, dropout=0.0))

    return of


@pytest.fixture
def trained():
    """Return a call that trains one member and returns its result and the scale at each checkpoint."""

    def train(task, folder):
        scales = []
        store = Checkpoints(folder=folder, config=EVERY)
        look = Hooks(checkpoint_saved=(lambda _: scales.append(scale_of(store)),))
        store = attrs.evolve(store, hooks=look)
        (result,) = WORKFLOW.train(attrs.evolve(task, checkpoints=store), [Member(train=np.arange(160))])
        return result, scales

    return train


def scale_of(store):
    return float(store.load(0).arrays["carry"]["scaling"]["scale"][0])


@pytest.mark.parametrize("compute", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_a_narrow_model_learns_as_a_float_one_does(narrow, compute):
    member = Member(train=np.arange(160), score=np.arange(160, 203))
    (whole,), (found,) = (WORKFLOW.train(narrow(one, max_epochs=20), [member]) for one in ("float32", compute))
    # bfloat16 rounds each output of a layer by up to 0.4 %, and float16 leaves out its first steps.
    last = [one.history["train_loss"][-5:].mean() for one in (found, whole)]
    assert last[0] == pytest.approx(last[1], rel=0.05)
    assert not np.array_equal(found.history["train_loss"], whole.history["train_loss"])
    assert found.history["train_loss"][-1] < 0.7 * found.history["train_loss"][0]
    assert {leaf.dtype.name for leaf in tree_leaves(found.variables.params)} == {"float32"}
    (score,) = WORKFLOW.validate(narrow(compute), [found.variables], [member.score])
    np.testing.assert_allclose(score.predictions.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("compute", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_narrow_results_do_not_depend_on_the_chunking(narrow, compute, size, fleet, same_results):
    members = fleet(6)
    whole = WORKFLOW.train(narrow(compute, members_per_chunk=6), members)
    same_results(WORKFLOW.train(narrow(compute, members_per_chunk=size), members), whole)


def test_float16_is_resumed_to_the_same_bits_with_its_scale(steep, tmp_path, fleet, same_results):
    members = fleet(3)
    task = steep(100.0, max_epochs=3)
    uninterrupted = WORKFLOW.train(task, members)
    seen = []

    def kill(moment):
        seen.append(moment)
        if len(seen) == 3:
            raise Killed

    killed = Checkpoints(folder=tmp_path, config=EVERY, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        WORKFLOW.train(attrs.evolve(task, checkpoints=killed), members)
    store = Checkpoints(folder=tmp_path, config=EVERY)
    assert scale_of(store) < LossScaling().initial
    same_results(WORKFLOW.train(attrs.evolve(task, checkpoints=store), members), uninterrupted)


def test_gradients_that_are_too_large_lower_the_scale_and_training_goes_on(steep, trained, tmp_path):
    found, scales = trained(steep(1e3, max_epochs=12), tmp_path / "narrow")
    whole = WORKFLOW.train(steep(1e3, "float32", max_epochs=12), [Member(train=np.arange(160))])[0]
    assert 1 < scales[-1] < LossScaling().initial
    assert found.failure is None
    assert found.epochs == 12
    # Skipped steps make a small difference.
    assert found.final_loss == pytest.approx(whole.final_loss, rel=0.1)


def test_an_overflow_at_scale_one_is_a_failure_that_names_its_step(steep, trained, tmp_path):
    with pytest.raises(TrainingError, match="at step 7 of epoch 2, with largest gradient nan"):
        # Sixteen steps halve the scale, ten of them in the first epoch.
        trained(steep(1e9), tmp_path)
    assert WORKFLOW.train(steep(1e9, "float32"), [Member(train=np.arange(160))])[0].failure is None


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_only_float16_carries_a_scale(narrow, fleet, compute):
    assert "scaling" not in initial_arrays(narrow(compute), fleet(2)).carry
    assert "scaling" in initial_arrays(narrow("float16"), fleet(2)).carry


def test_the_scale_follows_the_rule_of_torchs_scaler(backend):
    scaling, xp = LossScaling(initial=8.0, interval=3, highest=32.0), backend.xp
    # One member's gradients stay finite, another's do not, a third never steps.
    gradients = np.array([[8.0, 16.0], [np.inf, 1.0], [np.nan, 1.0]])
    after = backend.compile(lambda state, g, live: scaling.unscale(state, {"w": g}, live, xp))
    state, live = backend.asarray(scaling.initial_state(3)), backend.asarray(np.array([True, True, False]))
    scales, taken = [], []
    for _ in range(9):
        true, state, took = after(state, backend.asarray(gradients), live)
        scales.append(backend.to_numpy(state["scale"]).tolist())
        taken.append(backend.to_numpy(took).tolist())
    assert [one[0] for one in scales] == [8, 8, 16, 16, 16, 32, 32, 32, 32]
    assert [one[1] for one in scales] == [4, 2, 1, 1, 1, 2, 1, 1, 1]
    assert [one[2] for one in scales] == [8] * 9
    # At scale 1 the step is taken, and not finite gradients are a failure as in any precision.
    assert [one[0] for one in taken] == [True] * 9
    assert [one[1] for one in taken] == [False] * 3 + [True] * 3 + [False] + [True] * 2
    assert [one[2] for one in taken] == [False] * 9
    assert backend.to_numpy(true["w"])[0].tolist() == [0.25, 0.5]


def test_a_scale_starts_at_two_to_the_16_and_doubles_after_two_thousand_steps_up_to_two_to_the_32():
    scaling, xp = LossScaling(), NumPyNamespace()
    state, scales = scaling.initial_state(1), []
    for _ in range(18):
        almost = {**state, "streak": np.array([1998], np.int32)}
        _, before, _ = scaling.unscale(almost, {"w": np.ones((1, 2))}, np.array([True]), xp)
        _, state, _ = scaling.unscale(before, {"w": np.ones((1, 2))}, np.array([True]), xp)
        scales += [before["scale"][0], state["scale"][0]]
    assert scales[:3] == [2.0**16, 2.0**17, 2.0**17]
    assert scales[-4:] == [2.0**32] * 4
