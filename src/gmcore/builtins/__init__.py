"""The components that gmcore registers itself, through entry points like those of any plugin."""

__all__: list[str] = []
