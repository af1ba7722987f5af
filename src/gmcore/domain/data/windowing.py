"""Which windows of a series are rows, and which value is the label of each."""

from numbers import Integral
from typing import Any, Literal

import attrs
import numpy as np

from gmcore.errors import DataError

__all__ = ["Windowing"]


def _whole(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{attribute.name} must be a whole number of at least 1, got {value!r:.40}")


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def _known(_: object, __: "attrs.Attribute[str]", value: object) -> None:
    if value not in ("after", "last"):
        raise ValueError(f"label must be 'after' or 'last', got {value!r:.40}")


@attrs.frozen(kw_only=True)
class Windowing:
    """How a series is cut into windows, each with a label.

    The label is a value after the window: one inside it would tell a model what it is to predict.

    Attributes:
        length: steps in a window.
        horizon: steps from the last one of a window to its label.
        stride: steps from the start of one window to that of the next.
        label: `"after"`; or by name `"last"` for the value of the window's last step, as in labelling what has
            happened, for which there is no horizon.
    """

    length: int = attrs.field(converter=_plain, validator=_whole)
    horizon: int = attrs.field(default=1, converter=_plain, validator=_whole)
    stride: int = attrs.field(default=1, converter=_plain, validator=_whole)
    label: Literal["after", "last"] = attrs.field(default="after", validator=_known)

    @property
    def reach(self) -> int:
        """Steps from the first one of a window to its label, both included."""
        return self.length if self.label == "last" else self.length + self.horizon

    def starts(self, steps: int, groups: np.ndarray | None = None) -> np.ndarray:
        """Return the first step of each window, `(rows,)`, int32, or int64 for series that need it.

        Windows and their labels are within one group.

        Args:
            steps: number of steps of the series.
            groups: `(steps,)`, equal for the steps of one series; each must be in one piece. None for one series.

        Raises:
            DataError: if the series, or that of a group, is shorter than a window and its label, or a group is not in
                one piece.
        """
        begins = np.flatnonzero(groups[1:] != groups[:-1]) + 1 if groups is not None else np.empty(0, np.int64)
        begins = np.concatenate([[0], begins]).astype(np.int64)
        ends = np.append(begins[1:], steps)
        if groups is not None:
            _check_pieces(groups, begins)
        short = np.flatnonzero(ends - begins < self.reach)
        if len(short):
            place, which = int(short[0]), "the series"
            if groups is not None:
                which = f"the group {groups[begins[place]]}"
            after = "" if self.label == "last" else f" and a label {self.horizon:,} after it"
            raise DataError(
                f"a window of {self.length:,} steps{after} take {self.reach:,} steps, but {which} has "
                f"{ends[place] - begins[place]:,}"
            )
        dtype = np.int32 if steps <= np.iinfo(np.int32).max else np.int64
        pairs = zip(begins, ends, strict=True)
        return np.concatenate(
            [np.arange(begin, end - self.reach + 1, min(self.stride, steps)).astype(dtype) for begin, end in pairs]
        )


def _check_pieces(groups: np.ndarray, begins: np.ndarray) -> None:
    """Raise `DataError` if a group begins twice."""
    names, first = np.unique(groups[begins], return_index=True)
    if len(names) == len(begins):
        return
    again = np.setdiff1d(np.arange(len(begins)), first)[0]
    raise DataError(
        f"the steps of a group must follow each other, but group {groups[begins[again]]} begins again at step "
        f"{begins[again]:,}: sort the steps by group"
    )
