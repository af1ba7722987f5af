"""Faults of the machine: a full disk, a power cut."""

__all__: list[str] = []
