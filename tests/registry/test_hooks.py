import json
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import numpy as np
import pytest

import gmcore
from gmcore.builtins.arrays import ArrayData
from gmcore.domain import EpochStart, Hooks
from gmcore.errors import ConfigError, PluginLoadError, UnknownNameError
from gmcore.registry import PluginRegistry, Registry, compile_hooks, hookimpl
from gmcore.registry.hooks import HookSpecs

START = EpochStart(members=(0,), epoch=1)


@attrs.frozen
class Listener:
    """Records its calls."""

    name: str = "listener"
    told: Any = attrs.field(factory=list)

    @hookimpl
    def epoch_start(self, context: EpochStart) -> None:
        self.told.append(f"{self.name} {context.epoch}")


@pytest.fixture
def registry() -> Registry[object]:
    return Registry("hook plugin")


def compiled(*plugins: Any, registry: Registry[object] | None = None) -> Hooks:
    return compile_hooks(plugins, registry or Registry("hook plugin"))


def listening(**functions: Any) -> ModuleType:
    module = ModuleType("listening")
    vars(module).update(functions)
    return module


def test_every_event_has_a_specification_with_its_context():
    moments = {field.name for field in attrs.fields(Hooks)}
    assert moments == {name for name in vars(HookSpecs) if not name.startswith("_")}
    for field in attrs.fields(Hooks):
        context = getattr(HookSpecs, field.name).__annotations__["context"]
        assert f"[[{context.__module__}.{context.__name__}]" in str(field.type)


def test_a_hook_without_plugins_is_an_empty_tuple(registry):
    registry.register("listener", Listener)
    hooks = compiled("listener", registry=registry)
    assert compiled() == Hooks()
    assert len(hooks.epoch_start) == len(compiled(Listener).epoch_start) == 1
    assert attrs.evolve(hooks, epoch_start=()) == Hooks()


def test_plugins_are_given_by_name_with_options_or_as_objects(registry):
    told: list[str] = []
    registry.register("listener", Listener)
    registry.register("module", listening(epoch_start=hookimpl(lambda context: told.append("module"))))
    hooks = compiled(("listener", {"name": "a", "told": told}), "module", Listener("b", told), registry=registry)
    for function in hooks.epoch_start:
        function(START)
    assert told == ["b 1", "module", "a 1"]


def test_a_path_among_the_options_starts_from_the_run_files_folder(registry):
    @registry.register("diary")
    @attrs.frozen
    class Diary:
        path: Path

        @hookimpl
        def epoch_start(self) -> None:
            raise OSError(self.path)

    hooks = compile_hooks([("diary", {"path": "log.txt"})], registry, base=Path("/runs"))
    with pytest.raises(OSError, match=r"^/runs/log\.txt\n"):
        hooks.epoch_start[0](START)


def test_the_order_is_pluggys():
    order: list[str] = []

    def plugin(name: str, **order_options: bool) -> ModuleType:
        return listening(epoch_start=hookimpl(lambda context: order.append(name), **order_options))

    for function in compiled(
        plugin("early"), plugin("last", trylast=True), plugin("first", tryfirst=True), plugin("late")
    ).epoch_start:
        function(START)
    assert order == ["first", "late", "early", "last"]


def test_wrappers_surround_the_others():
    order: list[str] = []

    class Timer:
        @hookimpl(wrapper=True)
        def epoch_start(self, context):
            order.append(f"before {context.epoch}")
            result = yield
            order.append("after")
            return result

    hooks = compiled(Timer(), Listener("told", order)).epoch_start
    assert len(hooks) == 1
    hooks[0](START)
    assert order == ["before 1", "told 1", "after"]


def test_a_hook_function_may_omit_the_context():
    told = []
    (function,) = compiled(listening(epoch_start=hookimpl(lambda: told.append(1)))).epoch_start
    function(START)
    assert told == [1]


