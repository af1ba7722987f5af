"""How much memory a device and this process have and use."""

import os
import re
import resource
import sys
from pathlib import Path

from gmcore.domain import Memory
from gmcore.ports import Backend

__all__ = ["device_memory", "process_memory"]


def device_memory(backend: Backend) -> Memory:
    """Return the memory of a backend's device; for one that uses the host's, the host's and this process's use."""
    return backend.memory() or process_memory()


def process_memory() -> Memory:
    """Return the host's memory and this process's use of it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    sizes = _linux_sizes()
    if "VmHWM" in sizes:
        return Memory(total=total, active=sizes["VmRSS"], peak=max(sizes["VmHWM"], sizes["VmRSS"]))
    # Not on Linux, where a process inherits this number from the process that started it.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Memory(total=total, active=peak, peak=peak)


def _linux_sizes() -> dict[str, int]:
    """Return this process's memory sizes from `/proc`, in bytes; empty on other systems."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    return {name: 1024 * int(size) for name, size in re.findall(r"^(Vm\w+):\s+(\d+) kB$", text, re.MULTILINE)}
