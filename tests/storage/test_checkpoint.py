"""Checkpoints: a resumed run gives the same bits as an uninterrupted one."""

import threading
import time

import attrs
import numpy as np
import pytest

from gmcore.domain import CheckpointConfig, Hooks, Member, Snapshot
from gmcore.errors import InputError, ModelFileError, OutputError
from gmcore.storage.checkpoint import FORMAT, Checkpoints
from gmcore.storage.sealed import opened, sealed
from gmcore.training import GradientDescent

EVERY = CheckpointConfig(seconds=float("inf"), every_epochs=1, every_steps=3, keep=2)


def save(store, snapshot):
    store.save(snapshot)
    store.wait()


class Killed(BaseException):
    """A simulated kill, which no code catches."""


def killed_after(writes):
    """Return a hook that raises `Killed` after `writes` checkpoints."""
    seen = []

    def count(moment):
        seen.append(moment)
        if len(seen) == writes:
            raise Killed

    return Hooks(checkpoint_saved=(count,))


@pytest.fixture
def stepwise(configured):
    return configured(checkpoint=EVERY, members_per_chunk=3)


@pytest.fixture
def uninterrupted(stepwise, fleet):
    return GradientDescent().train(stepwise, fleet(5))


def kept_in(task, folder, hooks=None):
    return attrs.evolve(task, checkpoints=Checkpoints(folder=folder, config=EVERY, hooks=hooks or Hooks()))


@pytest.mark.parametrize("writes", [1, 2, 5, 9, 12])
def test_a_killed_run_goes_on_to_the_same_bits(stepwise, uninterrupted, tmp_path, writes, fleet, same_results):
    with pytest.raises(Killed):
        GradientDescent().train(kept_in(stepwise, tmp_path, killed_after(writes)), fleet(5))
    resumed = GradientDescent().train(kept_in(stepwise, tmp_path), fleet(5))
    same_results(resumed, uninterrupted)


def test_a_finished_run_is_read_back_without_training(stepwise, uninterrupted, tmp_path, fleet, same_results):
    GradientDescent().train(kept_in(stepwise, tmp_path), fleet(5))
    epochs = []
    again = attrs.evolve(kept_in(stepwise, tmp_path), hooks=Hooks(epoch_start=(epochs.append,)))
    same_results(GradientDescent().train(again, fleet(5)), uninterrupted)
    assert epochs == []


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(
    stepwise, uninterrupted, tmp_path, fleet, same_results
):
    with pytest.raises(Killed):
        GradientDescent().train(kept_in(stepwise, tmp_path, killed_after(4)), fleet(5))
    last = max(tmp_path.iterdir())
    content = bytearray(last.read_bytes())
    content[-1] ^= 1
    last.write_bytes(content)
    told = []
    store = Checkpoints(folder=tmp_path, config=EVERY, say=told.append)
    resumed = GradientDescent().train(attrs.evolve(stepwise, checkpoints=store), fleet(5))
    same_results(resumed, uninterrupted)
    assert len(told) == 1
    assert last.name in told[0]
    assert "checksum does not match" in told[0]


def test_the_best_weights_outlive_the_checkpoint_of_their_epoch(configured, tmp_path, same_results):
    task = configured(max_epochs=40)
    member = Member(train=np.arange(60), stop=np.arange(60, 120))
    (whole,) = GradientDescent().train(task, [member])
    config = CheckpointConfig(seconds=float("inf"), every_epochs=1, keep=1)

    def kill(moment):
        if moment.epoch == whole.best_epoch + 1:
            raise Killed

    store = Checkpoints(folder=tmp_path, config=config, hooks=Hooks(checkpoint_saved=(kill,)))
    with pytest.raises(Killed):
        GradientDescent().train(attrs.evolve(task, checkpoints=store), [member])
    assert len(list(tmp_path.iterdir())) == 1
    assert store.load(0).epoch == whole.best_epoch + 1
    later = attrs.evolve(task, checkpoints=Checkpoints(folder=tmp_path, config=config))
    (resumed,) = GradientDescent().train(later, [member])
    same_results([resumed], [whole])
    (scored,) = GradientDescent().validate(task, [resumed.variables], [member.stop])
    assert scored.loss == pytest.approx(whole.best_loss, rel=1e-6)


