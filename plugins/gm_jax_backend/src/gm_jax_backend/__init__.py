"""gmcore backend: JAX on CPU, NVIDIA and TPU."""
