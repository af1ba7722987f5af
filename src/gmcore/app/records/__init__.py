"""What is remembered of a run: provenance, results, trained models."""

__all__: list[str] = []
