"""Method implementations that several layers share; a layer assigns them in its class body."""

from collections.abc import Mapping
from typing import Any

from gmcore.domain import Array, Shape
from gmcore.domain.short_repr import listed
from gmcore.ports import Layer

__all__ = ["check_channels", "describe_by_repr", "of_one_array", "same_shape"]


def same_shape(layer: Layer, input_shape: Any) -> Shape:
    """Return the input shape, as `output_shape` of a layer that keeps it."""
    return of_one_array(layer, input_shape)


def of_one_array(layer: Layer, input_shape: Any) -> Shape:
    """Return the shape of a row of an array; raise ValueError if the inputs are a mapping of arrays."""
    if isinstance(input_shape, Mapping):
        names = listed(list(map(repr, input_shape))) or "none"
        raise ValueError(  # noqa: TRY004 - the port's error
            f"{type(layer).__name__} needs rows of one array, got inputs by name ({names}): join them with Concatenate"
        )
    return tuple(input_shape)


def check_channels(layer: Layer, inputs: Array, channels: int) -> None:
    """Raise ValueError unless inputs have as many channels, on the last axis, as the layer has variables for."""
    if tuple(inputs.shape[-1:]) != (channels,):
        raise ValueError(
            f"{type(layer).__name__} has variables for {channels} channels, the last axis, got inputs of shape "
            f"{tuple(inputs.shape)}"
        )


def describe_by_repr(layer: Layer, input_shape: Any) -> str:
    """Return the layer's repr, as `describe` of a layer whose settings say everything."""
    return repr(layer)
