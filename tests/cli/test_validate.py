import json
import re

import pytest

import gmcore
from gmcore.domain import Cancellation
from gmcore.errors import Cancelled


def test_json_has_each_fold_their_mean_and_their_spread(folder, report):
    told = report("validate", "run.toml")
    assert set(told) == {"run", "folds", "failed_folds", "mean", "std", "seconds", "profile"}
    assert [fold["index"] for fold in told["folds"]] == [0, 1, 2]
    assert all(set(fold) == {"index", "loss", "best_epoch", "epochs", "metrics", "failure"} for fold in told["folds"])
    losses = [fold["loss"] for fold in told["folds"]]
    assert told["mean"]["loss"] == pytest.approx(sum(losses) / 3)
    assert set(told["mean"]) == set(told["std"]) == {"loss", "accuracy"}
    assert (folder / told["run"]).is_dir()


def test_people_see_a_line_a_fold(folder, call):
    done = call("validate", "run.toml")
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    table = lines[lines.index("fold  epochs  best    loss  accuracy") :]
    assert [line.split()[0] for line in table[1:6]] == ["0", "1", "2", "mean", "std"]
    assert "3 folds in" in done.stderr


@pytest.fixture
def extreme(folder):
    """Return a run file whose data has a value out of float32's range; only fold 1 does not train on it."""
    head, *lines = (folder / "flowers.csv").read_text().splitlines()
    lines[4] = "1e300" + lines[4][lines[4].index(",") :]
    (folder / "flowers.csv").write_text("\n".join([head, *lines, ""]))
    return folder / "run.toml"


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_folds_that_fail_are_told_and_left_out_and_the_others_go_on(extreme, call):
    done = call("validate", extreme, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert told["failed_folds"] == [0, 2]
    assert told["folds"][1]["failure"] is None
    # Fold 1 is scored on the row that is out of range, for which its model predicts no number.
    assert told["mean"] == told["std"] == {"loss": None, "accuracy": None}
    for fold in (0, 2):
        assert f"fold {fold} failed: {told['folds'][fold]['failure']}" in done.stderr.splitlines()
    assert len(re.findall(r"^fold \d failed: ", done.stderr, flags=re.MULTILINE)) == 2
    assert "2 of 3 folds failed: mean and std are over the others" in done.stderr
    assert "0 failed" in done.stderr
    written = json.loads((extreme.parent / told["run"] / "result.json").read_text())
    assert written == told
    assert json.loads((extreme.parent / told["run"] / "status.json").read_text())["status"] == "done"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_resumed_validation_with_failed_folds_has_their_exit_status(extreme, call):
    cancellation = Cancellation()

    def fit_start(context):
        cancellation.cancel()

    with pytest.raises(Cancelled):
        gmcore.cross_validate(extreme, runs=extreme.parent / "runs", hooks=[fit_start], cancellation=cancellation)
    (run,) = (extreme.parent / "runs").iterdir()
    done = call("resume", run, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["failed_folds"] == [0, 2]
