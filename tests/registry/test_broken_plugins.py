import sys
import threading
from types import SimpleNamespace

import pytest

from gmcore.errors import DuplicateNameError, PluginLoadError, UnknownNameError
from gmcore.registry import PluginRegistry, State

LOG = "with open(__file__ + '.log', 'a') as log: log.write('x')\n"
BROKEN = {
    "raises": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "lacks_module": ("import not_there_at_all", "ModuleNotFoundError: No module named 'not_there_at_all'"),
    "lacks_name": ("", "AttributeError: module 'lacks_name' has no attribute 'X'"),
    "is_not_python": ("def", "SyntaxError: invalid syntax (is_not_python.py, line 1)"),
}


def install_broken(install, name: str) -> None:
    point = {"gmcore.metric_computers": {name: f"{name}:X"}}
    install(f"gm-{name}", "0.3", entry_points=point, modules={name: LOG + BROKEN[name][0]})


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_reported_with_its_owner_and_its_cause(name, install, site):
    install_broken(install, name)
    metrics = PluginRegistry("float32").metric_computers
    cause = BROKEN[name][1].replace("line 1", "line 2")
    message = f"metric {name!r} of gm-{name} 0.3 ({name}:X) failed to load: {cause}; update or uninstall gm-{name}"
    for _ in range(2):
        with pytest.raises(PluginLoadError) as error:
            metrics[name]
        assert str(error.value) == message
        assert type(error.value.__cause__).__name__ == cause.partition(":")[0]
    info = metrics.info(name)
    assert (info.state, info.reason) == (State.BROKEN, message)


def test_a_broken_plugin_is_imported_once(install, site):
    install_broken(install, "raises")
    metrics = PluginRegistry("float32").metric_computers
    for _ in range(3):
        with pytest.raises(PluginLoadError):
            metrics["raises"]
    assert (site / "raises.py.log").read_text() == "x"


def test_an_interrupted_import_is_repeated_at_the_next_use(install):
    source = "import pathlib\nif pathlib.Path(__file__).with_suffix('.stop').exists(): raise KeyboardInterrupt\nX = 1\n"
    info = install("gm-slow", entry_points={"gmcore.hooks": {"slow": "slow:X"}}, modules={"slow": source})
    stop = info.parent / "slow.stop"
    stop.touch()
    hooks = PluginRegistry("float32").hooks
    with pytest.raises(KeyboardInterrupt):
        hooks["slow"]
    stop.unlink()
    assert hooks["slow"] == 1


def test_broken_plugins_are_listed_and_the_others_work(install):
    for name in ("raises", "exits"):
        install_broken(install, name)
    for owner in ("one", "two"):
        install(f"gm-{owner}", entry_points={"gmcore.hooks": {"dup": f"{owner}:X"}}, modules={owner: "X = 1"})
    install("gm-typo", entry_points={"gmcore.model_provider": {"m": "t:X"}, "gmcore.v2.hooks": {"n": "t:Y"}})
    plugins = PluginRegistry("float32")
    assert plugins.metric_computers.create("accuracy")
    plugins.metric_computers.check()
    found = {(info.distribution, info.name): info for info in plugins.entries()}
    assert found["gm-raises", "raises"].reason.endswith("RuntimeError: no licence; update or uninstall gm-raises")
    assert found["gm-exits", "exits"].state is State.BROKEN
    assert found["gm-one", "dup"].state is found["gm-two", "dup"].state is State.AMBIGUOUS
    assert found["gmcore", "accuracy"].state is State.LOADED
    typo, version = found["gm-typo", "m"], found["gm-typo", "n"]
    assert typo.state is version.state is State.MISPLACED
    assert typo.reason == "unknown entry-point group 'gmcore.model_provider': did you mean 'gmcore.model_providers'?"
    assert version.port == "v2.hooks"


def in_threads(count: int, work) -> list:
    barrier, results = threading.Barrier(count), [None] * count

    def run(place: int) -> None:
        barrier.wait()
        try:
            results[place] = work()
        except PluginLoadError as error:
            results[place] = str(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("name", ["works", "raises"])
def test_thirty_two_threads_load_a_plugin_once(name, install, site):
    install_broken(install, "raises")
    install("gm-works", entry_points={"gmcore.exporters": {"works": "works:X"}}, modules={"works": LOG + "X = {}"})
    plugins = PluginRegistry("float32")
    kind = plugins.exporters if name == "works" else plugins.metric_computers
    results = in_threads(32, lambda: kind[name])
    assert all(result == results[0] for result in results)
    assert (site / f"{name}.py.log").read_text() == "x"


def test_of_two_threads_that_register_a_name_at_once_one_is_refused():
    hooks, outcomes = PluginRegistry("float32").hooks, []

    def register(component) -> None:
        try:
            hooks.register("taken", component)
            outcomes.append(component)
        except DuplicateNameError as error:
            outcomes.append(error)

    second = object()
    rival = threading.Thread(target=register, args=(second,))

    class Met:
        """A component during whose registration another thread registers one."""

        def __getattr__(self, name):
            if name == "__qualname__":
                rival.start()
                rival.join(0.2)  # it waits for the lock
            raise AttributeError(name)

    register(first := Met())
    rival.join()
    assert outcomes[0] is first is hooks["taken"]
    assert isinstance(outcomes[1], DuplicateNameError)


def test_a_name_that_is_unregistered_during_its_import_is_not_found_again(install, monkeypatch):
    source = "import gate\ngate.leave()\nX = 1\n"
    install("gm-leaving", entry_points={"gmcore.hooks": {"leaving": "leaving:X"}}, modules={"leaving": source})
    hooks = PluginRegistry("float32").hooks
    monkeypatch.setitem(sys.modules, "gate", SimpleNamespace(leave=lambda: hooks.unregister("leaving")))
    assert hooks["leaving"] == 1
    with pytest.raises(UnknownNameError):
        hooks["leaving"]


def test_threads_register_and_list_at_once():
    hooks = PluginRegistry("float32").hooks
    names = iter(range(1000))

    def work() -> None:
        for _ in range(20):
            hooks.register(f"hook{next(names)}", object())
            hooks.entries()

    in_threads(8, work)
    assert sum(name.startswith("hook") for name in hooks) == 160
