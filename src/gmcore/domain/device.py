"""A place where a backend can compute, or the reason why it can't."""

import attrs

__all__ = ["Device", "Memory"]


@attrs.frozen(kw_only=True)
class Device:
    """One device of one backend, for one dtype, on this machine.

    Attributes:
        name: `"metal"`, `"cuda"`, `"cpu"` …
        reason: why it can't be used here, and what to do; empty when it can.
        preference: `backend = "auto"` takes the available device with the largest. Convention: a
            GPU through its maker's own library 100, through another 80, a compiled CPU loop 50, an
            enqueuing one 40, a reference that is not meant for speed 0.
        because: the half sentence `auto` gives for its choice, such as `"whole epochs compile to one call"`.
    """

    name: str
    reason: str = ""
    preference: int = 0
    because: str = ""

    @property
    def available(self) -> bool:
        """Whether it can be used here."""
        return not self.reason


@attrs.frozen(kw_only=True)
class Memory:
    """What a device has, in bytes.

    Attributes:
        total: all of it.
        active: what is taken now.
        peak: the most that was taken at once, by this process.
    """

    total: int
    active: int
    peak: int
