"""Port: an array library that holds arrays on a device, compiles programs and computes gradients."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar, runtime_checkable

from gmcore.domain import Array, Device, Memory
from gmcore.ports.compute.namespace import Namespace

__all__ = ["Backend", "InAxes"]

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")
P = ParamSpec("P")
Params = TypeVar("Params")
Aux = TypeVar("Aux")
Carry = TypeVar("Carry")
X = TypeVar("X")
Y = TypeVar("Y")
Shared = TypeVar("Shared")

InAxes = int | None | Sequence["InAxes"] | Mapping[str, "InAxes"]
"""The axis of an argument that `vmap` maps over, None for no axis, or a tree of these."""


@runtime_checkable
class Backend(Protocol):
    """An array library: a namespace of functions, and transforms of pure functions over trees of arrays.

    A tree is a nested dict with string keys and arrays as leaves; a tuple of trees is a tree, too.
    All calls come from one thread, except those of what `prepare` returns. The constructor takes `dtype` (`"float32"`
    or `"float64"`) and `device` (a name that `devices` lists, or `"auto"`), both by keyword. It raises
    `BackendUnavailableError`, which names the devices that can be used, if the device can't be used on this machine. A
    backend that can multiply matrices in a narrower dtype also takes `compute` (`"bfloat16"` or `"float16"`).
    """

    name: str
    """The name in error messages and provenance."""
    dtype: str
    """The dtype of `xp.float`: `"float32"` or `"float64"`."""
    compute: str
    """The dtype of `xp.compute`: `dtype`, `"bfloat16"` or `"float16"`."""
    device: str
    """The device's name as in `devices`; never `"auto"`."""
    xp: Namespace

    @classmethod
    @abstractmethod
    def devices(cls, dtype: str) -> Sequence[Device]:
        """Return every device that the library knows, best first; a device that can't be used has the reason."""

    @property
    @abstractmethod
    def compilations(self) -> int:
        """Number of programs traced and compiled so far: one for each function and set of input shapes."""

    @abstractmethod
    def asarray(self, host: T) -> T:
        """Return a tree of NumPy arrays as the same tree of arrays on the device.

        Floats become `xp.float`, integers int32 (uint32 stays), booleans bool. All data enters the device here.
        """

    @abstractmethod
    def to_numpy(self, arrays: T) -> T:
        """Return a tree of arrays as the same tree of NumPy arrays, dtypes unchanged. The only call that blocks."""

    @abstractmethod
    def value_and_grad(
        self, fn: Callable[Concatenate[Params, P], tuple[Array, Aux]]
    ) -> Callable[Concatenate[Params, P], tuple[tuple[Array, Aux], Params]]:
        """Return `g(params, *args) -> ((value, aux), gradients)` for `fn(params, *args) -> (value, aux)`.

        `value` is a scalar and `aux` any tree. Gradients are with respect to the first argument and have its structure.
        """

    @abstractmethod
    def vmap(self, fn: F, in_axes: int | Sequence[InAxes] = 0) -> F:
        """Return `fn` vectorized over the first axis of its arguments, except where `in_axes` is None instead of 0."""

    @abstractmethod
    def compile(
        self,
        fn: F,
        *,
        loops: bool = False,
        donate: tuple[int, ...] = (),
        members: tuple[int | None, ...] = (),
        lengths: tuple[int, ...] = (),
    ) -> F:
        """Return `fn` compiled for the shapes of its arguments, all of which are trees of arrays, except `lengths`.

        Results stay valid after an argument is changed or donated, even a result that is itself an argument.

        Args:
            fn: a pure function.
            loops: whether `fn` calls `scan`. A library that can't compile loops runs such a function uncompiled and
                compiles the steps of its scans.
            donate: positions of the arguments whose memory may be reused, because the caller no longer needs them.
            members: for each argument, the axis that indexes the fleet's members, None for an argument that all
                members share; in all results it is the first axis. Members must not depend on each other, so that a
                library may compute them in parallel parts. Empty if `fn` does not work on a fleet.
            lengths: positions of the arguments that are Python integers, and that `fn` uses only as the `length` of a
                scan. One program serves all lengths, except where loops of a length that is known when they are
                compiled are much faster; there, one is compiled for each length.
        """

    @abstractmethod
    def prepare(
        self, program: Callable[..., object], *arguments: object, on_device: tuple[int, ...] = ()
    ) -> Callable[[], None]:
        """Return a function that compiles a program, so that its first call with such arguments does not.

        The returned function may be called once, in any thread, while the backend's own thread calls anything else. It
        raises what the program raises when it is traced. It does nothing for a library whose programs belong to one
        thread.

        Args:
            program: what `compile` returned.
            arguments: trees of arrays of the shapes and dtypes of the call's, and lengths as in the call. Their values
                don't matter, and are not kept.
            on_device: positions of the arguments that are on the device in the call; here they may be NumPy arrays.
        """

    @abstractmethod
    def scan(
        self,
        step: Callable[[Carry, X, Shared], tuple[Carry, Y]],
        carry: Carry,
        xs: X,
        shared: Shared | None = None,
        length: int | None = None,
    ) -> tuple[Carry, Y]:
        """Return `(carry, ys)` after `carry, y = step(carry, x, shared)` for each `x` along the first axis of `xs`.

        `ys` is the `y` of all steps stacked, or None if `step` returns None. The call does not block.
        A `step` object is compiled once. `xs` may be NumPy arrays, which are converted as in `asarray`;
        an array that is marked read-only is assumed never to change, so it may be converted only once.

        Args:
            step: a pure function.
            carry: a tree of arrays.
            xs: a tree of arrays with the same first axis.
            shared: a tree of arrays.
            length: number of steps, from 1; None for all of `xs`. What follows in `xs` is padding, for which no step is
                computed; what follows in `ys`, if anything, has no meaning.
        """

    @abstractmethod
    def memory(self) -> Memory | None:
        """Return the device's memory use, or None for a device that uses the host's memory."""

    def is_out_of_memory(self, error: Exception) -> bool:
        """Return whether an error of this library, of Python or of NumPy means that memory ran out.

        What is computed in parts is then computed in smaller ones. The error may come from any call, and for what is
        computed asynchronously from the call that reads it. A library's backend adds the errors of the library.
        """
        return isinstance(error, MemoryError)

    @abstractmethod
    def checkpoint(self, fn: F) -> F:
        """Return `fn` with intermediate values recomputed in the backward pass instead of stored."""

    @abstractmethod
    def provenance(self) -> Mapping[str, str]:
        """Return what results depend on: library versions, device, BLAS, reduced-precision settings."""
