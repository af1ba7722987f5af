"""Devices of a backend, and their memory."""

import attrs

__all__ = ["Device", "Memory"]


@attrs.frozen(kw_only=True)
class Device:
    """One device of one backend, for one dtype, on this machine.

    Attributes:
        name: `"metal"`, `"cuda"`, `"cpu"` …
        reason: why the device is unavailable, and what to do about it; empty if it is available.
        preference: `backend = "auto"` selects the available device with the highest value. By convention 100 for
            a GPU through its vendor's own library, 80 for a GPU through another one, 50 for a compiled CPU loop,
            40 for a CPU loop that enqueues steps, 0 for a reference implementation.
        because: why `auto` selects it, a clause such as `"whole epochs compile to one call"`.
    """

    name: str
    reason: str = ""
    preference: int = 0
    because: str = ""

    @property
    def available(self) -> bool:
        """Whether the device can be used on this machine."""
        return not self.reason


@attrs.frozen(kw_only=True)
class Memory:
    """The memory of a device, in bytes.

    Attributes:
        total: total memory.
        active: memory in use now.
        peak: maximum memory in use so far by this process.
    """

    total: int
    active: int
    peak: int
