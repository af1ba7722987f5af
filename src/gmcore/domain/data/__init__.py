"""Rows and their schema, batches, folds and splits."""

__all__: list[str] = []
