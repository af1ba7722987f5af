"""The parts of a backend's contract suite."""

__all__: list[str] = []
