"""The jobs that the contract suite of engines runs."""

__all__: list[str] = []
