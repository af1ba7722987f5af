"""Port: where arrays live and gradients are computed."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from gmcore.domain import Array, Device, Memory
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Backend"]

F = TypeVar("F", bound=Callable[..., Any])


@runtime_checkable
class Backend(Protocol):
    """An array library: a namespace, and transforms of pure functions over trees of arrays.

    A tree is a nested dict with string keys and arrays for leaves; tuples of trees are trees too.
    All calls come from one thread. The constructor takes `dtype` (`"float32"` or `"float64"`) and
    `device` (a name that `devices` lists, or `"auto"`), both by keyword, and raises
    `BackendUnavailableError`, saying what would work, for what is not here. One that can multiply matrices in a
    narrower dtype takes `compute` (`"bfloat16"` or `"float16"`) too.
    """

    name: str
    """What errors and provenance call it."""
    dtype: str
    """`"float32"` or `"float64"`; what `xp.float` is."""
    compute: str
    """What `xp.compute` is: `dtype`, `"bfloat16"` or `"float16"`."""
    device: str
    """The device's name as in `devices`; never `"auto"`."""
    xp: Namespace

    @classmethod
    @abstractmethod
    def devices(cls, dtype: str) -> Sequence[Device]:
        """Return every device this library knows, the best first, with the reason where one can't be used."""

    @property
    @abstractmethod
    def compilations(self) -> int:
        """How many programs were traced and compiled so far: one a function and set of input shapes."""

    @abstractmethod
    def asarray(self, host: Any) -> Any:
        """Return a tree of NumPy arrays as arrays on the device.

        Floats become `xp.float`, whole numbers int32 (uint32 stays), booleans bool. This is the one door in.
        """

    @abstractmethod
    def to_numpy(self, arrays: Any) -> Any:
        """Return a tree of arrays as NumPy arrays of the same dtypes: the only call that waits."""

    @abstractmethod
    def value_and_grad(self, fn: Callable[..., tuple[Array, Any]]) -> Callable[..., tuple[tuple[Array, Any], Any]]:
        """Return `g(params, *args) -> ((value, aux), gradients)` of `fn(params, *args) -> (value, aux)`.

        `value` is a scalar, `aux` any tree; gradients are those of the first argument, in its shape.
        """

    @abstractmethod
    def vmap(self, fn: F, in_axes: Any = 0) -> F:
        """Return `fn` over a leading axis of every argument whose entry in `in_axes` is 0, not None."""

    @abstractmethod
    def compile(
        self,
        fn: F,
        *,
        loops: bool = False,
        donate: tuple[int, ...] = (),
        members: tuple[int | None, ...] = (),
    ) -> F:
        """Return `fn` compiled by the shapes of its arguments, all of which are trees of arrays.

        Its results stay what they are whatever becomes of its arguments, also one that is an argument.

        Args:
            fn: a pure function.
            loops: `fn` calls `scan`. A library that compiles no loops runs such a function as it is
                written, its scans' steps compiled.
            donate: positions of arguments that the caller gives up, so that their memory can be used again.
            members: for each argument the axis that its arrays have a fleet's members on, None where the members
                share it; all results have them on the first axis. What becomes of a member depends on no other, so
                that a library may compute them in parts, side by side. Empty: `fn` is no fleet's.
        """

    @abstractmethod
    def scan(self, step: Callable[[Any, Any, Any], tuple[Any, Any]], carry: Any, xs: Any, shared: Any = None) -> Any:
        """Return `(carry, ys)` after `carry, y = step(carry, x, shared)` for each `x` along the first axis of `xs`.

        `ys` has the `y` stacked, or is None where `step` gives None. Nothing waits for a result.
        The same `step` object is compiled once. `xs` may be NumPy arrays, which are converted as by `asarray`;
        one that is marked read-only is taken to never change, and need be converted only once.
        """

    @abstractmethod
    def memory(self) -> Memory | None:
        """Return how full the device's memory is, or None for one that computes in the process's own."""

    @abstractmethod
    def checkpoint(self, fn: F) -> F:
        """Return `fn` with its intermediate values recomputed in the backward pass instead of stored."""

    @abstractmethod
    def provenance(self) -> Mapping[str, str]:
        """Return what the numbers depend on: library versions, device, BLAS, reduced-precision settings."""
