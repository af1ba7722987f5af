"""The jobs of an engine: fleets cut into parts that any process can train, and their results."""

__all__: list[str] = []
