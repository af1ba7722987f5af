"""`Namespace.scan` as a loop in Python, for libraries that have no loop of their own."""

from collections.abc import Callable, Sequence

from gmcore.domain.nested import filled, leaves, leaves_like, map_leaves, skeleton
from gmcore.domain.tree import Array, Shape
from gmcore.ports.compute.arguments import check_carry, number_of_steps

__all__ = ["unrolled"]

Step = Callable[[Array, Array], tuple[Array, Array]]
Zeros = Callable[[Shape, object], Array]


def unrolled(
    fn: Step,
    carry: Array,
    xs: Array,
    *,
    reverse: bool,
    slices: Callable[[Array], Sequence[Array]],
    stack: Callable[[Sequence[Array]], Array],
    zeros: Zeros,
) -> tuple[Array, Array]:
    """Return what `Namespace.scan` returns.

    Args:
        fn: the step, `fn(carry, x) -> (carry, y)`.
        carry: its first carry.
        xs: what the steps go through.
        reverse: whether the last is the first.
        slices: returns the slices of an array along its first axis, which has at least one.
        stack: returns arrays stacked along a new first axis.
        zeros: returns zeros of a shape and dtype.
    """
    structure, flat = skeleton(xs), leaves(xs)
    if number_of_steps(xs) == 0:
        return carry, _none_of(
            fn, carry, filled(structure, [zeros(leaf.shape[1:], leaf.dtype) for leaf in flat]), zeros
        )
    steps = [filled(structure, some) for some in zip(*map(slices, flat), strict=True)]
    ys = []
    for x in reversed(steps) if reverse else steps:
        after, y = fn(carry, x)
        check_carry(carry, after)
        carry = after
        ys.append(y)
    result = skeleton(ys[0])
    columns = zip(*[leaves_like(result, y) for y in (reversed(ys) if reverse else ys)], strict=True)
    return carry, filled(result, map(stack, columns))


def _none_of(fn: Step, carry: Array, x: Array, zeros: Zeros) -> Array:
    """Return the `ys` of no steps, whose shapes are those of a step that is computed for `x` and dropped."""
    after, y = fn(carry, x)
    check_carry(carry, after)
    return map_leaves(lambda leaf: zeros((0, *leaf.shape), leaf.dtype), y)