def test_a_chunk_goes_on_with_the_members_of_its_checkpoint_whatever_the_configured_number(
    stepwise, uninterrupted, tmp_path, fleet, same_results
):
    with pytest.raises(Killed):
        GradientDescent().train(kept_in(stepwise, tmp_path, killed_after(1)), fleet(5))
    begun = []
    other = attrs.evolve(
        kept_in(stepwise, tmp_path),
        config=attrs.evolve(stepwise.config, members_per_chunk=5),
        hooks=Hooks(fit_start=(lambda moment: begun.append(len(moment.members)),)),
    )
    same_results(GradientDescent().train(other, fleet(5)), uninterrupted)
    assert begun == [3, 2]


def test_the_checkpoint_of_another_fleet_is_refused(stepwise, tmp_path, fleet):
    with pytest.raises(Killed):
        GradientDescent().train(kept_in(stepwise, tmp_path, killed_after(1)), fleet(5))
    with pytest.raises(ModelFileError, match=r"it is of members \(0, 1, 2\), the run has members \(1, 2, 3\) there"):
        GradientDescent().train(kept_in(stepwise, tmp_path), fleet(5)[1:])


def test_only_the_latest_are_kept(stepwise, tmp_path):
    store = Checkpoints(folder=tmp_path, config=EVERY)
    for step in (3, 6, 9):
        save(store, snapshot(step=step))
    assert [path.name[12:29] for path in sorted(tmp_path.iterdir())] == ["00000001-00000006", "00000001-00000009"]
    assert store.load(0).step == 9
    assert store.load(1) is None


def test_of_a_chunk_that_is_done_only_the_last_is_kept(tmp_path):
    store = Checkpoints(folder=tmp_path, config=EVERY)
    for step in (3, 6):
        save(store, snapshot(step=step))
    save(store, attrs.evolve(snapshot(step=9), done=True))
    assert [path.name[12:29] for path in tmp_path.iterdir()] == ["00000001-00000009"]


def test_a_snapshot_can_be_loaded_as_soon_as_it_was_handed_over(tmp_path):
    store = Checkpoints(folder=tmp_path, config=EVERY)
    for step in range(1, 10):
        store.save(snapshot(step=step))
        assert store.load(0).step == step


def test_seconds_count_from_the_last_snapshot(tmp_path):
    store = Checkpoints(folder=tmp_path, config=CheckpointConfig(seconds=3600.0))
    assert not store.due(epoch=1, step=1)
    store._last_save -= 3600  # as if an hour had passed
    assert store.due(epoch=1, step=1)
    save(store, snapshot(step=3))
    assert not store.due(epoch=1, step=1)


