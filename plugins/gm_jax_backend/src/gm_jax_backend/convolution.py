"""Convolution with rules of its own for gradients and for the members of a fleet.

JAX's own rule makes a grouped convolution of one whose kernel differs between members, which XLA's CPU compiler
computes naively: 30 times slower than the members in turn. In a loop or in float64 it computes any convolution so. On a
CPU a convolution is therefore a product of patches, and members take turns in a loop of the program, which also gives
each the same bits in any chunk. Other devices compute members at once, as patches or by the library.
"""

from collections.abc import Callable
from functools import partial

import attrs
import jax
from jax import lax
from jax.custom_batching import custom_vmap

from gmcore.domain import Array
from gmcore.nn.windows import Bilinear, Convolution, Patches, WindowFunctions, in_blocks
from gmcore.ports import Namespace

__all__ = ["JAXWindows"]

# On a CPU, XLA divides products that sum over more rows than this among threads.
_MOST_ROWS = 256
# Patches and outputs that fit the cache of a core.
_MOST_NUMBERS = 100_000
# On a GPU, patches with up to so many columns are faster than the library: on an H100, without XLA's autotuning, 2 to
# 23 times for one member and 6 to 36 for ten or fifty, with 9, 72, 144, 288 and 576 columns. More were not measured,
# and take as many times the memory of the inputs as the kernel has elements.
_MOST_COLUMNS = 576

Function = Callable[[Array, Array], Array]


@attrs.frozen(kw_only=True, eq=False)
class JAXWindows(WindowFunctions):
    """The port's convolution and pooling.

    Attributes:
        xp: the namespace.
        cpu: whether the device is the CPU.
    """

    _xp: Namespace
    _cpu: bool

    def _convolution(self, of: Convolution) -> Bilinear:
        if self._cpu:
            blocks = in_blocks(of, self._xp, scan=lax.scan, most_numbers=_MOST_NUMBERS, most_rows=_MOST_ROWS)
            return _Differentiable(blocks, _in_turn)
        return _Differentiable(Patches(of=of, xp=self._xp) if _is_small(of) else _Library(of), _at_once)


def _is_small(of: Convolution) -> bool:
    """Return whether a GPU computes the convolution faster as patches than by the library."""
    return of.columns <= _MOST_COLUMNS


@attrs.frozen(eq=False)
class _Library:
    """A convolution by XLA's own operation.

    Attributes:
        of: shapes of the convolution.
    """

    of: Convolution

    def outputs(self, x: Array, kernel: Array) -> Array:
        letters = "HW"[: len(self.of.windows.sizes)]
        return lax.conv_general_dilated(
            x,
            kernel,
            self.of.windows.strides,
            self.of.windows.padding,
            rhs_dilation=self.of.windows.dilation,
            dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
            feature_group_count=self.of.groups,
        )

    def inputs(self, kernel: Array, outputs: Array) -> Array:
        return _transposed(lambda x: self.outputs(x, kernel), self.of.inputs, outputs)

    def kernel(self, x: Array, outputs: Array) -> Array:
        return _transposed(partial(self.outputs, x), self.of.kernel, outputs)


class _Differentiable:
    """A convolution whose functions are each other's derivatives."""

    def __init__(self, form: Bilinear, members: Callable[[Function], Function]) -> None:
        outputs, inputs, kernel = map(members, (form.outputs, form.inputs, form.kernel))
        self.outputs = _with_gradient(outputs, lambda x, w, y: (self.inputs(w, y), self.kernel(x, y)))
        self.inputs = _with_gradient(inputs, lambda w, y, x: (self.kernel(x, y), self.outputs(x, w)))
        self.kernel = _with_gradient(kernel, lambda x, y, w: (self.inputs(w, y), self.outputs(x, w)))


def _with_gradient(fn: Function, gradient: Callable[..., tuple[Array, Array]]) -> Function:
    wrapped = jax.custom_vjp(fn)
    wrapped.defvjp(lambda a, b: (wrapped(a, b), (a, b)), lambda given, cotangent: gradient(*given, cotangent))
    return wrapped


def _in_turn(fn: Function) -> Function:
    """Return `fn`, whose `vmap` is a loop over the members."""

    def loop(_: int, mapped: list[bool], *args: Array) -> tuple[Array, bool]:
        def member(own: list[Array]) -> Array:
            left = iter(own)
            return turns(*(next(left) if has else arg for has, arg in zip(mapped, args, strict=True)))

        return lax.map(member, [arg for has, arg in zip(mapped, args, strict=True) if has]), True

    turns = custom_vmap(fn)
    turns.def_vmap(loop)
    return turns


def _at_once(fn: Function) -> Function:
    return fn


def _transposed(fn: Callable[[Array], Array], shape: tuple[int, ...], cotangent: Array) -> Array:
    argument = jax.ShapeDtypeStruct(shape, cotangent.dtype)  # type: ignore[no-untyped-call]
    (result,) = jax.linear_transpose(fn, argument)(cotangent)
    return result
