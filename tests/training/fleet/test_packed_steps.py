"""MLX without fusion packs the parameters of a member that is alone: the same bits as in a fleet, which it does not."""

import attrs
import pytest

import gmcore
from gmcore.domain import CheckpointConfig, Hooks
from gmcore.domain.tree import tree_flatten
from gmcore.nn.optimizers import SGD, AdamW, RMSProp
from gmcore.storage.checkpoint import Checkpoints
from gmcore.training import GradientDescent

EVERY = CheckpointConfig(seconds=float("inf"), every_steps=3, every_epochs=1)
OPTIMIZERS = (AdamW(), RMSProp(weight_decay=0.1), SGD(momentum=0.9))


class Killed(BaseException):
    """Stands in for a kill: nothing catches it."""


@pytest.fixture(params=["float32", pytest.param("float64", marks=pytest.mark.slow)], scope="module")
def backend(request):
    pytest.importorskip("gm_metal_backend")
    return getattr(gmcore, request.param).backends.create("metal", device="cpu", fused=False)


@pytest.fixture(params=OPTIMIZERS, ids=repr)
def task(configured, request):
    return attrs.evolve(configured(max_epochs=3, checkpoint=EVERY), optimizer=request.param)


def alone(task):
    return attrs.evolve(task, config=attrs.evolve(task.config, members_per_chunk=1))


def test_a_member_alone_has_the_bits_that_it_has_in_a_fleet(task, fleet, same_results):
    assert task.backend.packs(1, 50)
    assert not task.backend.packs(2, 50)
    same_results(GradientDescent().train(alone(task), fleet(2)), GradientDescent().train(task, fleet(2)))


def test_a_checkpoint_holds_the_arrays_of_the_model_and_resumes_to_the_bit(task, fleet, tmp_path, same_results):
    saved = []

    def kill(moment):
        saved.append(moment)
        if len(saved) == 3:
            raise Killed

    store = Checkpoints(folder=tmp_path, config=EVERY, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        GradientDescent().train(attrs.evolve(task, checkpoints=store), fleet(1))
    (result,) = GradientDescent().train(task, fleet(1))
    snapshot = Checkpoints(folder=tmp_path, config=EVERY).load(0)
    assert {name: leaf.shape[1:] for name, leaf in tree_flatten(snapshot.arrays["carry"]["params"]).items()} == {
        name: leaf.shape for name, leaf in tree_flatten(result.variables.params).items()
    }
    resumed = attrs.evolve(task, checkpoints=Checkpoints(folder=tmp_path, config=EVERY))
    same_results(GradientDescent().train(resumed, fleet(1)), [result])
