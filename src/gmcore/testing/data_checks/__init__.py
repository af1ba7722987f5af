"""The checks that the contract suite for data providers is made of."""

__all__: list[str] = []
