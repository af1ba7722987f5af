"""The parts of a layer's contract suite."""

__all__: list[str] = []
