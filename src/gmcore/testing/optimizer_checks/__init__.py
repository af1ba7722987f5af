"""The checks of the contract suite of optimizers that need room of their own."""

__all__: list[str] = []
