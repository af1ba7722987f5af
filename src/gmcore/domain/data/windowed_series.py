"""A series that is read in windows: a row is the place of its first step, so that no window is stored."""

from typing import Any

import attrs
import numpy as np

from gmcore.domain.tree import Shape

__all__ = ["WindowedSeries"]


@attrs.frozen(kw_only=True, eq=False)
class WindowedSeries:
    """The windows of a series, one for each row, in the place of an array `(rows, length, …)`.

    It has the shape and the dtype of that array, and indexing it gathers the windows: `windows[indices]` is
    `series[starts[indices] + arange(length)]`, an array `(*indices.shape, length, …)`.

    Attributes:
        series: the steps, `(steps, …)`; several series are one after the other.
        starts: the first step of each row's window, `(rows,)`, int32 or int64.
        length: number of steps in a window.
        reach: number of steps from a window's first one to the last one that the row is made of, its label's included;
            at least `length`. No row may be trained on whose steps are among those of a held-out row.
    """

    series: np.ndarray
    starts: np.ndarray
    length: int
    reach: int = attrs.field()

    @reach.default
    def _to_its_end(self) -> int:
        return self.length

    def __attrs_post_init__(self) -> None:
        """Check that all windows are within the series."""
        steps = len(self.series)
        if not all(isinstance(size, int) for size in (self.length, self.reach)):
            raise ValueError(f"length and reach of windows must be whole, got {self.length!r:.40}, {self.reach!r:.40}")
        if not 0 < self.length <= self.reach <= steps:
            raise ValueError(
                f"windows must have from 1 step to the {steps:,} of the series and end before their label, got "
                f"{self.length:,} steps, and {self.reach:,} with the label"
            )
        if len(self.starts) and not 0 <= self.starts.min() <= self.starts.max() <= steps - self.reach:
            raise ValueError(
                f"windows of {self.reach:,} steps, with the label, must start at steps 0 to {steps - self.reach:,}, "
                f"got {self.starts.min():,} to {self.starts.max():,}"
            )

    @property
    def shape(self) -> Shape:
        """Shape of the array of all windows, `(rows, length, …)`."""
        return (len(self.starts), self.length, *self.series.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes of the array of all windows."""
        return 1 + self.series.ndim

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The dtype of the series."""
        return self.series.dtype

    @property
    def spans(self) -> np.ndarray:
        """The steps that each row is made of, `(rows, 2)`: the first one, and the one after the last."""
        return np.stack([self.starts, self.starts + self.reach], axis=1)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Any) -> np.ndarray:
        windows: np.ndarray = self.series[self.starts[rows][..., None] + np.arange(self.length)]
        return windows

    def take(self, rows: Any) -> "WindowedSeries":
        """Return the windows of the rows at an index or slice, of the same series."""
        return attrs.evolve(self, starts=self.starts[rows])
