"""How much memory there is, and how much is taken."""

import os
import resource
import sys
from pathlib import Path

from gmcore.domain import Memory
from gmcore.ports import Backend

__all__ = ["device_memory"]


def device_memory(backend: Backend) -> Memory:
    """Return the memory of a backend's device; the machine's, and the process's share of it, where that is the same."""
    return backend.memory() or _process_memory()


def _process_memory() -> Memory:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    page = os.sysconf("SC_PAGE_SIZE")
    active = _resident(page) or peak
    # The system counts the two at different moments.
    return Memory(total=page * os.sysconf("SC_PHYS_PAGES"), active=active, peak=max(peak, active))


def _resident(page: int) -> int:
    """Return the bytes that the process has in memory, 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * page
    except OSError:
        return 0
