"""Devices of a backend: what they cost, and their memory."""

from collections.abc import Mapping

import attrs

__all__ = ["Device", "Memory", "Work"]


@attrs.frozen(kw_only=True)
class Work:
    """The size of a run, as far as it is known before it begins.

    Attributes:
        steps: number of steps that the device computes one after the other.
        operations: floating-point operations of matrix products in all steps.
        elements: numbers that all steps compute besides: outputs of layers, and parameters.
    """

    steps: float = 0.0
    operations: float = 0.0
    elements: float = 0.0


@attrs.frozen(kw_only=True)
class Device:
    """One device of one backend, for one dtype, on this machine.

    Attributes:
        name: `"metal"`, `"cuda"`, `"cpu"` …
        reason: why the device is unavailable, and what to do about it; empty if it is available.
        because: why one would choose it, a clause such as `"whole epochs compile to one call"`.
        start: seconds until the first step in a new process on a machine that has not seen the run before: importing
            the library, starting the device, and compiling the programs of a small network.
        step: seconds of a step of a small network.
        operation: seconds of a floating-point operation in matrix products of large networks.
        element: seconds of all elementwise operations on one output of a layer or one parameter in a step.
        options: the backend's options for which these numbers hold, with which `backend = "auto"` creates it.
    """

    name: str
    reason: str = ""
    because: str = ""
    start: float = 60.0
    step: float = 1e-2
    operation: float = 1e-9
    element: float = 1e-8
    options: Mapping[str, object] = attrs.field(factory=dict)

    @property
    def available(self) -> bool:
        """Whether the device can be used on this machine."""
        return not self.reason

    def seconds(self, work: Work) -> float:
        """Return the estimated seconds of a run in a new process.

        They are `start + steps * step + operations * operation + elements * element`.
        """
        per_run = work.steps * self.step + work.operations * self.operation + work.elements * self.element
        return self.start + per_run


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
