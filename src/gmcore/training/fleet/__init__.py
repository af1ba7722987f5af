"""What runs at each step and each epoch of a fleet."""

__all__: list[str] = []
