"""Opening a run: all components are built and checked, all problems are raised together, and nothing is started."""

import numpy as np
import pytest

from gmcore.app import open_run
from gmcore.app.composing import backends
from gmcore.app.composing.run_config import read_run_file, run_config, spelt_out
from gmcore.domain.sizes import bytes_of, size_text
from gmcore.errors import BackendUnavailableError, ConfigError, DataError, InputError
from gmcore.registry import plugin_registry


def problems_of(path):
    with pytest.raises(ConfigError) as caught:
        open_run(path)
    return list(caught.value.problems)


def test_a_run_file_becomes_components(run_file):
    run = open_run(run_file)
    assert run.name == "moons"
    assert run.model.schema.target.classes == ("lower", "upper")
    assert run.config.training.early_stopping.patience == 2
    assert len(run.split.train) + len(run.split.validation) == 120
    assert [next(iter(metric.compute(np.array([[0.5, 0.5]]), np.array([0])))) for metric in run.metrics] == [
        "accuracy",
        "log_loss",
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("seed = 7", "sed = 7", "sed: unknown key, did you mean 'seed'?"),
        ("hidden = [8]", "hiden = [8]", "model.hiden: unknown key, did you mean 'hidden'?"),
        ("hidden = [8]", 'hidden = "8"', "model.hidden: "),
        (
            "hidden = [8]",
            'initialization = "he"',
            "model.initialization: must be 'auto' or 'torch' or 'glorot_uniform'",
        ),
        ("max_epochs = 4", "max_epochs = 0", "training.max_epochs: must be >= 1, got 0"),
        ("max_epochs = 4", "max_epochs = 3.7", "training.max_epochs: "),
        ("max_epochs = 4", "max_epoch = 4", "training.max_epoch: unknown key, did you mean 'max_epochs'?"),
        ("patience = 2", "patince = 2", "training.early_stopping.patince: unknown key, did you mean 'patience'?"),
        ("1e-2", "-1.0", "training.optimizer.learning_rate: "),
        (
            '"adamw"',
            '"adam_w"',
            "training.optimizer.use: no optimizer named 'adam_w': did you mean 'adamw' (gmcore 0.1.0)?",
        ),
        ('"mlp"', '"mpl"', "model.use: no model provider named 'mpl'"),
        ('"kfold"', '"k-fold"', "validation.use: no cross-validator named 'k-fold'"),
        ("n_splits = 3", "n_splits = 1", "validation.n_splits: "),
        ('"log_loss"', '"logloss"', "metrics.use[1].use: no metric named 'logloss'"),
        ('use = "csv"\n', "", "data.use: is required"),
        ('path = "moons.csv"\n', "", "data.path: "),
        ("seed = 7", 'seed = 7\nbackend = "metl"', "backend.use: no backend named 'metl'"),
        ("seed = 7", 'seed = 7\nbackend = { use = "metal", devce = "cpu" }', "backend.devce: unknown key"),
        ("seed = 7", 'seed = 7\ndtype = "float16"', "dtype: "),
    ],
)
def test_one_edit_is_one_problem_with_its_path(edited, old, new, problem):
    (found,) = problems_of(edited(old, new))
    assert found.startswith(problem), found


def test_all_problems_are_raised_together(run_file):
    text = run_file.read_text()
    for old, new in [
        ("seed", "sed"),
        ("hidden", "hiden"),
        ("patience", "patince"),
        ('"kfold"', '"kfld"'),
        ("1e-2", "-1.0"),
    ]:
        text = text.replace(old, new)
    run_file.write_text(text)
    found = problems_of(run_file)
    for path in (
        "sed:",
        "model.hiden:",
        "training.early_stopping.patince:",
        "validation.use:",
        "training.optimizer.learning_rate:",
    ):
        assert any(problem.startswith(path) for problem in found), (path, found)
    assert len(found) == 5


def test_a_missing_run_file_and_bad_toml_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.toml: cannot read the run file: No such file"):
        open_run(tmp_path / "nothing.toml")
    (tmp_path / "bad.toml").write_text("seed = = 3")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML: .*line 1"):
        open_run(tmp_path / "bad.toml")


