import pytest


def test_json_has_each_fold_their_mean_and_their_spread(folder, report):
    told = report("validate", "run.toml")
    assert set(told) == {"run", "folds", "mean", "std", "seconds"}
    assert [fold["index"] for fold in told["folds"]] == [0, 1, 2]
    assert all(set(fold) == {"index", "loss", "best_epoch", "epochs", "metrics"} for fold in told["folds"])
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
