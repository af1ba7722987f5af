"""What a run writes down of itself, and what it means that it can't."""

import inspect
import json
from pathlib import Path

import attrs
import numpy as np
import pytest
from gm_mlp_model import MLPProvider

import gmcore
from gmcore.app import cross_validate, resume, search, train
from gmcore.app.commands.replay import replay
from gmcore.app.commands.session import warn
from gmcore.app.records.component_table import recorded
from gmcore.app.records.distributions import missing_noted
from gmcore.app.records.environment import environment
from gmcore.app.records.portable import portable
from gmcore.app.records.provenance import rows_sha256
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Fold, Hooks, Member
from gmcore.errors import ConfigError, InputError, TrainingError
from gmcore.nn.losses import CrossEntropy
from gmcore.nn.optimizers import AdamW
from gmcore.ports import ModelProvider
from gmcore.registry import plugin_registry
from gmcore.registry.plugin_variables import variables_noted
from gmcore.testing.fakes import TinyModel


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


@attrs.frozen
class Nesting(ModelProvider):
    """A provider with another distribution's in one of its options."""

    option: object

    def create(self, schema):
        return TinyModel(schema=schema)


@pytest.mark.parametrize("option", [MLPProvider(), (1, MLPProvider()), {"inner": [MLPProvider()]}], ids=type)
def test_provenance_names_the_distributions_of_nested_components(option, tmp_path):
    points = np.random.default_rng(0).normal(size=(20, 2))
    once = {"training": {"max_epochs": 1}, "folds": 2}
    done = gmcore.cross_validate(points, points[:, 0] > 0, model=Nesting(option), runs=tmp_path, **once)
    assert "gm-mlp-model" in facts_of(done.folder)["plugins"]


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


def test_the_hash_of_the_rows_depends_on_their_roles_and_their_order():
    def member(train, stop, score=()):
        return Member(index=0, train=np.array(train), stop=np.array(stop, int), score=np.array(score, int), seed=0)

    def fold(train, validation):
        return Fold(index=0, train=np.array(train), validation=np.array(validation))

    different = [
        [member([0, 1], [2])],
        [member([0], [1, 2])],
        [member([0, 1], [], [2])],
        [member([1, 0], [2])],
        [member([0, 1], [2]), member([0, 1], [2])],
        [fold([0, 1], [2])],
        [fold([0], [1, 2])],
    ]
    assert len({rows_sha256(parts) for parts in different}) == len(different)
    assert rows_sha256(different[0]) == rows_sha256([member([0, 1], [2])])


def test_what_hooks_and_records_get_of_a_run_has_names_in_place_of_objects():
    plain = {"none": None, "text": "x", "number": 3, "share": 0.5, "truth": True, "path": Path("rows.csv")}
    nested = {"use": "mlp", "loss": CrossEntropy(label_smoothing=0.1), "many": (AdamW(), [rows_sha256, None])}
    assert recorded({**plain, "model": nested}, plugin_registry("float32")) == {
        **plain,
        "model": {
            "use": "mlp",
            "loss": {"use": "cross_entropy"},
            "many": [{"use": "adamw"}, [{"use": "object gmcore.app.records.provenance.rows_sha256"}, None]],
        },
    }


@attrs.define(kw_only=True, eq=False)
class Elsewhere(ArrayData):
    """A data provider with options of this machine."""

    rows_: object = attrs.field(default=None, alias="given")
    path: Path | tuple[Path, ...] = attrs.field(default=Path("rows"), converter=Path)
    cache_folder: Path | None = None
    limit: int = attrs.field(default=10, metadata={"local": True})
    separator: str = ","


@attrs.frozen
class Part:
    """A table within the options of a component."""

    folder: Path | None = None
    size: int = 1


@attrs.frozen(kw_only=True)
class Provider:
    """A component with parts."""

    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = attrs.field(factory=dict)
    optional: Part | None = None


def test_a_file_names_no_path_no_folder_and_no_limit():
    registry = plugin_registry("float32")
    kinds = {"elsewhere": Elsewhere, "provider": Provider}
    table = {"use": "elsewhere", "path": "p", "cache_folder": "/etc", "limit": 1, "separator": ";", "odd": 1}
    assert portable(table, kinds, registry) == {"use": "elsewhere", "separator": ";", "odd": 1}
    part, clean = {"folder": "/etc", "size": 2}, {"size": 2}
    nested = {"use": "provider", "parts": [part], "by_name": {"x": part}, "optional": part}
    assert portable(nested, kinds, registry) == {
        "use": "provider",
        "parts": [clean],
        "by_name": {"x": clean},
        "optional": clean,
    }


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


def test_a_variable_that_a_plugin_sets_itself_is_no_setting(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with variables_noted():
        monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert "OMP_NUM_THREADS" not in environment()["variables"]
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert environment()["variables"]["OMP_NUM_THREADS"] == "6"


def test_a_distribution_that_is_not_installed_is_named_when_a_record_can_not_be_opened():
    recorded = {"numpy": "2.0", "gm-gone": "0.3", "gm-lost": "1.0", "not a name": "1", "": "1"}
    with pytest.raises(InputError) as caught, missing_noted(recorded, "the run"):
        raise InputError("no model provider named 'gone'")
    note = "the run used gm-gone, gm-lost, which are not installed: pip install gm-gone gm-lost"
    assert caught.value.__notes__ == [note]
    for nothing in (None, 3, {"numpy": "2.0"}):
        with pytest.raises(InputError) as caught, missing_noted(nothing, "the run"):
            raise InputError("no model provider named 'gone'")
        assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("command", [train, cross_validate, search, resume, replay])
def test_every_command_warns_by_default(command):
    assert inspect.signature(command).parameters["say"].default is warn
