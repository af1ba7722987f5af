"""The plugin gmcore ships, through the same door as all others: nothing is imported before it is named."""

__all__: list[str] = []
