"""What a run writes down of itself, and what it means that it can't."""

import json

import pytest

import gmcore
from gmcore.app.records.environment import environment
from gmcore.domain import Hooks
from gmcore.errors import ConfigError, TrainingError


def facts_of(folder):
    return json.loads((folder / "provenance.json").read_text())


def test_provenance_names_all_that_bits_depend_on(run_file, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("HOME_GROWN", "not of interest")
    facts = facts_of(gmcore.train(run_file, runs=tmp_path / "runs").folder)
    assert set(facts["packages"]) >= {"gmcore", "numpy"}
    assert set(facts["plugins"]) >= {"gm-csv-data", "gm-kfold-cv", "gm-mlp-model"}
    assert {"command", "compute", "dtype", "platform", "python", "seed"} <= set(facts)
    assert len(facts["data"]["sha256"]) == len(facts["rows_sha256"]) == 64
    found = facts["environment"]
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    assert "HOME_GROWN" not in found["variables"]
    assert found["threads"] >= 1
    assert found["processor"]


def test_a_variable_that_changes_no_numbers_or_looks_like_a_secret_is_not_recorded(monkeypatch):
    for name in ("NVIDIA_API_KEY", "TF_TOKEN_app_terraform_io", "JAX_SECRET", "MLX_METAL_JIT_PASSWORD"):
        monkeypatch.setenv(name, "abc")
    flags = "--xla_gpu_deterministic_ops=true --xla_cpu_max_isa=AVX2 --xla_dump_to=/var/dumps/2024"
    device = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
    for name, value in {"XLA_FLAGS": flags, "CUDA_VISIBLE_DEVICES": device, "OMP_NUM_THREADS": "3"}.items():
        monkeypatch.setenv(name, value)
    found = environment()["variables"]
    assert {"NVIDIA_API_KEY", "TF_TOKEN_app_terraform_io", "JAX_SECRET", "MLX_METAL_JIT_PASSWORD"}.isdisjoint(found)
    assert (found["XLA_FLAGS"], found["CUDA_VISIBLE_DEVICES"], found["OMP_NUM_THREADS"]) == (flags, device, "3")


@pytest.mark.parametrize(
    "secret",
    [
        "hf_abcdefghijklmnop",
        "sk-proj-0123456789abcdef",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "https://user:pass@host/",
        "0123456789abcdef0123456789abcdef",
        "--xla_flag=1 --token=x",
    ],
)
def test_a_setting_whose_value_looks_like_a_secret_is_only_said_to_be_set(secret, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", secret)
    assert environment()["variables"]["XLA_FLAGS"] == "set, but not recorded, since it looks like a secret"


def test_only_the_user_can_read_the_provenance(run_file, tmp_path):
    folder = gmcore.train(run_file, runs=tmp_path / "runs").folder
    assert (folder / "provenance.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "settings", [{"training": {"batch_size": 10**18}}, {"model": {"use": "mlp", "hidden": [10**6] * 2}}]
)
def test_a_run_that_does_not_fit_the_memory_leaves_no_folder(run_file, tmp_path, settings):
    for command in (gmcore.train, gmcore.cross_validate):
        with pytest.raises(ConfigError, match="one model is estimated to take"):
            command(run_file, runs=tmp_path / "runs", **settings)
    assert not (tmp_path / "runs").exists()


def test_provenance_is_the_same_for_equal_runs(run_file, tmp_path):
    first, again = (facts_of(gmcore.train(run_file, runs=tmp_path / "runs").folder) for _ in range(2))
    assert first == again
    assert environment() == first["environment"]


def blocked():
    """Give hooks that put a file where the checkpoints would go, once it was looked there for old ones."""
    folders = []

    def block(moment):
        if moment.epoch == 1:
            (folders[0] / "checkpoints").write_text("a file stands here")

    return Hooks(run_start=(lambda moment: folders.append(moment.folder),), epoch_start=(block,))


def every_epoch(on_error):
    return {"max_epochs": 3, "checkpoint": {"seconds": 1e9, "every_epochs": 1, "on_error": on_error}}


def test_a_run_that_shall_go_on_without_checkpoints_warns_and_comes_to_the_same_bytes(run_file, tmp_path):
    with pytest.warns(RuntimeWarning, match=r"cannot write to .*checkpoints.*the run continues without new") as told:
        without = gmcore.train(run_file, runs=tmp_path / "runs", training=every_epoch("continue"), hooks=blocked())
    assert len(told) == 1
    free = gmcore.train(run_file, runs=tmp_path / "runs", training=every_epoch("continue"))
    model, other = (done.folder / "model.safetensors" for done in (without, free))
    assert model.read_bytes() == other.read_bytes()


def test_a_run_that_shall_stop_fails_and_its_folder_says_why(run_file, tmp_path):
    with pytest.raises(
        TrainingError, match=r"cannot write to .*checkpoints.*gmcore resume continues the run"
    ) as caught:
        gmcore.train(run_file, runs=tmp_path / "runs", training=every_epoch("stop"), hooks=blocked())
    (folder,) = (tmp_path / "runs").iterdir()
    told = json.loads((folder / "status.json").read_text())
    assert told["status"] == "failed"
    assert told["message"] == str(caught.value)
