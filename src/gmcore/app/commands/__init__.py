"""What a person asks for: train, validate, search, resume, replay."""

__all__: list[str] = []
