"""Buffers that a model changes in training: each member's own, kept with its best epoch, and saved in checkpoints."""

import attrs
import numpy as np
import pytest

from gmcore.domain import CheckpointConfig, Hooks, Member, Variables
from gmcore.errors import TrainingError
from gmcore.ports import SupportsUpdate
from gmcore.storage.checkpoint import Checkpoints
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent

WORKFLOW = GradientDescent()
EVERY = CheckpointConfig(seconds=float("inf"), every_epochs=1, every_steps=3)


@attrs.frozen(kw_only=True)
class Counting(TinyModel, SupportsUpdate):
    """A model that counts its training steps in a buffer, and says whether it does."""

    stateful: bool = True

    @property
    def info(self):
        return attrs.evolve(super().info, stateful=self.stateful)

    def init(self, rng):
        variables = super().init(rng)
        return Variables(variables.params, {**variables.buffers, "steps": np.zeros(1)})

    def update(self, variables, inputs, at):
        outputs = self.apply(variables, inputs, at)
        return outputs, {**variables.buffers, "steps": variables.buffers["steps"] + 1}


@pytest.fixture
def counting(configured):
    def task(*, stateful=True, **changes):
        there = configured(**changes)
        return attrs.evolve(there, model=Counting(schema=there.rows.schema, stateful=stateful))

    return task


def steps_of(results):
    return [float(one.variables.buffers["steps"][0]) for one in results]


@pytest.mark.parametrize("changes", [{}, {"members_per_chunk": 3}, {"row_memory": 100}])
def test_each_member_has_the_buffers_of_its_own_steps_up_to_its_best_epoch(counting, fleet, changes):
    members = fleet(5)
    results = WORKFLOW.train(counting(**changes), members)
    per_epoch = [-(-len(member.train) // 16) for member in members]
    assert len(set(per_epoch)) > 1
    expected = [steps * one.best_epoch for steps, one in zip(per_epoch, results, strict=True)]
    assert steps_of(results) == expected


def test_the_buffers_of_preprocessing_are_of_each_members_training_rows(counting, fleet):
    members = fleet(3)
    for member, result in zip(members, WORKFLOW.train(counting(max_epochs=1), members), strict=True):
        numbers = counting().rows.inputs["numeric"][member.train]
        np.testing.assert_allclose(result.variables.buffers["mean"], numbers.mean(0), rtol=1e-6)
        np.testing.assert_allclose(result.variables.buffers["std"], numbers.std(0), rtol=1e-6)


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


def test_a_resumed_run_has_the_buffers_of_an_uninterrupted_one(counting, fleet, tmp_path, same_results):
    task, saved = counting(checkpoint=EVERY, early_stopping=None), []

    def kill(moment):
        saved.append(moment)
        if len(saved) == 5:
            raise Killed

    store = Checkpoints(folder=tmp_path, config=EVERY, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        WORKFLOW.train(attrs.evolve(task, checkpoints=store), fleet(3))
    resumed = WORKFLOW.train(attrs.evolve(task, checkpoints=Checkpoints(folder=tmp_path, config=EVERY)), fleet(3))
    same_results(resumed, WORKFLOW.train(task, fleet(3)))


def test_scoring_changes_no_buffers(counting):
    member = Member(train=np.arange(100), stop=np.arange(100, 150))
    (result,) = WORKFLOW.train(counting(), [member])
    before = steps_of([result])
    WORKFLOW.validate(counting(), [result.variables], [member.stop])
    assert steps_of([result]) == before


def test_a_model_that_says_it_changes_buffers_without_an_update_is_refused(configured):
    @attrs.frozen(kw_only=True)
    class Boasting(TinyModel):
        @property
        def info(self):
            return attrs.evolve(super().info, stateful=True)

    task = configured()
    message = (
        r"the info of the model Tiny has stateful=True, so it must have the method update\(variables, inputs, at\)"
    )
    with pytest.raises(TrainingError, match=message):
        WORKFLOW.train(attrs.evolve(task, model=Boasting(schema=task.rows.schema)), [Member(train=np.arange(100))])
