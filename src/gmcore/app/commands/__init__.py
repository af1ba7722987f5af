"""The commands: train, cross-validate, search, resume and replay."""

__all__: list[str] = []
