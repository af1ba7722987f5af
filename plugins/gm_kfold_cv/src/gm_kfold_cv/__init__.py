"""gmcore cross-validator: k-fold and its kin."""
