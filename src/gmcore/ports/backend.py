"""Port: where arrays live and gradients are computed."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from gmcore.domain import Array, Device, Memory

__all__ = ["Backend", "Namespace", "Random"]

F = TypeVar("F", bound=Callable[..., Any])
Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None
Flag = bool  # the namespace has a dtype of that name


class Random(Protocol):
    """Keyed random numbers: equal keys give equal draws, and nothing is remembered.

    A key is `(2,)`, uint32. Under `vmap` each member has its own.
    """

    def fold_in(self, key: Array, data: int) -> Array:
        """Return another key, a function of `key` and the whole number `data`."""

    def uniform(self, key: Array, shape: Shape) -> Array:
        """Return draws from [0, 1) in the backend's float dtype, with all of its mantissa's bits."""

    def normal(self, key: Array, shape: Shape) -> Array:
        """Return draws of mean 0 and standard deviation 1 in the backend's float dtype."""


class Namespace(Protocol):
    """The functions that layers, losses and optimizers are written with.

    Names and meanings are the Python array API's (2024.12) and NumPy's; what neural networks add is
    named as in `jax.nn`. Python numbers mix with arrays and never change their dtype. All functions are pure,
    and every float function works in the backend's own dtype, or its argument's narrower one, accurate to a few units
    in the last place. `axis` may be negative. Arrays themselves support `+ - * / ** @`, comparisons, `& | ~`,
    indexing with whole numbers, slices, `None`, `...` and integer arrays, `.shape`, `.ndim` and `.dtype`.
    """

    float: Any
    """The backend's float dtype."""
    compute: Any
    """The dtype in which matrices are multiplied: `float`, or a narrower one.

    Layers cast to it what they multiply, and what comes out stays in it until the core takes it back to `float`; sums
    over rows, parameters, buffers and losses are `float` throughout.
    """
    int32: Any
    uint32: Any
    bool: Any
    random: Random

    def zeros(self, shape: Shape, dtype: Any = None) -> Array: ...
    def ones(self, shape: Shape, dtype: Any = None) -> Array: ...
    def full(self, shape: Shape, fill_value: Any, dtype: Any = None) -> Array: ...
    def arange(self, stop: int) -> Array:
        """Return 0 … stop - 1, int32."""

    def zeros_like(self, x: Array) -> Array: ...
    def ones_like(self, x: Array) -> Array: ...
    def astype(self, x: Array, dtype: Any) -> Array: ...

    def abs(self, x: Array) -> Array: ...
    def sign(self, x: Array) -> Array: ...
    def square(self, x: Array) -> Array: ...
    def sqrt(self, x: Array) -> Array: ...
    def exp(self, x: Array) -> Array: ...
    def expm1(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def log1p(self, x: Array) -> Array: ...
    def sin(self, x: Array) -> Array: ...
    def cos(self, x: Array) -> Array: ...
    def tanh(self, x: Array) -> Array: ...
    def erf(self, x: Array) -> Array: ...
    def floor(self, x: Array) -> Array: ...
    def pow(self, x: Array, y: Array) -> Array: ...
    def maximum(self, x: Array, y: Array) -> Array: ...
    def minimum(self, x: Array, y: Array) -> Array: ...
    def where(self, condition: Array, x: Array, y: Array) -> Array: ...
    def isnan(self, x: Array) -> Array: ...
    def isfinite(self, x: Array) -> Array: ...

    def sum(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def mean(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def var(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array:
        """Return the population variance (ddof 0)."""

    def max(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def min(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def all(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def any(self, x: Array, axis: Axis = None, keepdims: Flag = False) -> Array: ...
    def argmax(self, x: Array, axis: int) -> Array:
        """Return the index of the first largest value, int32."""

    def cumsum(self, x: Array, axis: int) -> Array: ...
    def sort(self, x: Array, axis: int = -1) -> Array: ...
    def argsort(self, x: Array, axis: int = -1) -> Array: ...

    def reshape(self, x: Array, shape: Shape) -> Array: ...
    def permute_dims(self, x: Array, axes: Sequence[int]) -> Array: ...
    def expand_dims(self, x: Array, axis: int) -> Array: ...
    def squeeze(self, x: Array, axis: int) -> Array: ...
    def broadcast_to(self, x: Array, shape: Shape) -> Array: ...
    def concat(self, arrays: Sequence[Array], axis: int = 0) -> Array: ...
    def stack(self, arrays: Sequence[Array], axis: int = 0) -> Array: ...
    def matmul(self, x: Array, y: Array) -> Array: ...
    def take(self, x: Array, indices: Array, axis: int) -> Array:
        """Return the slices of `x` at `indices`, of any shape, along `axis`."""

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array: ...

    def relu(self, x: Array) -> Array:
        """Return `max(x, 0)`, whose gradient at 0 is 0."""

    def sigmoid(self, x: Array) -> Array: ...
    def softplus(self, x: Array) -> Array:
        """Return `log(1 + exp(x))`, without overflow."""

    def logsumexp(self, x: Array, axis: int, keepdims: Flag = False) -> Array: ...
    def softmax(self, x: Array, axis: int = -1) -> Array: ...
    def log_softmax(self, x: Array, axis: int = -1) -> Array: ...
    def one_hot(self, indices: Array, classes: int) -> Array:
        """Return `(*indices.shape, classes)` of 0 and 1, float; all 0 for an index outside."""

    def stop_gradient(self, x: Array) -> Array: ...


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
