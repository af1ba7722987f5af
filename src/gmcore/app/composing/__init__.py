"""The composition of a run: builds its components from a run file."""

__all__: list[str] = []
