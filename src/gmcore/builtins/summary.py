"""A text summary of a model's architecture: layers, shapes, parameters and memory."""

import math

from gmcore.domain import LayerInfo, ModelInfo
from gmcore.domain.sizes import size_text

__all__ = ["architecture"]

_BYTES = {"float32": 4, "float64": 8}
_HEADINGS = ("layer", "", "output", "parameters")


def architecture(info: ModelInfo, *, dtype: str = "float32", batch_size: int = 1) -> str:
    """Return the architecture, one line per layer, followed by estimates of memory.

    The memory of the forward and backward pass is estimated as two copies of every layer's output.

    Args:
        info: the model.
        dtype: `"float32"` or `"float64"`.
        batch_size: rows per step.
    """
    one = _BYTES[dtype]
    inputs = sum(math.prod(shape) for shape in info.input_shapes.values()) * one * batch_size
    outputs = sum(math.prod(layer.output_shape) for layer in info.layers) * one * batch_size * 2
    held = info.parameter_count * one
    sizes = (
        ("parameters", f"{info.parameter_count:,}, {size_text(held)} in {dtype}"),
        ("a batch", f"{_plural(batch_size, 'row')}, {size_text(inputs)}"),
        ("forward and backward pass", size_text(outputs)),
        ("estimated total", size_text(held + inputs + outputs)),
    )
    width = max(len(name) for name, _ in sizes)
    lines = [f"{name:<{width}}  {text}" for name, text in sizes]
    return "\n".join([_headline(info), "", *_table(info.layers), "", *lines])


def _headline(info: ModelInfo) -> str:
    inputs = ", ".join(f"{name} {_shape(shape)}" for name, shape in info.input_shapes.items())
    return f"{info.name}: {inputs} -> {_shape(info.output_shape)}"


def _table(layers: tuple[LayerInfo, ...]) -> list[str]:
    cells = [(one.name, one.description, _shape(one.output_shape), f"{one.parameters:,}") for one in layers]
    lines = [_HEADINGS, *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return [
        "  ".join(
            [*(text.ljust(width) for text, width in zip(line[:3], widths, strict=False)), line[3].rjust(widths[3])]
        )
        for line in lines
    ]


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
