"""The kinds of components: their names in messages, and their ports."""

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["KINDS", "Kind", "ports"]


class Kind(NamedTuple):
    """A kind of component.

    Attributes:
        title: name in messages, in the singular.
        port: name of its Protocol in `gmcore.ports`; empty if it has none.
    """

    title: str
    port: str = ""


KINDS: Mapping[str, Kind] = {
    "workflows": Kind("workflow", "TrainingWorkflow"),
    "backends": Kind("backend", "Backend"),
    "data_providers": Kind("data provider", "DataProvider"),
    "model_providers": Kind("model provider", "ModelProvider"),
    "sequence_providers": Kind("sequence provider", "SequenceProvider"),
    "metric_computers": Kind("metric", "MetricComputer"),
    "cross_validators": Kind("cross-validator", "CrossValidator"),
    "hooks": Kind("hook plugin"),
    "layers": Kind("layer", "Layer"),
    "losses": Kind("loss", "Loss"),
    "optimizers": Kind("optimizer", "Optimizer"),
    "schedules": Kind("schedule", "Schedule"),
    "gradient_strategies": Kind("gradient strategy", "GradientStrategy"),
    "search_strategies": Kind("search strategy", "SearchStrategy"),
    "engines": Kind("engine", "Engine"),
    "exporters": Kind("exporter"),
}
"""By name of the registry in `PluginRegistry`; the entry-point group is `gmcore.` and this name."""


def ports() -> dict[str, type]:
    """Return the ports by kind, for the kinds that have one."""
    from gmcore import ports as protocols  # noqa: PLC0415 - imports NumPy, which listing plugins does not need

    return {name: getattr(protocols, kind.port) for name, kind in KINDS.items() if kind.port}
