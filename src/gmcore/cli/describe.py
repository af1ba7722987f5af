"""What a run is made of, for people to read before it starts."""

from gmcore.app import Run
from gmcore.cli.output import table
from gmcore.domain import Kind, ModelInfo, Schema

__all__ = ["architecture", "overview"]

_BYTES = {"float32": 4, "float64": 8}


def overview(run: Run) -> str:
    """Return a line each for the data, the model and the device."""
    schema = run.rows.schema
    source = run.data.metadata["source"]
    return "\n".join(
        [
            f"data     {source}: {len(run.rows):,} rows, {_features(schema)}, target {_target(schema)}",
            f"model    {run.model.info.name}, {run.model.info.parameter_count:,} parameters",
            f"backend  {run.chosen.why}, {run.config.dtype}",
        ]
    )


def architecture(info: ModelInfo, dtype: str) -> str:
    """Return a line for each layer, and the sum."""
    layers = [(layer.name, layer.description, _shape(layer.output_shape), layer.parameters) for layer in info.layers]
    inputs = ", ".join(f"{name} {_shape(shape)}" for name, shape in info.input_shapes.items())
    size = info.parameter_count * _BYTES[dtype]
    return "\n".join(
        [
            f"inputs: {inputs}; output: {_shape(info.output_shape)}",
            table(("layer", "", "output", "parameters"), layers),
            f"{info.parameter_count:,} parameters, {size / 1024:,.1f} KiB in {dtype}",
        ]
    )


def _features(schema: Schema) -> str:
    counts = {kind: sum(feature.kind is kind for feature in schema.features) for kind in Kind}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)


def _target(schema: Schema) -> str:
    names = ", ".join(schema.target.names)
    if not schema.target.is_classification:
        return names
    return f"{names} ({len(schema.target.classes)} classes)"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"
