"""Convolution with rules of its own for gradients and for the members of a fleet.

MLX's `vmap` makes a grouped convolution of one whose kernel differs between members. On the CPU, MLX computes that
naively: 19 times slower than the members in turn. It also computes float64 in float32 there, or not at all. On the CPU
a convolution is therefore a product of patches, and the program computes one member after the other, which also gives
each the same bits in any chunk. A GPU computes members at once, as patches or by MLX's own convolution.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

import attrs
import mlx.core as mx

from gmcore.domain import Array
from gmcore.nn.windows import Bilinear, Convolution, Patches, in_blocks
from gmcore.ports import Namespace

__all__ = ["convolution"]

# On a GPU, patches with up to so many columns are faster than MLX's own convolution.
_MOST_COLUMNS = 144
# Patches and outputs of a block: smaller ones would fit the cache of a core better, but make a program of more
# operations.
_MOST_NUMBERS = 400_000

Function = Callable[[Array, Array], Array]
Fleet = Callable[[str, Sequence[bool]], Function]
"""Returns the function of a name for all members, given whether each of its arguments has a first axis of members."""


def convolution(of: Convolution, xp: Namespace, *, cpu: bool) -> Bilinear:
    """Return a convolution in the form that is fastest on the device, differentiable any number of times."""
    if cpu:
        blocks = in_blocks(of, xp, scan=_loop, most_numbers=_MOST_NUMBERS)
        return _Differentiable(blocks, partial(_in_turn, _by_name(blocks)))
    patches = Patches(of=of, xp=xp)
    at_once = partial(_vectorised, _by_name(patches)) if _is_small(of) else partial(_grouped, of)
    return _Differentiable(patches, at_once)


def _is_small(of: Convolution) -> bool:
    """Return whether a GPU computes the convolution faster as patches than by MLX's own operation."""
    return of.columns <= _MOST_COLUMNS


class _Differentiable:
    """A convolution whose functions are each other's derivatives.

    Each of the three functions takes two of the arrays `x`, `kernel` and `outputs`, in this order, and returns the
    third, or the gradient by it. `mapped` names the arrays that have a first axis of members.
    """

    def __init__(self, alone: Bilinear, fleet: Fleet) -> None:
        self._forms = _by_name(alone)
        self._fleet = fleet
        self.inputs, self.kernel, self.outputs = (self._custom(name, frozenset()) for name in self._forms)

    def _custom(self, name: str, mapped: AbstractSet[str]) -> Function:
        """Return the function that returns `name`, for one member if nothing is mapped."""
        others = [one for one in self._forms if one != name]

        def gradient(given: Sequence[Array], cotangent: Array, _: Array) -> list[Array]:
            known = {**dict(zip(others, given, strict=True)), name: cotangent}
            return [self._slope(one, known, mapped | {name} if mapped else mapped) for one in others]

        def fleet(arrays: Sequence[Array], axes: Sequence[int | None]) -> tuple[Array, int]:
            first = [x if axis is None else mx.moveaxis(x, axis, 0) for x, axis in zip(arrays, axes, strict=True)]
            have = frozenset(one for one, axis in zip(others, axes, strict=True) if axis is not None)
            return self._custom(name, have)(*first), 0

        form = self._fleet(name, [one in mapped for one in others]) if mapped else self._forms[name]
        fn = mx.custom_function(form)
        fn.vjp(gradient)
        if not mapped:
            fn.vmap(fleet)
        return fn

    def _slope(self, name: str, known: Mapping[str, Array], mapped: AbstractSet[str]) -> Array:
        """Return the gradient by `name`, summed over the members if they share it."""
        slope = self._custom(name, mapped - {name})(*(known[one] for one in self._forms if one != name))
        return mx.sum(slope, axis=0) if mapped and name not in mapped else slope


def _by_name(form: Bilinear) -> dict[str, Function]:
    return {"x": form.inputs, "kernel": form.kernel, "outputs": form.outputs}


def _in_turn(forms: Mapping[str, Function], name: str, mapped: Sequence[bool]) -> Function:
    def run(*arrays: Array) -> Array:
        results: list[Array] = []
        for member in range(_count(arrays, mapped)):
            # Not iterated, which would split the arrays: MLX fails to compile a program with two equal splits.
            own = [x[member] if has else x for x, has in zip(arrays, mapped, strict=True)]
            results.append(forms[name](*own))
        return mx.stack(results)

    return run


def _loop(
    step: Callable[[Array, Array], tuple[Array, Array]], carry: Array, xs: tuple[Array, ...]
) -> tuple[Array, Array]:
    """Return what `Namespace.scan` returns, unrolled, for a tuple of arrays and a `y` that is one array or None."""
    results = []
    for place in range(len(xs[0])):
        carry, result = step(carry, tuple(x[place] for x in xs))
        results.append(result)
    return carry, None if results[0] is None else mx.stack(results)


def _vectorised(forms: Mapping[str, Function], name: str, mapped: Sequence[bool]) -> Function:
    return mx.vmap(forms[name], in_axes=tuple(0 if has else None for has in mapped))


def _grouped(of: Convolution, name: str, mapped: Sequence[bool]) -> Function:
    """Return a fleet's function as one convolution with the members' channels side by side, in groups.

    MLX can't vectorise the gradients of its convolution.
    """

    def run(*arrays: Array) -> Array:
        many = _count(arrays, mapped)
        wide = attrs.evolve(
            of, channels_in=many * of.channels_in, channels_out=many * of.channels_out, groups=many * of.groups
        )
        each = (x if has else mx.broadcast_to(x, (many, *x.shape)) for x, has in zip(arrays, mapped, strict=True))
        result = _by_name(_Library(wide))[name](*(mx.flatten(mx.moveaxis(x, 0, -2), -2, -1) for x in each))
        return mx.moveaxis(mx.unflatten(result, -1, (many, -1)), -2, 0)

    return run


@attrs.frozen(eq=False)
class _Library:
    """A convolution by MLX's own operation.

    Attributes:
        of: shapes of the convolution.
    """

    of: Convolution

    def outputs(self, x: Array, kernel: Array) -> Array:
        windows = self.of.windows
        return mx.conv_general(
            x,
            mx.moveaxis(kernel, -1, 0),
            stride=windows.strides,
            padding=([before for before, _ in windows.padding], [after for _, after in windows.padding]),
            kernel_dilation=windows.dilation,
            groups=self.of.groups,
        )

    def inputs(self, kernel: Array, outputs: Array) -> Array:
        return _transposed(lambda x: self.outputs(x, kernel), self.of.inputs, outputs)

    def kernel(self, x: Array, outputs: Array) -> Array:
        return _transposed(partial(self.outputs, x), self.of.kernel, outputs)


def _count(arrays: Sequence[Array], mapped: Sequence[bool]) -> int:
    return next(len(x) for x, has in zip(arrays, mapped, strict=True) if has)


def _transposed(fn: Callable[[Array], Array], shape: tuple[int, ...], cotangent: Array) -> Array:
    _, (result,) = mx.vjp(fn, [mx.zeros(shape, dtype=cotangent.dtype)], [cotangent])
    return result