def test_equal_plugins_and_plugins_with_arrays_are_distinguished():
    @attrs.frozen
    class Holds:
        array: np.ndarray

        @hookimpl
        def epoch_start(self) -> None: ...

    told: list[str] = []
    assert len(compiled(Listener("a", told), Listener("a", told)).epoch_start) == 2
    assert len(compiled(Holds(np.zeros(2)), Holds(np.zeros(2))).epoch_start) == 2


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_exception_gets_a_note_with_its_hook_and_plugin(wrapped, install):
    source = (
        "from gmcore.registry import hookimpl\n@hookimpl\ndef epoch_start(context): raise RuntimeError('disk full')"
    )
    install("gm-board", "1.2", entry_points={"gmcore.hooks": {"board": "board"}}, modules={"board": source})
    registry = PluginRegistry("float32").hooks

    def wrapper(context):
        return (yield)

    others = [listening(epoch_start=hookimpl(wrapper, wrapper=True))] if wrapped else []
    with pytest.raises(RuntimeError, match="disk full") as error:
        compiled("board", *others, registry=registry).epoch_start[0](START)
    assert "in hook epoch_start" in error.value.__notes__[0]
    assert "hook plugin 'board' of gm-board 1.2" in error.value.__notes__[0]


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        (
            {"epoch_strat": hookimpl(lambda context: None)},
            "has 'epoch_strat', which is not a hook of gmcore, did you mean 'epoch_start'?",
        ),
        (
            {"epoch_start": hookimpl(lambda ctx: None)},
            "has a 'epoch_start' whose only argument is not 'context': Argument(s) {'ctx'}",
        ),
        ({"epoch_start": lambda context: None}, "its 'epoch_start' is not marked with @hookimpl"),
        ({"unrelated": 3}, "nothing in it is marked with @hookimpl"),
    ],
)
def test_a_plugin_that_would_not_be_called_is_refused(functions, message, registry):
    registry.register("tracker", listening(**functions))
    with pytest.raises(PluginLoadError) as error:
        compiled("tracker", registry=registry)
    assert str(error.value).startswith("hook plugin 'tracker' of")
    assert message in str(error.value)


def test_problems_of_several_plugins_are_raised_together(registry):
    registry.register("listener", Listener)
    with pytest.raises(ConfigError) as error:
        compiled(("listener", {"nam": "a"}), "listener", "listener", "absent", (None, {}), registry=registry)
    assert [problem.partition(",")[0] for problem in error.value.problems] == [
        "hooks.listener.nam: unknown key",
        f"hooks: hook plugin 'listener' of {Listener.__module__}:Listener is listed twice",
        "hooks: no hook plugin named 'absent' (available: 'listener')",
        "hooks: a hook plugin must be given by name",
    ]
    with pytest.raises(UnknownNameError):
        compiled("absent", registry=registry)


def test_bound_methods_and_marked_functions_are_hooks():
    heard = []

    class Plain:
        def epoch_start(self, context):
            heard.append(("method", context.epoch))

    @hookimpl
    def epoch_start(context):
        heard.append(("function", context.epoch))

    hooks = compiled(Plain().epoch_start, epoch_start, Listener(told=heard).epoch_start)
    for listener in hooks.epoch_start:
        listener(START)
    assert sorted(map(str, heard)) == ["('function', 1)", "('method', 1)", "listener 1"]


def test_async_and_generator_functions_are_refused_but_wrappers_are_generators():
    async def epoch_end(context):
        pass

    def epoch_start(context):
        yield

    @hookimpl(wrapper=True)
    def run_start(context):
        return (yield)

    class Plugin:
        @hookimpl
        async def epoch_end(self, context):
            pass

    class Unmarked:
        async def epoch_end(self, context):
            pass

    method = Unmarked().epoch_end
    refused = ((epoch_end, "an async"), (epoch_start, "a generator"), (Plugin, "an async"), (method, "an async"))
    for plugin, kind in refused:
        with pytest.raises(PluginLoadError, match=f"has {kind} function, whose body a call does not run"):
            compiled(plugin)
    assert len(compiled(listening(run_start=run_start)).run_start) == 1


def test_the_distribution_of_a_runs_hook_is_in_its_provenance(install, tmp_path):
    source = "from gmcore.registry import hookimpl\nclass Diary:\n    @hookimpl\n    def epoch_start(self): ...\n"
    install("gm-diary", "2.5", entry_points={"gmcore.hooks": {"diary": "diary:Diary"}}, modules={"diary": source})
    rows = ArrayData(np.arange(20.0)[:, None], np.arange(20) % 2)
    tables = {"data": rows, "hooks": ["diary"], "training": {"max_epochs": 1}}
    done = gmcore.train(tables, runs=tmp_path / "runs")
    assert json.loads((done.folder / "provenance.json").read_text())["plugins"]["gm-diary"] == "2.5"
