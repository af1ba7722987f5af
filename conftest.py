"""What all tests share."""

import os
from pathlib import Path

from hypothesis import settings

# A first compilation takes what it takes; what XLA compiled once, no later process or run compiles again.
settings.register_profile("gmcore", deadline=None)
settings.load_profile("gmcore")
os.environ |= {
    "JAX_COMPILATION_CACHE_DIR": str(Path(__file__).parent / ".pytest_cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
