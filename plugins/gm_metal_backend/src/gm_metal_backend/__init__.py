"""gmcore backend: MLX on Metal, CUDA and CPU."""
