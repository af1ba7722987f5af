"""gmcore backend: JAX on CPU, NVIDIA and TPU."""

from gm_jax_backend.backend import JAXBackend

__all__ = ["JAXBackend"]
