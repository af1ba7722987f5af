"""A convolution that is computed in blocks of rows of the batch, so that the patches of a block fit a core's cache."""

import math
from collections.abc import Callable

import attrs

from gmcore.domain import Array
from gmcore.nn.windows.convolution import Convolution
from gmcore.nn.windows.patches import Patches
from gmcore.ports import Namespace

__all__ = ["in_blocks"]

Scan = Callable[..., tuple[Array, Array]]


def in_blocks(
    of: Convolution, xp: Namespace, *, scan: Scan, most_numbers: int, most_rows: int = 0
) -> "Patches | Blocks":
    """Return a convolution in equal blocks, or in one if it is small.

    Args:
        of: shapes of the convolution.
        xp: the namespace.
        scan: a loop like `Namespace.scan`.
        most_numbers: how many numbers the patches and outputs of a block have at most, if it has several rows.
        most_rows: see `Patches`.
    """
    row = math.prod(of.windows.counts) * (of.taps * of.channels_in + of.channels_out)
    sizes = (size for size in range(1, of.batch + 1) if of.batch % size == 0 and size * row <= most_numbers)
    block = attrs.evolve(of, batch=max(sizes, default=min(of.batch, 1)))
    part = Patches(of=block, xp=xp, most_rows=most_rows)
    return part if block == of else Blocks(of=of, part=part, scan=scan)


@attrs.frozen(kw_only=True, eq=False)
class Blocks:
    """A convolution and its two transposes, for one member, computed block by block.

    Attributes:
        of: shapes of the whole convolution.
        part: the convolution of a block.
        scan: a loop like `Namespace.scan`.
    """

    of: Convolution
    part: Patches
    scan: Scan

    def outputs(self, x: Array, kernel: Array) -> Array:
        """Return the convolution of `x` with `kernel`, `(batch, *counts, channels_out)`."""
        _, blocks = self.scan(lambda none, part: (none, self.part.outputs(part[0], kernel)), (), (self._blocks(x),))
        return self.part.xp.reshape(blocks, self.of.outputs)

    def inputs(self, kernel: Array, outputs: Array) -> Array:
        """Return the gradient by `x` for a gradient by the outputs, `(batch, *sizes, channels_in)`."""
        _, blocks = self.scan(
            lambda none, part: (none, self.part.inputs(kernel, part[0])), (), (self._blocks(outputs),)
        )
        return self.part.xp.reshape(blocks, self.of.inputs)

    def kernel(self, x: Array, outputs: Array) -> Array:
        """Return the gradient by the kernel for a gradient by the outputs."""
        xp = self.part.xp

        def add(total: Array, part: tuple[Array, Array]) -> tuple[Array, None]:
            return total + self.part.kernel(xp.astype(part[0], xp.float), xp.astype(part[1], xp.float)), None

        total, _ = self.scan(add, xp.zeros(self.of.kernel), (self._blocks(x), self._blocks(outputs)))
        return xp.astype(total, x.dtype)

    def _blocks(self, x: Array) -> Array:
        size = self.part.of.batch
        return self.part.xp.reshape(x, (self.of.batch // size, size, *x.shape[1:]))
