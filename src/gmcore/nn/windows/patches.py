"""Convolution as a product of matrices, for devices whose library is slow at convolution.

The elements under each window are copied to a row of a matrix, the patches, which is multiplied by the kernel:

    x        (batch, *sizes, channels_in)           → patches  (rows, taps * channels_in), a row for each window
    kernel   (*window, channels_in, channels_out)   → matrix   (taps * channels_in, channels_out)

The gradients are products as well. That of the kernel is the transposed patches times the outputs' gradient. That of
`x` is the outputs' gradient times the transposed kernel, each row of which is added to the elements under its window.
With groups, all matrices have a first axis of groups, and the channels of one.
"""

import math

import attrs

from gmcore.domain import Array
from gmcore.nn.windows.convolution import Convolution
from gmcore.nn.windows.sliding import elements, sum_of_elements
from gmcore.ports import Namespace

__all__ = ["Patches"]


@attrs.frozen(kw_only=True, eq=False)
class Patches:
    """A convolution and its two transposes, for one member.

    Attributes:
        of: shapes of the convolution.
        xp: the namespace.
        most_rows: if not 0, the kernel's gradient is the sum of products of at most so many rows. A library may divide
            a longer product among its threads, and the last bits then depend on their number.
    """

    of: Convolution
    xp: Namespace
    most_rows: int = 0

    def outputs(self, x: Array, kernel: Array) -> Array:
        """Return the convolution of `x` with `kernel`, `(batch, *counts, channels_out)`."""
        products = self.xp.matmul(self._patches(x), self._matrix(kernel))
        return self.xp.reshape(self._joined(products), self.of.outputs)

    def inputs(self, kernel: Array, outputs: Array) -> Array:
        """Return the gradient by `x` for a gradient by the outputs, `(batch, *sizes, channels_in)`."""
        of, xp = self.of, self.xp
        products = xp.matmul(self._divided(outputs, of.channels_out), _transposed(self._matrix(kernel), xp))
        under_windows = (*products.shape[:-2], of.rows * of.taps, of.channels_in // of.groups)
        summands = self._joined(xp.reshape(products, under_windows))
        shape = (of.batch, *of.windows.counts, of.taps, of.channels_in)
        return sum_of_elements(xp.reshape(summands, shape), of.windows, xp)

    def kernel(self, x: Array, outputs: Array) -> Array:
        """Return the gradient by the kernel for a gradient by the outputs."""
        patches, rows = self._patches(x), self._divided(outputs, self.of.channels_out)
        product = _product_over_rows(patches, rows, self.most_rows, self.xp)
        return self.xp.reshape(self._joined(product), self.of.kernel)

    def _patches(self, x: Array) -> Array:
        of = self.of
        divided = self._divided(elements(x, of.windows, self.xp), of.channels_in)
        return self.xp.reshape(divided, (*divided.shape[:-2], of.rows, of.columns))

    def _matrix(self, kernel: Array) -> Array:
        return self._divided(kernel, self.of.channels_out)

    def _divided(self, x: Array, channels: int) -> Array:
        """Return `(…, channels)` as `(rows, channels)`, with groups as `(groups, rows, channels // groups)`."""
        groups, rows = self.of.groups, math.prod(x.shape[:-1])
        if groups == 1:
            return self.xp.reshape(x, (rows, channels))
        return self.xp.permute_dims(self.xp.reshape(x, (rows, groups, channels // groups)), (1, 0, 2))

    def _joined(self, x: Array) -> Array:
        """Return `(groups, rows, channels // groups)` as `(rows, channels)`."""
        if self.of.groups == 1:
            return x
        groups, rows, channels = x.shape
        return self.xp.reshape(self.xp.permute_dims(x, (1, 0, 2)), (rows, groups * channels))


def _transposed(matrix: Array, xp: Namespace) -> Array:
    axes = (*range(matrix.ndim - 2), matrix.ndim - 1, matrix.ndim - 2)
    return xp.permute_dims(matrix, axes)


def _product_over_rows(x: Array, y: Array, most_rows: int, xp: Namespace) -> Array:
    """Return `x.T @ y`, as a sum over blocks of rows if there are more than `most_rows`."""
    rows = x.shape[-2]
    if not 0 < most_rows < rows:
        return xp.matmul(_transposed(x, xp), y)
    # Blocks that divide the rows evenly need no padding, which would copy the patches.
    block = max((size for size in range(most_rows // 4, most_rows + 1) if rows % size == 0), default=most_rows)
    blocks = [_in_blocks(one, block, xp) for one in (x, y)]
    products = xp.matmul(_transposed(blocks[0], xp), blocks[1])
    return xp.astype(xp.sum(products, axis=-3), x.dtype)


def _in_blocks(x: Array, block: int, xp: Namespace) -> Array:
    """Return `(…, rows, columns)` as `(…, blocks, block, columns)`, in float, filled up with rows of 0."""
    *groups, rows, columns = x.shape
    if rows % block:
        x = xp.pad(x, (*((0, 0) for _ in groups), (0, -rows % block), (0, 0)))
    return xp.reshape(xp.astype(x, xp.float), (*groups, -(-rows // block), block, columns))
