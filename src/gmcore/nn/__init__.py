"""Layers, losses, optimizers and schedules: written once, against a backend's namespace."""
