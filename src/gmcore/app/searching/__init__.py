"""The planning of a search: its trials, grouped into fleets."""

__all__: list[str] = []
