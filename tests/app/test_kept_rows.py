"""Rows that are kept in files train as rows in memory do, in one file or in several."""

import json
import tomllib

import numpy as np
import pytest

import gmcore
from gmcore.app import open_run, resume, train

BACKEND = {"use": "metal", "device": "cpu"}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_run_on_kept_rows_is_the_run_on_rows_in_memory_to_the_bit(edited):
    results = []
    for cache in ("true", "false"):
        path = edited('target = "moon"', f'target = "moon"\ncache = {cache}')
        run = open_run(path, settings={"backend": BACKEND})
        assert isinstance(run.rows.inputs["numeric"], np.memmap) == (cache == "true")
        results.append((train(run), gmcore.cross_validate(path, backend=BACKEND)))
    (kept, kept_folds), (direct, direct_folds) = results
    assert np.array_equal(kept.validation.predictions, direct.validation.predictions)
    for one, other in zip(kept_folds.result.folds, direct_folds.result.folds, strict=True):
        assert np.array_equal(one.validation.predictions, other.validation.predictions)


@pytest.mark.parametrize("given", ['["part-0.csv", "part-1.csv"]', '"part-*.csv"'])
def test_a_run_on_several_files_names_them_all_and_its_model_names_none(run_file, edited, given, tmp_path):
    head, *lines = (run_file.parent / "moons.csv").read_text().splitlines(keepends=True)
    for place in range(2):
        (run_file.parent / f"part-{place}.csv").write_text(head + "".join(lines[place * 60 : place * 60 + 60]))
    kept = f'path = {given}\ncache = true\ncache_folder = "kept"'
    run = open_run(edited('path = "moons.csv"', kept), settings={"backend": BACKEND})
    done = train(run, runs=tmp_path / "runs")
    told = tomllib.loads((done.folder / "config.toml").read_text())["data"]
    names = told["path"] if isinstance(told["path"], list) else [told["path"]]
    assert all(name.startswith(str(run_file.parent.resolve())) for name in names)
    assert told["cache_folder"] == str(run_file.parent.resolve() / "kept")
    assert str(tmp_path) not in json.dumps(dict(done.model.reading))
    assert done.model.reading["cache"] is True
    (done.folder / "status.json").write_text('{"status": "running"}')
    again = resume(done.folder)
    assert np.array_equal(again.validation.predictions, done.validation.predictions)
