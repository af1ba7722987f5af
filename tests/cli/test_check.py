def test_a_good_run_file_is_described(folder, report):
    told = report("check", "run.toml")
    assert told["rows"] == 45
    assert told["features"] == ["petal", "colour"]
    assert told["classes"] == ["iris", "rose", "tulip"]
    assert told["folds"] == 3
    assert sorted(path.name for path in folder.iterdir()) == ["flowers.csv", "run.toml"]


def test_how_many_train_at_once_is_told_with_the_memory_that_takes(folder, report, call):
    told = report("check", "run.toml")["memory"]
    assert told["members_per_chunk"] == 3
    assert told["estimated"] == told["rows"] + 3 * told["member"]
    assert 0 < told["rows"] < told["estimated"] < told["total"]
    assert "3 folds, 3 at once: estimated memory " in call("check", "run.toml").stderr


def test_every_error_is_said_at_once_with_its_place(folder, call):
    text = (folder / "run.toml").read_text()
    text = text.replace("seed = 3", "seed = -1").replace("hidden", "hiden").replace("n_splits = 3", "n_splits = 'x'")
    (folder / "run.toml").write_text(text.replace('"accuracy"', '"acuracy"'))
    done = call("check", "run.toml")
    assert done.exit_code == 2
    assert done.stdout == ""
    for part in ("seed", "model.hiden", "'hidden'", "validation.n_splits", "metrics.use", "'accuracy'"):
        assert part in done.stderr


def test_folds_that_cannot_be_are_found_without_training(folder, call):
    text = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(text.replace("n_splits = 3", "n_splits = 30"))
    done = call("check", "run.toml")
    assert done.exit_code == 2
    assert "30" in done.stderr


def test_where_rows_are_kept_is_told_with_how_much_room_there_is(folder, call):
    assert "rows are kept" not in call("check", "run.toml").stderr
    text = (folder / "run.toml").read_text()
    keep = 'target = "kind"\ncache = true\ncache_folder = "kept"\ncache_limit = "1 MB"'
    (folder / "run.toml").write_text(text.replace('target = "kind"', keep))
    told = call("check", "run.toml").stderr
    assert "rows are kept in kept/csv, " in told
    assert " KB of at most 1.0 MB (cache_limit); the folder can be deleted at any time" in told
