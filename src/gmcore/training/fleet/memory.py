"""How much memory there is, and how much is taken."""

import os
import re
import resource
import sys
from pathlib import Path

from gmcore.domain import Memory
from gmcore.ports import Backend

__all__ = ["device_memory", "process_memory"]


def device_memory(backend: Backend) -> Memory:
    """Return the memory of a backend's device; the machine's, and the process's share of it, where that is the same."""
    return backend.memory() or process_memory()


def process_memory() -> Memory:
    """Return the machine's memory and what this process takes of it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    told = _status()
    if "VmHWM" in told:
        return Memory(total=total, active=told["VmRSS"], peak=max(told["VmHWM"], told["VmRSS"]))
    # On Linux this would be that of the process that started this one, if it was larger.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Memory(total=total, active=peak, peak=peak)


def _status() -> dict[str, int]:
    """Return the sizes that Linux tells of a process, in bytes; none elsewhere."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    return {name: 1024 * int(size) for name, size in re.findall(r"^(Vm\w+):\s+(\d+) kB$", text, re.MULTILINE)}
