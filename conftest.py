"""What all tests share."""

from hypothesis import settings

# A first compilation takes long; what was compiled once is kept in gmcore's cache folder.
settings.register_profile("gmcore", deadline=None)
settings.load_profile("gmcore")
