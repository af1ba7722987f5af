"""A run file becomes objects."""

__all__: list[str] = []
