"""The port `Namespace`, implemented with `jax.numpy` and `jax.nn`."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import NoReturn, cast

import jax
import jax.numpy as jnp

from gm_jax_backend import array_functions
from gm_jax_backend.convolution import JAXWindows
from gmcore.domain import Array
from gmcore.nn.windows import check_padding
from gmcore.ports import Namespace, Random
from gmcore.ports.compute.arguments import no_function

__all__ = ["jax_namespace"]

_NARROW = (jnp.bfloat16, jnp.float16)

Function = Callable[..., Array]
Scoped = Callable[[Function], Function]

# Functions of jax.numpy with the names and semantics of the port.
_SAME = (
    "abs sign square pow floor_divide remainder maximum minimum where isnan isfinite zeros_like ones_like astype max "
    "min all any sort reshape permute_dims expand_dims squeeze broadcast_to flip roll tril triu concat stack matmul "
    "take take_along_axis"
)
_FLOAT = "sqrt exp expm1 log log1p sin cos tanh floor mean var logaddexp"
_NEURAL = "relu sigmoid softplus logsumexp softmax log_softmax"
_WINDOWS = "conv conv_transpose max_pool avg_pool"


def jax_namespace(dtype: str, compute: str, scoped: Scoped, *, cpu: bool) -> Namespace:
    """Return the functions of `jax.numpy` and `jax.nn` under the port's names, all in one float dtype.

    Args:
        dtype: `"float32"` or `"float64"`.
        compute: `dtype`, `"bfloat16"` or `"float16"`.
        scoped: wraps a function so that it always runs under the backend's settings.
        cpu: whether the device is the CPU.
    """
    own = jnp.dtype(dtype)
    functions = {name: scoped(fn) for name, fn in _functions(own).items()}
    dtypes = {name: jnp.dtype(name) for name in ("int32", "uint32", "bool")} | {
        "float": own,
        "compute": jnp.dtype(compute),
    }
    xp = cast("Namespace", _Functions(**functions, **dtypes, random=JAXRandom(own, scoped)))
    windows = JAXWindows(xp=xp, cpu=cpu)
    for name in _WINDOWS.split():
        setattr(xp, name, scoped(getattr(windows, name)))
    return xp


class _Functions(SimpleNamespace):
    """The functions of a namespace, which refuses those that the port does not list."""

    def __getattr__(self, name: str) -> NoReturn:
        raise no_function(name)


class JAXRandom(Random):
    """Threefry random numbers with raw keys, so that a key is an ordinary array."""

    def __init__(self, dtype: jnp.dtype, scoped: Scoped) -> None:
        self._dtype = dtype
        for method in ("fold_in", "uniform", "normal"):
            setattr(self, method, scoped(getattr(self, method)))

    def fold_in(self, key: Array, data: int) -> Array:
        return jax.random.key_data(jax.random.fold_in(_typed(key), data))

    def uniform(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.uniform(_typed(key), shape, self._dtype)

    def normal(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(_typed(key), shape, self._dtype)


def _functions(dtype: jnp.dtype) -> dict[str, Function]:
    def floating(fn: Function) -> Function:
        return lambda x, *args, **kwargs: fn(_as_float(x, dtype), *args, **kwargs)

    def full(shape: tuple[int, ...], fill_value: Array, dtype: jnp.dtype | None = None) -> Array:
        return jnp.full(shape, fill_value, dtype or own(fill_value))

    def own(value: Array) -> jnp.dtype:
        found = jnp.result_type(value)
        if jnp.issubdtype(found, jnp.floating):
            return found if found in _NARROW else dtype
        return _whole(found)

    return {
        **{name: getattr(jnp, name) for name in _SAME.split()},
        **{name: floating(getattr(jnp, name)) for name in _FLOAT.split()},
        **{name: floating(getattr(jax.nn, name)) for name in _NEURAL.split()},
        "erf": floating(jax.lax.erf),
        "zeros": lambda shape, dtype=dtype: jnp.zeros(shape, dtype),
        "ones": lambda shape, dtype=dtype: jnp.ones(shape, dtype),
        "full": full,
        "arange": lambda stop: jnp.arange(stop, dtype=jnp.int32),
        "sum": lambda x, axis=None, keepdims=False: jnp.sum(x, axis, dtype=own(x), keepdims=keepdims),
        "cumsum": lambda x, axis: jnp.cumsum(x, axis, dtype=own(x)),
        "argmax": lambda x, axis: jnp.argmax(x, axis).astype(jnp.int32),
        "argsort": lambda x, axis=-1: jnp.argsort(x, axis, stable=True).astype(jnp.int32),
        "one_hot": lambda indices, classes: jax.nn.one_hot(indices, classes, dtype=dtype),
        "einsum": lambda subscripts, *operands: jnp.einsum(subscripts, *(_as_float(one, dtype) for one in operands)),
        "clip": array_functions.clip,
        "top_k": array_functions.top_k,
        "segment_sum": array_functions.segment_sum,
        "windows": array_functions.windows,
        "scan": array_functions.scan,
        "pad": _pad,
        "stop_gradient": jax.lax.stop_gradient,
    }


def _pad(x: Array, widths: Sequence[tuple[int, int]], mode: str = "constant", value: float = 0.0) -> Array:
    check_padding(x.shape, widths, mode)
    return jnp.pad(x, widths, mode, **({"constant_values": value} if mode == "constant" else {}))


def _as_float(x: Array, dtype: jnp.dtype) -> Array:
    """Return integers and booleans in a float dtype; XLA would make some of them float32 even in float64."""
    return x if jnp.issubdtype(jnp.result_type(x), jnp.floating) else jnp.asarray(x, dtype)


def _whole(found: jnp.dtype) -> jnp.dtype:
    return found if found == jnp.uint32 else jnp.int32


def _typed(key: Array) -> Array:
    return jax.random.wrap_key_data(jnp.asarray(key, jnp.uint32), impl="threefry2x32")
