"""Storage on disk: durable files, run folders, checkpoints, models and rows."""

__all__: list[str] = []
