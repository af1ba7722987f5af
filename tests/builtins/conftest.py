"""Property tests draw the same cases each time, and a busy machine fails none of them."""

from hypothesis import settings

settings.register_profile("builtins", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("builtins")
