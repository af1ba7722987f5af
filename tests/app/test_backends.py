"""A process starts a backend once, so that later calls reuse its compiled programs."""

import threading

import pytest

import gmcore
from gmcore.app import backend_devices, choose_backend
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
