"""Property tests draw the same cases each time, and a busy machine fails none of them."""

from hypothesis import settings

settings.register_profile("kfold", deadline=None, derandomize=True)
settings.load_profile("kfold")
