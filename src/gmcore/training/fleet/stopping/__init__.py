"""What decides at the end of an epoch which members go on: losses, metrics and early stopping."""

__all__: list[str] = []
