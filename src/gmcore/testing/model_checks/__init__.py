"""The parts of a model provider's contract suite."""

__all__: list[str] = []
