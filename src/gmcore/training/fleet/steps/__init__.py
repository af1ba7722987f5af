"""What a step of all members does: gradients, clipping, updates, averages of weights, and scheduled settings."""

__all__: list[str] = []
