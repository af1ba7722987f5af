"""How the trials of a search become fleets."""

__all__: list[str] = []
