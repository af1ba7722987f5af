"""A process starts a backend once, so that later calls reuse its compiled programs."""

import json
import threading
import tomllib
from typing import ClassVar

import numpy as np
import pytest
from gm_metal_backend import MetalBackend

import gmcore
from gmcore.app import backend_devices, choose_backend, open_run
from gmcore.app.composing.work import work_of
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import Device, Work
from gmcore.errors import ConfigError, InputError
from gmcore.registry import plugin_registry

FLOAT32 = plugin_registry("float32")
CPU = {"use": "jax", "device": "cpu"}


def chosen(table, registry=FLOAT32, **options):
    return choose_backend(registry, table, **options).backend


def test_equal_options_are_one_backend_and_others_another():
    assert chosen(CPU) is chosen(dict(CPU))
    assert chosen({"use": "auto"}) is chosen({"use": "auto"})
    others = [
        chosen({**CPU, "tf32": True}),
        chosen({**CPU, "tf32": False}),
        chosen(CPU, precision="bfloat16"),
        chosen(CPU, plugin_registry("float64")),
    ]
    assert len({id(one) for one in (chosen(CPU), *others)}) == 5


def test_each_thread_has_its_own_backends():
    found = []
    thread = threading.Thread(target=lambda: found.append(chosen(CPU)))
    thread.start()
    thread.join()
    assert found[0] is not chosen(CPU)


def test_options_are_checked_even_if_the_backend_has_been_started():
    chosen(CPU)
    chosen(CPU, plugin_registry("float64"))
    with pytest.raises(ConfigError, match="tf32"):
        chosen({**CPU, "tf32": 1})
    with pytest.raises(ConfigError, match=r"training\.precision"):
        chosen(CPU, plugin_registry("float64"), precision="bfloat16")


@pytest.mark.parametrize("name", ["metal", "jax"])
def test_cross_validating_again_compiles_nothing_and_gives_the_same(run_file, name):
    table = {"use": name, "device": "cpu"}
    first = gmcore.cross_validate(run_file, backend=table)
    before = chosen(table).compilations
    again = gmcore.cross_validate(run_file, backend=table)
    assert chosen(table).compilations == before
    assert [fold.validation.loss for fold in again.result.folds] == [
        fold.validation.loss for fold in first.result.folds
    ]


def test_an_invalid_setting_for_kept_programs_is_named_and_not_taken_for_a_broken_backend(monkeypatch):
    monkeypatch.setenv("GMCORE_KEEP_PROGRAMS", "off")
    for call in (lambda: chosen({"use": "auto"}), lambda: chosen(CPU), lambda: backend_devices(FLOAT32)):
        with pytest.raises(InputError) as raised:
            call()
        assert str(raised.value) == "the environment variable GMCORE_KEEP_PROGRAMS must be 'yes' or 'no', got 'off'"


class Costing(MetalBackend):
    """MLX under another name, whose costs a test chooses."""

    costs: ClassVar[dict[str, float]] = {}

    @classmethod
    def devices(cls, dtype):
        return [Device(name="cpu", because="a test says so", options={"fused": False}, **cls.costs)]


@pytest.mark.parametrize(
    ("work", "costs", "expected"),
    [
        (Work(), {"start": 1e-3, "step": 9.0, "operation": 9.0, "element": 9.0}, "cheap"),
        (Work(steps=1e6), {"start": 1e-3, "step": 1.0}, "other"),
        (Work(steps=1e6), {"start": 1e-3, "step": 1e-9, "operation": 1.0, "element": 1.0}, "cheap"),
        (Work(operations=1e12), {"start": 1e-3, "operation": 1.0}, "other"),
        (Work(elements=1e12), {"start": 1e-3, "operation": 1e-30, "element": 1.0}, "other"),
        (Work(operations=1e12, elements=1e12), {"start": 1.0, "operation": 1e-30, "element": 1e-30}, "cheap"),
        (Work(), {}, "other"),
    ],
    ids=["short", "many steps", "fast steps", "slow products", "slow elements", "fast", "unknown costs"],
)
def test_auto_takes_the_device_that_is_estimated_to_take_the_least_time(monkeypatch, work, costs, expected):
    monkeypatch.setattr(Costing, "costs", costs)
    FLOAT32.backends.register("cheap", Costing)
    try:
        found, again = (choose_backend(FLOAT32, {"use": "auto"}, work=work) for _ in range(2))
    finally:
        FLOAT32.backends.unregister("cheap")
    assert (found.name == "cheap") == (expected == "cheap")
    assert found.why == again.why
    assert "estimated" in found.why
    if expected == "cheap":
        assert found.why.startswith("cheap on cpu (a test says so): estimated ")
        assert not found.backend.fused


def test_the_work_of_a_run_counts_every_step_of_every_model():
    rows = ArrayData(np.random.default_rng(0).normal(size=(120, 2)), np.arange(120) % 3, task="classification")
    model, training = {"use": "mlp", "hidden": [8]}, {"max_epochs": 4, "batch_size": 16}
    validation = {"use": "kfold", "n_splits": 3}
    run = open_run({"data": rows, "model": model, "training": training, "validation": validation, "backend": CPU})
    for command, models in (("train", 1), ("validate", 3), ("search", 100)):
        work = work_of(command, run.config, run.model, run.rows, run.trainee.validator)
        # Eight batches an epoch; weights and biases 2·8 + 8 and 8·3 + 3; outputs of two layers for two columns, of
        # the two dense layers and of the activation.
        assert work.steps == 4 * 8
        assert work.operations == 6 * (24 + 27) * 16 * models * work.steps
        assert work.elements == ((2 + 2 + 8 + 8 + 3) * 16 + 24 + 27) * models * work.steps


def test_auto_prefers_a_quick_start_for_a_short_run_and_compiled_epochs_for_a_long_one(run_file):
    short, long = (
        open_run(run_file, settings={"backend": "auto", "training": {"max_epochs": epochs, "batch_size": 8}})
        for epochs in (1, 100_000)
    )
    assert (short.chosen.name, long.chosen.name) == ("metal", "jax")
    assert "jax on cpu" in short.chosen.why
    assert "metal on cpu" in long.chosen.why


def test_a_run_of_auto_records_the_backend_with_its_options_so_that_it_resumes_the_same_way(run_file, tmp_path):
    done = gmcore.train(run_file, backend="auto", training={"max_epochs": 1}, runs=tmp_path)
    recorded = tomllib.loads((done.folder / "config.toml").read_text())["backend"]
    assert recorded["use"] == "metal"
    assert (recorded["device"], recorded["fused"]) == ("cpu", False)
    facts = json.loads((done.folder / "provenance.json").read_text())
    assert "estimated" in facts["backend"]["why"]