def test_a_snapshot_comes_back_as_it_was(tmp_path):
    store = Checkpoints(folder=tmp_path, config=EVERY)
    save(store, snapshot(step=3))
    found = store.load(0)
    assert attrs.asdict(found, filter=attrs.filters.exclude("arrays")) == attrs.asdict(
        snapshot(step=3), filter=attrs.filters.exclude("arrays")
    )
    np.testing.assert_array_equal(found.arrays["carry"]["params"]["w"], np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(found.arrays["history"], np.ones((1, 2, 2)))


def test_a_snapshots_trees_come_back_in_their_order(tmp_path):
    names = [f"{letter}{place}" for place, letter in enumerate("zqaymbxk")]
    arrays = {"carry": {name: np.zeros(place + 1, np.float32) for place, name in enumerate(names)}}
    store = Checkpoints(folder=tmp_path, config=EVERY)
    save(store, attrs.evolve(snapshot(step=3), arrays=arrays | snapshot(step=3).arrays | arrays))
    assert [list(store.load(0).arrays["carry"]) for _ in range(5)] == [names] * 5


def test_training_goes_on_while_a_snapshot_is_written(tmp_path):
    told, writing, wanted = [], threading.Event(), threading.Event()

    def slowly():
        writing.set()
        assert wanted.wait(10)

    hooks = Hooks(checkpoint_saved=(lambda moment: told.append(moment.epoch),))
    store = Checkpoints(folder=tmp_path, config=EVERY, hooks=hooks, beforehand=slowly)
    store.save(snapshot(step=3))
    assert writing.wait(10)
    store.report()
    assert told == []
    assert list(tmp_path.iterdir()) == []
    wanted.set()
    store.save(snapshot(step=6))
    assert told == [1]
    store.wait()
    assert told == [1, 1]
    store.report()
    store.wait()
    assert told == [1, 1]


def test_what_a_write_fails_with_is_raised_where_training_hears_of_it(tmp_path):
    (tmp_path / "taken").write_text("a file")
    store = Checkpoints(folder=tmp_path / "taken", config=EVERY)
    store.save(snapshot(step=3))
    deadline = time.monotonic() + 10
    with pytest.raises(OutputError, match="cannot write"):
        _report_until(store, deadline)
    store.wait()


def _report_until(store, deadline):
    while time.monotonic() < deadline:
        store.report()


def test_a_place_that_takes_nothing_is_an_output_error(tmp_path):
    (tmp_path / "taken").write_text("a file")
    store = Checkpoints(folder=tmp_path / "taken", config=EVERY)
    with pytest.raises(OutputError, match="cannot write"):
        save(store, snapshot(step=3))


def test_the_checkpoint_of_another_run_is_not_taken(tmp_path):
    own, others = (Checkpoints(folder=tmp_path, config=EVERY, run=run) for run in ("own", "other"))
    save(own, snapshot(step=3))
    save(others, snapshot(step=6))
    said = []
    assert Checkpoints(folder=tmp_path, config=EVERY, run="own", say=said.append).load(0).step == 3
    assert len(said) == 1
    assert said[0].endswith("is of another run; using the checkpoint before it")
    assert Checkpoints(folder=tmp_path, config=EVERY).load(0).step == 6
    with pytest.raises(InputError, match="is of another run, and no earlier checkpoint is intact"):
        Checkpoints(folder=tmp_path, config=EVERY, run="third").load(0)


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: value} for name in ("chunk", "epoch", "step") for value in ("1", 1.0, None, -1)),
        {"members": [0, None]},
        {"members": [0, -1]},
        {"members": 3},
        {"numbers": [3]},
        {"done": 1},
        {"seconds": -1},
        {"seconds": "1"},
        {"seconds": float("inf")},
    ],
)
def test_a_header_with_values_of_other_types_is_damage(tmp_path, wrong):
    store = Checkpoints(folder=tmp_path, config=EVERY)
    save(store, snapshot(step=3))
    (path,) = tmp_path.iterdir()
    arrays, header = opened(path.read_bytes(), key="gmcore_checkpoint", known=FORMAT, what="")
    path.write_bytes(b"".join(sealed(arrays, key="gmcore_checkpoint", about={**header, "format": FORMAT, **wrong})))
    (name,) = wrong
    with pytest.raises(ModelFileError, match=rf"is damaged \((its header is malformed|'{name}' must be [<>])"):
        store.load(0)


def snapshot(step):
    arrays = {
        "carry": {"params": {"w": np.ones((2, 3), np.float32)}},
        "state": {"active": np.ones(2, bool)},
        "history": np.ones((1, 2, 2)),
    }
    numbers = ("train_loss", "active")
    return Snapshot(
        chunk=0, members=(0, 1), numbers=numbers, epoch=1, step=step, done=False, seconds=1.5, arrays=arrays
    )
