"""The description of an input that is an array in each row, such as an image or a window of a series."""

from collections.abc import Iterable

import attrs

from gmcore.domain.tree import Shape

__all__ = ["RESERVED", "Tensor"]

RESERVED = ("numeric", "categorical", "datetime")
"""The names of the inputs that hold the feature columns."""


def _shape(sizes: Iterable[int]) -> Shape:
    return tuple(sizes)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _sizes(_: object, attribute: "attrs.Attribute[Shape]", value: Shape) -> None:
    if not value or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in value):
        raise ValueError(f"{attribute.name} must be one or more sizes above 0, got {value}")


def _input_name(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if not value or value in RESERVED or "." in value:
        raise ValueError(
            f"{attribute.name} of a tensor must be text without dots, and none of {', '.join(RESERVED)}, which name "
            f"the feature columns, got {value!r:.60}"
        )


@attrs.frozen(kw_only=True)
class Tensor:
    """An input with an array of numbers in each row.

    Attributes:
        name: its name in `Rows.inputs`.
        shape: shape of the array of one row.
        axes: names of the axes of `shape`, such as `("height", "width", "channel")` or `("time", "channel")`, by which
            layers and messages refer to them; empty if they have none.
    """

    name: str = attrs.field(validator=_input_name)
    shape: Shape = attrs.field(converter=_shape, validator=_sizes)
    axes: tuple[str, ...] = attrs.field(default=(), converter=_names)

    @axes.validator
    def _check_axes(self, _: object, value: tuple[str, ...]) -> None:
        if not all(isinstance(name, str) and name for name in value) or len(set(value)) != len(value):
            raise ValueError(f"axes of the tensor '{self.name}' must be different names, got {value}")
        if value and len(value) != len(self.shape):
            raise ValueError(
                f"axes of the tensor '{self.name}' must name each of its {len(self.shape)} axes, got {value}"
            )

    def __str__(self) -> str:
        sizes = (
            [f"{name} {size}" for name, size in zip(self.axes, self.shape, strict=True)] if self.axes else self.shape
        )
        return f"{self.name} ({', '.join(map(str, sizes))})"
