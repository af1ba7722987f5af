"""Whole runs with L-BFGS: full batches of ill-conditioned least squares."""

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.domain import (
    Feature,
    LayerInfo,
    Member,
    ModelInfo,
    Rows,
    Schema,
    Target,
    TargetKind,
    Variables,
    WorkflowConfig,
)
from gmcore.errors import ConfigError
from gmcore.nn.gradients import Backpropagation
from gmcore.nn.optimizers import LBFGS, SGD
from gmcore.nn.schedules import Constant
from gmcore.ports import Model, TrainingTask
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent
from gmcore.training.chunks import plan_chunks

WORKFLOW = GradientDescent()
ROWS, WIDTH = 40, 4
# Curvatures of the loss are the squares of these scales, up to noise: their ratio is 100.
SCALES = np.array([1.0, 2.0, 5.0, 10.0])
OPTIMIZER = LBFGS()


@attrs.frozen(kw_only=True)
class LeastSquares(Model):
    """A linear function without a constant, and half its squared error."""

    schema: Schema

    @property
    def info(self):
        layer = LayerInfo(name="linear", description="linear", output_shape=(1,), parameters=WIDTH)
        return ModelInfo(name="LeastSquares", layers=(layer,), input_shapes={"numeric": (WIDTH,)}, output_shape=(1,))

    def init(self, rng):
        return Variables({"weight": rng.normal(size=(WIDTH, 1))}, {})

    def adapt(self, variables, rows, *, rng):
        return variables

    def apply(self, variables, inputs, at):
        return at.xp.matmul(inputs["numeric"], variables.params["weight"])

    def loss(self, variables, outputs, targets, at):
        return at.xp.sum(at.xp.square(outputs - targets), axis=-1) / 2

    def predict(self, variables, outputs, *, xp):
        return outputs


@pytest.fixture(params=list(gmcore.float64.backends), scope="module")
def double(request):
    return gmcore.float64.backends.create(request.param, device="cpu")


@pytest.fixture
def least_squares(double):
    """Return a call that returns a task in float64 whose lowest loss is 0."""

    def task(optimizer, **changes):
        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(ROWS, WIDTH)) * SCALES
        features = tuple(Feature(name=f"x{place}") for place in range(WIDTH))
        schema = Schema(features=features, target=Target(names=("y",), kind=TargetKind.REGRESSION))
        config = {"max_epochs": 21, "shuffle": False, "batch_size": ROWS, "early_stopping": None, **changes}
        return TrainingTask(
            model=LeastSquares(schema=schema),
            rows=Rows(schema=schema, inputs={"numeric": inputs}, targets=inputs @ np.ones((WIDTH, 1))),
            backend=double,
            optimizer=optimizer,
            schedule=Constant(),
            gradients=Backpropagation(),
            config=WorkflowConfig(**config),
        )

    return task


def members(count):
    """Return members with other numbers of rows and other first weights."""
    return [Member(index=index, train=np.arange(ROWS - index), seed=7) for index in range(count)]


def test_an_ill_conditioned_fleet_converges_in_20_steps_where_gradient_descent_does_not(least_squares):
    """The last loss is that after 20 steps. Gradient descent diverges at twice the learning rate that it has here."""
    found = WORKFLOW.train(least_squares(OPTIMIZER), members(10))
    expected = WORKFLOW.train(least_squares(SGD(learning_rate=0.01)), members(10))
    assert max(one.final_loss for one in found) < 1e-8
    assert min(one.final_loss for one in expected) > 1e-3
    for one in found:
        np.testing.assert_allclose(one.variables.params["weight"], 1.0, atol=1e-4)


def test_ten_members_have_the_bits_of_each_alone(least_squares, same_results):
    task = least_squares(OPTIMIZER)
    together = WORKFLOW.train(task, members(10))
    for place in (0, 4, 9):
        same_results(WORKFLOW.train(task, [members(10)[place]]), [together[place]])


def test_no_step_raises_the_loss_also_where_the_first_length_is_too_large(least_squares):
    (result,) = WORKFLOW.train(least_squares(LBFGS(learning_rate=100.0, history=2, evaluations=30)), members(1))
    losses = result.history["train_loss"]
    assert (np.diff(losses) <= 0).all()
    assert losses[-1] < 1e-3 * losses[0]


def test_a_step_without_a_length_that_lowers_the_loss_keeps_the_parameters(least_squares):
    optimizer = LBFGS(learning_rate=1e6, history=1, evaluations=1)
    (result,) = WORKFLOW.train(least_squares(optimizer, max_epochs=5), members(1))
    assert len(set(result.history["train_loss"])) == 1
    assert result.failure is None


@attrs.frozen(kw_only=True)
class Kinked(TinyModel):
    """A model whose gradient is not finite, although its loss is."""

    def loss(self, variables, outputs, targets, at):
        zero = at.xp.sum(at.xp.square(variables.params["out"]["weight"])) * 0
        return super().loss(variables, outputs, targets, at) + at.xp.sqrt(zero)


def test_a_gradient_that_is_not_finite_fails_its_member(configured):
    task = attrs.evolve(configured(batch_size=256), optimizer=LBFGS(history=1, evaluations=1))
    whole = Member(train=np.arange(100))
    with pytest.raises(gmcore.errors.TrainingError, match="at step 1 of epoch 1, with largest gradient nan"):
        WORKFLOW.train(attrs.evolve(task, model=Kinked(schema=task.rows.schema)), [whole])


def test_float16_is_refused(task, backend):
    narrow = gmcore.float32.backends.create(backend.name, device="cpu", compute="float16")
    with pytest.raises(ConfigError) as caught:
        WORKFLOW.train(attrs.evolve(task, backend=narrow, optimizer=LBFGS()), [Member(train=np.arange(100))])
    assert str(caught.value) == (
        "training.optimizer: LBFGS evaluates losses itself, which training in float16 can't scale: "
        'set precision = "bfloat16", or leave it out'
    )


def test_the_estimate_of_memory_counts_what_is_remembered(task):
    short, long = (plan_chunks(attrs.evolve(task, optimizer=LBFGS(history=count)), 4).member for count in (1, 101))
    parameters = task.model.info.parameter_count
    # Steps and changes, before and after a step, in float32.
    assert long - short == 100 * 2 * 2 * 4 * parameters
