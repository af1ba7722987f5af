"""A component that does not implement its kind's port is refused when it is loaded, or registered."""

import subprocess
import sys
from typing import ClassVar

import attrs
import pytest

from gmcore.errors import PortError
from gmcore.nn.losses import Huber
from gmcore.nn.optimizers import Rule
from gmcore.registry import PluginRegistry, State

HEAD = "class X:\n    settings = {}\n    def check(self, target): ...\n"
SOURCES = {
    "number": ("X = 42", "is not a class: 42"),
    "function": ("def X(): pass", "is not a class: <function X at"),
    "empty": ("class X: pass", "does not implement Loss: it has no 'check'; it has no 'of_rows'; it has no 'settings'"),
    "misspelt": (
        f"{HEAD}    def of_row(self, outputs, targets, *, settings, xp): ...\n",
        "does not implement Loss: it has no 'of_rows' (it has 'of_row')",
    ),
    "signature": (
        f"{HEAD}    def of_rows(self, outputs, *, xp): ...\n",
        "does not implement Loss: of_rows(outputs, targets, settings, xp) can't be called: too many",
    ),
    "abstract": (
        "from gmcore.ports import Loss\nclass X(Loss):\n    settings = {}\n    def check(self, target): ...\n",
        "does not implement Loss: it has no 'of_rows'",
    ),
    "method": (
        f"{HEAD}    def of_rows(self, outputs, targets, *, settings, xp): ...\n    def settings(self): ...\n",
        "does not implement Loss: 'settings' must be a property or an attribute, not a method",
    ),
    "other": (
        "from gmcore.nn.schedules import Cosine as X",
        "it implements Schedule: use the group gmcore.schedules",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_an_entry_that_does_not_implement_its_port_is_listed_with_the_reason(name, install):
    source, problem = SOURCES[name]
    install(f"gm-{name}", "0.3", entry_points={"gmcore.losses": {name: f"{name}_m:X"}}, modules={f"{name}_m": source})
    losses = PluginRegistry("float32").losses
    with pytest.raises(PortError) as error:
        losses[name]
    assert str(error.value).startswith(f"loss {name!r} of gm-{name} 0.3 ({name}_m:X) ")
    assert problem in str(error.value)
    assert str(error.value).endswith(f"; update or uninstall gm-{name}")
    (info,) = (info for info in losses.check() if info.name == name)
    assert (info.state, info.reason) == (State.INVALID, str(error.value))


@pytest.mark.parametrize("component", [42, Huber(), len, int])
def test_only_classes_of_the_port_can_be_registered(component):
    losses = PluginRegistry("float32").losses
    with pytest.raises(PortError, match=r"^loss 'mine' \(.*\) (is not a class|does not implement Loss)"):
        losses.register("mine", component)
    assert "mine" not in losses


def test_a_class_that_has_the_methods_need_not_subclass_the_port():
    @attrs.frozen
    class Plain:
        settings: ClassVar = {}

        def check(self, target): ...

        def of_rows(self, outputs, targets, *, settings, xp): ...

    losses = PluginRegistry("float32").losses
    losses.register("plain", Plain)
    assert losses.create("plain") == Plain()


def test_what_gmcore_ships_implements_its_ports():
    assert [info.reason for info in PluginRegistry("float32").check() if info.distribution.startswith("gmcore")] == [
        "" for info in PluginRegistry("float32").entries() if info.distribution.startswith("gmcore")
    ]


def test_a_distribution_cannot_shadow_a_name_of_gmcore(install):
    source = "from gmcore.nn.losses import Huber\nclass X(Huber): pass\n"
    install("gm-shadow", "1.0", entry_points={"gmcore.losses": {"huber": "shadow:X"}}, modules={"shadow": source})
    losses = PluginRegistry("float32").losses
    assert losses["huber"] is losses["gmcore/huber"] is Huber
    assert losses["gm-shadow/huber"].__name__ == "X"
    assert "huber" in losses
    assert {"huber", "gm-shadow/huber"} <= set(losses)
    states = {info.distribution: (info.state, info.reason) for info in losses.entries() if info.name == "huber"}
    assert states["gmcore"] == (State.LOADED, "")
    assert states["gm-shadow"][1] == "" or "use 'gm-shadow/huber'" in states["gm-shadow"][1]


def test_an_abstract_class_is_refused():
    class Half(Rule):
        """An optimizer without the method that its base needs."""

    with pytest.raises(PortError, match=r"is abstract: it lacks move$"):
        PluginRegistry("float32").optimizers.register("half", Half)


def test_a_class_is_compared_with_ports_without_a_search_for_similar_names():
    code = """
import sys
from gmcore.registry import plugin_registry
registry = plugin_registry("float32")
assert registry.kind_of(int) is None
assert registry.kind_of(registry.losses["mse"]) == "losses"
print("difflib" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
