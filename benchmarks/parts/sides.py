"""Sides that several parts share, and the packages that they need."""

from frame import Side

__all__ = ["BACKENDS", "both", "keras_sides", "on"]

BACKENDS = {"metal": "gm_metal_backend", "jax": "gm_jax_backend"}
_LIBRARY = {"metal": "MLX", "jax": "JAX"}


def on(backend):
    """Return the name of gmcore's side on a backend."""
    return f"gmcore on {backend}"


def both(target, device, **more):
    """Return gmcore's side on each backend, and with `by_hand` the hand-written side of the same library."""
    by_hand = more.pop("by_hand", None)
    sides = []
    for backend, package in BACKENDS.items():
        options = {"backend": backend, "device": device}
        sides.append(Side(name=on(backend), target=target, options={**options, **more}, needs=(package,)))
        if by_hand:
            name = f"{_LIBRARY[backend]} by hand"
            sides.append(Side(name=name, target=by_hand, options=options, needs=(package,)))
    return sides


def keras_sides(target, device, **settings):
    """Return Keras over torch and over JAX."""
    return [
        Side(
            name=f"Keras over {over}",
            target=target,
            options={"framework": "keras", "device": device},
            needs=("keras", over),
            environment={"KERAS_BACKEND": over},
            **settings,
        )
        for over in ("torch", "jax")
    ]
