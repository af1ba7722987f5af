"""What all tests share: hypothesis without deadlines, since a first compilation takes what it takes."""

from hypothesis import settings

settings.register_profile("gmcore", deadline=None)
settings.load_profile("gmcore")
