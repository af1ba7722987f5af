"""Settings of the property tests: reproducible cases and no deadline."""

from hypothesis import settings

settings.register_profile("kfold", deadline=None, derandomize=True)
settings.load_profile("kfold")