def test_a_metric_that_does_not_fit_the_target_is_refused(edited):
    with pytest.raises(ConfigError, match="rmse"):
        open_run(edited('"log_loss"', '"rmse"'))


def test_a_missing_csv_is_named(edited):
    with pytest.raises(DataError, match=r"no\.csv"):
        open_run(edited("moons.csv", "no.csv"))


def test_the_error_for_an_unavailable_device_lists_those_that_are_available(edited):
    path = edited("seed = 7", 'seed = 7\nbackend = { use = "metal", device = "metal" }')
    with pytest.raises(InputError, match="cpu"):
        open_run(path)


def test_auto_states_which_backend_it_chose_and_why(run_file):
    run = open_run(run_file)
    assert run.chosen.backend.name in run.chosen.why
    assert run.chosen.backend.device in run.chosen.why


def test_the_error_without_any_backend_names_a_package_to_install(run_file, monkeypatch):
    monkeypatch.setattr(backends, "backend_devices", lambda _: {})
    with pytest.raises(BackendUnavailableError, match="pip install"):
        backends.choose_backend(plugin_registry("float32"), {"use": "auto"})


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (1, 1),
        (100, 100),
        ("200 MB", 200_000_000),
        ("1.5gb", 1_500_000_000),
        ("2 kB", 2000),
        ("3 TB", 3 * 10**12),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_a_size_is_a_number_of_bytes_or_a_text(said, meant):
    assert bytes_of(said) == meant
    assert run_config({"data": {"use": "csv"}, "training": {"row_memory": said}}).training.config.row_memory == meant


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (999_960, "1.0 MB"),
        (2 * 10**9, "2.0 GB"),
        (10**13, "10.0 TB"),
    ],
)
def test_a_size_is_shown_in_the_units_in_which_it_is_read(count, text):
    assert size_text(count) == text
    assert "bytes" in text or bytes_of(text) == pytest.approx(count, rel=0.05)


@pytest.mark.parametrize("said", ["200", "MB", "-1 MB", "1 parsec", 0, -5])
def test_what_is_no_size_is_refused_with_what_would_be(said):
    with pytest.raises(ConfigError, match=r"training\.row_memory: .*or a string such as '200 MB', got"):
        run_config({"data": {"use": "csv"}, "training": {"row_memory": said}})


@pytest.mark.parametrize("said", [2**63, "9300000 TB", "1" + "0" * 400 + " TB"])
def test_a_size_that_does_not_fit_64_bits_is_refused(said):
    with pytest.raises(ConfigError, match=r"training\.row_memory: must be less than 2\^63 bytes, got"):
        run_config({"data": {"use": "csv"}, "training": {"row_memory": said}})


def test_shorthands_are_expanded_and_all_else_is_kept():
    parts = {"optimizer": "sgd", "schedule": "cosine", "workflow": "gradient_descent"}
    tables = dict.fromkeys(("backend", "data", "model", "validation"), "one")
    training = {"members_per_chunk": "auto", "batch_size": 7, **parts}
    others = {"seed": 3, "metrics": ["f1"], "hooks": {"use": ["progress"]}}
    assert spelt_out({**tables, **others, "training": training}) == {
        **{name: {"use": "one"} for name in tables},
        "seed": 3,
        "training": {"batch_size": 7, **{name: {"use": one} for name, one in parts.items()}},
        "metrics": {"use": [{"use": "f1"}]},
        "hooks": {"use": [{"use": "progress"}]},
    }
    assert spelt_out({"training": {"members_per_chunk": 3, "batch_size": 7}})["training"] == {
        "members_per_chunk": 3,
        "batch_size": 7,
    }


@pytest.mark.parametrize(("opening", "closing"), [("a = " + "[" * 63, "]" * 63), ("[a" + ".a" * 62, "]")])
def test_a_run_file_is_nested_at_most_64_levels(tmp_path, opening, closing):
    path = tmp_path / "run.toml"
    path.write_text(opening + closing)
    assert read_run_file(path)
    path.write_text(opening.replace("a", "a.a", 1) + closing)
    with pytest.raises(ConfigError, match="nested too deeply: more than 64 levels"):
        read_run_file(path)
