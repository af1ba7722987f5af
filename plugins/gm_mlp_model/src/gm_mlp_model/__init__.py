"""gmcore model provider: multi-layer perceptrons."""
