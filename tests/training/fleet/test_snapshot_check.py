"""A checkpoint whose arrays are not those of the run is refused before anything is trained."""

import attrs
import numpy as np
import pytest
from gm_mlp_model import MLPProvider

from gmcore.builtins.arrays import ArrayData
from gmcore.domain import CheckpointConfig
from gmcore.domain.tree import tree_flatten, tree_unflatten
from gmcore.errors import ModelFileError
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent


def without(name):
    return lambda arrays: arrays.pop(name)


def changed(name, change):
    return lambda arrays: arrays.update({name: change(arrays[name])})


def more(name):
    return lambda arrays: arrays.update({name: np.zeros(2, np.float32)})


CHANGES = {
    "a weight is missing": (without("carry.params.hidden.bias"), r"lacks the array carry\.params\.hidden\.bias"),
    "a number of the state is missing": (without("state.stale"), r"lacks the array state\.stale"),
    "an array more": (more("carry.params.tail"), r"its model has no array carry\.params\.tail"),
    "another shape": (
        changed("carry.optimizer.m.hidden.bias", lambda one: one[..., None]),
        r"carry\.optimizer\.m\.hidden\.bias has shape \[2, 8, 1\], its model has \[2, 8\]",
    ),
    "fewer digits": (changed("carry.loss", lambda one: one.astype(np.float16)), "has dtype float16"),
    "no integers": (changed("state.epoch", lambda one: one.astype(np.float32)), "has dtype float32"),
    "a history of other epochs": (changed("history", lambda one: one[:0]), r"its history has shape \[0,"),
    "a history of other members": (changed("history", lambda one: one[:, :, :1]), "its history has shape"),
    "a failed member that is none": (
        changed("failures", lambda _: np.array([[7.0, 0, 1, 1, 0, 0, 0, 0]])),
        "its record of failed members is malformed",
    ),
    "failures of another shape": (changed("failures", lambda one: one[:, :-1]), "its record of failed members"),
}


@pytest.fixture
def stored(configured, tmp_path):
    config = CheckpointConfig(seconds=float("inf"), every_epochs=1)
    store = Checkpoints(folder=tmp_path, config=config)
    return attrs.evolve(configured(checkpoint=config, max_epochs=2), checkpoints=store)


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_other_arrays_than_the_runs_are_refused_by_name(stored, fleet, change, message):
    GradientDescent().train(stored, fleet(2))
    snapshot = stored.checkpoints.load(0)
    flat = tree_flatten(snapshot.arrays)
    change(flat)
    stored.checkpoints.save(attrs.evolve(snapshot, arrays=tree_unflatten(flat)))
    stored.checkpoints.wait()
    with pytest.raises(ModelFileError, match=message):
        GradientDescent().train(stored, fleet(2))


def test_a_failure_is_of_a_member_and_a_parameter_at_an_epoch_and_a_step(stored, fleet):
    GradientDescent().train(stored, fleet(2))
    snapshot = stored.checkpoints.load(0)
    parameters = len(tree_flatten(snapshot.arrays["carry"]["params"]))

    def trained_after(*failure):
        failures = np.array([[*failure, 0, 0, 0, 0]], np.float64)
        stored.checkpoints.save(attrs.evolve(snapshot, arrays={**snapshot.arrays, "failures": failures}))
        stored.checkpoints.wait()
        return GradientDescent().train(stored, fleet(2))

    for member in (0, 1):
        results = trained_after(member, 0 if member else parameters - 1, 0, 0)
        assert [one.failure is not None for one in results] == [member == 0, member == 1]
    whole = (1, 1, 1, 1)
    wrong = [(2, 1, 1, 1), (1, parameters, 1, 1)]
    wrong += [(*whole[:at], bad, *whole[at + 1 :]) for at in range(4) for bad in (-1, 0.5, np.nan, np.inf)]
    for failure in wrong:
        with pytest.raises(ModelFileError, match="its record of failed members is malformed"):
            trained_after(*failure)


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31)])
def test_an_integer_that_indexes_outside_an_array_is_refused(stored, fleet, value):
    numbers = stored.rows.inputs["numeric"]
    colours = np.array(["red", "green", "blue"])[np.arange(len(numbers)) % 3]
    rows = ArrayData({"x": numbers[:, 0], "colour": colours}, stored.rows.targets, task="classification").rows()
    model = MLPProvider(hidden=(4,), embedding="embedding").create(rows.schema)
    task = attrs.evolve(stored, rows=rows, model=model)
    GradientDescent().train(task, fleet(2))
    snapshot = task.checkpoints.load(0)
    flat = tree_flatten(snapshot.arrays)
    indices = flat["buffers.inputs.categorical.place"].copy()
    indices[1] = value
    wrong = tree_unflatten(flat | {"buffers.inputs.categorical.place": indices})
    task.checkpoints.save(attrs.evolve(snapshot, arrays=wrong))
    task.checkpoints.wait()
    with pytest.raises(ModelFileError, match="an integer in its arrays is out of range"):
        GradientDescent().train(task, fleet(2))


def test_the_checkpoint_of_another_model_is_refused(stored, fleet):
    GradientDescent().train(stored, fleet(2))
    wider = attrs.evolve(stored, model=TinyModel(schema=stored.rows.schema, hidden=9))
    with pytest.raises(ModelFileError, match=r"is not one of this run, or it was edited: .* has shape"):
        GradientDescent().train(wider, fleet(2))


def test_more_epochs_than_the_run_has_are_refused(stored, fleet):
    GradientDescent().train(stored, fleet(2))
    shorter = attrs.evolve(stored, config=attrs.evolve(stored.config, max_epochs=1))
    with pytest.raises(ModelFileError, match="it is of epoch 2, the run has 1"):
        GradientDescent().train(shorter, fleet(2))
