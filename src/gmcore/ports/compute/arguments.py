"""Checks of the arguments of a `Namespace`, which give the same error on every backend."""

from gmcore.domain.nested import leaves, named_leaves
from gmcore.domain.tree import Array, Shape

__all__ = ["check_carry", "check_top_k", "check_windows", "no_function", "number_of_steps"]


def number_of_steps(xs: object) -> int:
    """Return the size of the first axis of the arrays that `scan` goes through.

    Raises:
        ValueError: if there are no arrays, or if they differ in that size.
    """
    shapes: list[Shape] = [leaf.shape for leaf in leaves(xs)]
    if not shapes or () in shapes:
        raise ValueError(f"scan needs arrays with a first axis to go through, got arrays of the shapes {shapes}")
    sizes = {shape[0] for shape in shapes}
    if len(sizes) > 1:
        raise ValueError(f"scan needs arrays with equal first axes, got arrays of the shapes {shapes}")
    return sizes.pop()


def check_carry(before: object, after: object) -> None:
    """Check that a step of `scan` returned its carry with the same structure, shapes and dtypes.

    Raises:
        ValueError: if it did not.
    """
    was, became = ({name: _kind(leaf) for name, leaf in named_leaves(carry).items()} for carry in (before, after))
    changed = [
        f"{f'{name!r}' if name else 'it'} was {was.get(name, 'absent')} and became {became.get(name, 'absent')}"
        for name in {**was, **became}
        if was.get(name) != became.get(name)
    ]
    if changed:
        raise ValueError(f"scan needs a carry that keeps its structure, shapes and dtypes, but {', '.join(changed)}")


def check_top_k(k: int, size: int) -> None:
    """Check the number of values asked of an axis.

    Raises:
        ValueError: if it is negative, or larger than the axis.
    """
    if not 0 <= k <= size:
        raise ValueError(f"top_k needs a k from 0 to the size of the axis, {size}, got {k}")


def check_windows(length: int, steps: int) -> None:
    """Check the length of windows of a series.

    Raises:
        ValueError: if it is below 1, or above the number of steps.
    """
    if not 1 <= length <= steps:
        raise ValueError(f"windows need a length from 1 to the number of steps, {steps}, got {length}")


def no_function(name: str) -> AttributeError:
    """Return the error for a function that the port `Namespace` does not list, even if a library has it."""
    return AttributeError(
        f"the array namespace has no function {name!r}: write it with the functions of gmcore.ports.Namespace, or "
        f"compute it on the host with NumPy, in init or adapt"
    )


def _kind(leaf: Array) -> str:
    """Return dtype and shape, such as `"float32(3, 4)"`; for a Python number its type."""
    dtype = str(getattr(leaf, "dtype", type(leaf).__name__)).removeprefix("mlx.core.")
    return f"{dtype}{tuple(getattr(leaf, 'shape', ()))}"
