"""NumPy reference implementation of convolution, pooling and padding: by definition, in float64, rounded once."""

import math
from abc import ABC
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gmcore.domain import Array
from gmcore.nn.windows import Convolution, Windows, check_padding, pooling_windows
from gmcore.ports import Namespace

__all__ = ["NumPyWindows"]

Pairs = Sequence[tuple[int, int]]


class NumPyWindows(Namespace, ABC):
    """The functions of `NumPyNamespace` that slide windows over arrays, and `pad`."""

    def conv(
        self,
        x: Array,
        kernel: Array,
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilation: Sequence[int],
        groups: int,
    ) -> Array:
        of = Convolution.of(x.shape, kernel.shape, strides=strides, padding=padding, dilation=dilation, groups=groups)
        elements = _divided(_under_windows(x, of.windows, 0.0), groups)
        # A place in the window is `uv`, a group `g`, one of its inputs `i` and one of its outputs `o`.
        place = "uv"[: len(of.windows.window)]
        outputs = np.einsum(f"...{place}gi,{place}igo->...go", elements, _divided(kernel, groups))
        return np.reshape(outputs, of.outputs).astype(np.result_type(x, kernel))

    def conv_transpose(
        self,
        x: Array,
        kernel: Array,
        *,
        strides: Sequence[int],
        padding: Pairs,
        dilation: Sequence[int],
        groups: int,
        output_padding: Sequence[int],
    ) -> Array:
        of = Convolution.transposed(
            x.shape, kernel.shape, strides=strides, padding=padding, dilation=dilation, groups=groups,
            output_padding=output_padding,
        )  # fmt: skip
        outputs = np.zeros([size + sum(pair) for size, pair in zip(of.inputs, _with_ends(padding), strict=True)])
        for place in of.windows.places:
            summands = np.einsum("...go,igo->...gi", _divided(x, groups), _divided(kernel, groups)[place])
            outputs[of.windows.at(place)] += summands.reshape(*x.shape[:-1], of.channels_in)
        inner = [slice(before, before + size) for size, (before, _) in zip(of.windows.sizes, padding, strict=True)]
        return outputs[(slice(None), *inner)].astype(np.result_type(x, kernel))

    def max_pool(self, x: Array, window: Sequence[int], *, strides: Sequence[int], padding: Pairs) -> Array:
        elements = _under_windows(x, pooling_windows(x.shape, window, strides, padding), -math.inf)
        return np.max(elements, axis=_window_axes(window)).astype(x.dtype)

    def avg_pool(
        self, x: Array, window: Sequence[int], *, strides: Sequence[int], padding: Pairs, include_padding: bool = True
    ) -> Array:
        windows = pooling_windows(x.shape, window, strides, padding)
        elements = _under_windows(x, windows, 0.0 if include_padding else math.nan)
        counted = ~np.isnan(_under_windows(np.zeros_like(x), windows, 0.0 if include_padding else math.nan))
        axes = _window_axes(window)
        return np.mean(elements, axis=axes, where=counted).astype(x.dtype)

    def pad(
        self,
        x: Array,
        widths: Pairs,
        mode: Literal["constant", "reflect", "edge"] = "constant",
        value: float = 0.0,
    ) -> Array:
        check_padding(x.shape, widths, mode)
        values: dict[str, Any] = {"constant_values": value} if mode == "constant" else {}
        return np.pad(x, widths, mode, **values)


def _under_windows(x: Array, windows: Windows, padding: float) -> np.ndarray:
    """Return the elements under each window in float64, `(batch, *counts, *window, channels)`."""
    wide = np.pad(np.asarray(x, np.float64), _with_ends(windows.padding), constant_values=padding)
    elements = [wide[windows.at(place)] for place in windows.places]
    shape = (*elements[0].shape[:-1], *windows.window, x.shape[-1])
    return np.stack(elements, axis=-2).reshape(shape)


def _divided(x: Array, groups: int) -> np.ndarray:
    return np.reshape(np.asarray(x, np.float64), (*x.shape[:-1], groups, x.shape[-1] // groups))


def _with_ends(pairs: Pairs) -> Pairs:
    return ((0, 0), *pairs, (0, 0))


def _window_axes(window: Sequence[int]) -> tuple[int, ...]:
    return tuple(range(-1 - len(window), -1))
