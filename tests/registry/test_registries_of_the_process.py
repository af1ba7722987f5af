"""A process has one registry for each dtype, whichever alias or thread asks first."""

import subprocess
import sys
import threading
import time

import pytest

import gmcore
from gmcore.errors import UnknownNameError
from gmcore.nn.losses import Huber
from gmcore.registry import PluginRegistry, plugin_registry

THREADS = """
import sys, threading
sys.setswitchinterval(1e-6)
import gmcore
from gmcore.nn.losses import Huber

barrier, found = threading.Barrier(32), []

def register(place):
    barrier.wait()
    plugins = (gmcore.float32, gmcore.Float32Registry)[place % 2] if place % 4 else __import__("gmcore").float32
    found.append(plugins)
    plugins.losses.register(f"loss{place}", type("Own", (Huber,), {}))

threads = [threading.Thread(target=register, args=(place,)) for place in range(32)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(set(map(id, found))) == 1, "several registries"
assert sum(name.startswith("loss") for name in gmcore.float32.losses) == 32, "lost some"
"""


def test_every_alias_is_the_same_registry():
    assert gmcore.float32 is gmcore.Float32Registry is plugin_registry("float32")
    assert gmcore.float64 is gmcore.Float64Registry is plugin_registry("float64")
    assert gmcore.float32 is not gmcore.float64


def test_thirty_two_threads_that_ask_first_get_one_registry_and_lose_nothing():
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_thirty_two_threads_that_register_at_once_lose_nothing_a_hundred_times():
    for _ in range(100):
        losses, barrier = PluginRegistry("float32").losses, threading.Barrier(32)

        def register(place, losses=losses, barrier=barrier):
            barrier.wait()
            losses.register(f"loss{place}", type("Own", (Huber,), {}))
            losses.entries()

        threads = [threading.Thread(target=register, args=(place,)) for place in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(name.startswith("loss") for name in losses) == 32


def test_a_name_that_is_unregistered_during_its_import_is_gone(tmp_path, monkeypatch):
    info = tmp_path / "gm_slow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gm-slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gmcore.exporters]\nslow = gm_slow_module:X\n")
    source = "import threading\nstarted, go = threading.Event(), threading.Event()\nstarted.set()\ngo.wait(10)\nX = 1\n"
    (tmp_path / "gm_slow_module.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    exporters = PluginRegistry("float32").exporters
    thread = threading.Thread(target=lambda: exporters["slow"])
    thread.start()
    while not getattr(sys.modules.get("gm_slow_module"), "started", None):
        time.sleep(0.001)
    module = sys.modules["gm_slow_module"]
    module.started.wait(10)
    exporters.unregister("slow")
    module.go.set()
    thread.join()
    with pytest.raises(UnknownNameError):
        exporters["slow"]
