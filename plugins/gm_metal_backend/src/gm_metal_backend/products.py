"""The size of a program's largest matrix product, which decides the number of BLAS threads."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from gmcore.domain import Array

__all__ = ["Products"]

T = TypeVar("T")


@attrs.define(eq=False)
class Products:
    """Number of multiplications in the largest matrix product seen; under `vmap`, in one member's product."""

    _largest: int = attrs.field(init=False, default=0)

    def see(self, x: Array, y: Array) -> None:
        """Record the product `x @ y`."""
        rows = x.shape[-2] if x.ndim > 1 else 1
        columns = y.shape[-1] if y.ndim > 1 else 1
        self._largest = max(self._largest, rows * x.shape[-1] * columns)

    def see_einsum(self, subscripts: str, operands: Sequence[Array]) -> None:
        """Record the largest product of two operands of `einsum`; axes of both that are in the result are batches."""
        inputs, _, output = subscripts.replace(" ", "").partition("->")
        axes = [_axes(labels, x.shape) for labels, x in zip(inputs.split(","), operands, strict=False)]
        for x, y in itertools.combinations(axes, 2):
            summed = {
                label: size for label, size in {**x, **y}.items() if not (label in x and label in y and label in output)
            }
            self._largest = max(self._largest, math.prod(summed.values()))

    def of(self, trace: Callable[[], T]) -> tuple[T, int]:
        """Return the result of tracing a program, and the multiplications in its largest product."""
        outer, self._largest = self._largest, 0
        results, largest = trace(), self._largest
        self._largest = max(outer, largest)
        return results, largest


def _axes(labels: str, shape: Sequence[int]) -> dict[str, int]:
    """Return the sizes of an operand's labelled axes; those of an ellipsis are left out."""
    before, _, after = labels.partition("...")
    return {**dict(zip(before, shape, strict=False)), **dict(zip(after[::-1], shape[::-1], strict=False))}
