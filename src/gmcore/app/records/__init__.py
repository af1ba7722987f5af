"""The records of a run: provenance, results and trained models."""

__all__: list[str] = []
