"""The space of a search, and the results of its trials."""

__all__: list[str] = []
