"""The check of the arguments of `Namespace.pad`."""

from collections.abc import Sequence

from gmcore.nn.windows.geometry import Pair

__all__ = ["check_padding"]

_MODES = ("constant", "reflect", "edge")


def check_padding(shape: Sequence[int], widths: Sequence[Pair], mode: str) -> None:
    """Check the arguments of `pad`.

    Raises:
        ValueError: if the mode is unknown, or the widths do not fit the shape.
    """
    if mode not in _MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    if len(widths) != len(shape) or any(width < 0 for pair in widths for width in pair):
        raise ValueError(f"widths must be two numbers from 0 on for each of {len(shape)} axes, got {tuple(widths)}")
    for size, pair in zip(shape, widths, strict=True):
        if mode == "reflect" and max(pair) >= max(size, 1):
            raise ValueError(f"an axis of {size} elements can be reflected by at most {max(size - 1, 0)}, got {pair}")
        if mode == "edge" and size == 0 and max(pair) > 0:
            raise ValueError("an axis of 0 elements has no edge to repeat")
