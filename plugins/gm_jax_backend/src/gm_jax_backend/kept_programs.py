"""What XLA has compiled, kept on disk between processes, where only this user can have written it.

JAX has a cache of its own, whose key covers the program, XLA's version, its flags and options, and the device; but it
runs whatever the files in its folder contain. Here JAX's cache reads and writes entries that are sealed. It is used
inside gmcore's calls only, and not at all if this process has a cache configured for JAX, such as by
JAX_COMPILATION_CACHE_DIR, which all of the process then uses.
"""

import contextlib
import functools
import hashlib
import logging
import pathlib
import platform
import threading

import jax
from jax._src import compilation_cache as jax_cache
from jax._src import config as jax_config
from jax._src.compilation_cache_interface import CacheInterface

from gmcore.storage.sealed_folder import SealedFolder, programs_are_kept

__all__ = ["INSIDE", "keep_programs"]

_LIMIT = 10**9  # bytes

_log = logging.getLogger("gmcore.jax")


class _Inside(threading.local):
    """A context in which this thread's programs are read from the cache and written to it."""

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1


INSIDE = _Inside()


class _SealedPrograms(CacheInterface):
    """JAX's cache, in a sealed folder; empty for what does not run inside gmcore's calls."""

    def __init__(self, folder: SealedFolder) -> None:
        self._path = pathlib.Path(folder.folder)
        self._folder = folder
        self._machine = _machine()

    def get(self, key: str) -> bytes | None:
        return self._folder.get(self._name(key)) if INSIDE.depth else None

    def put(self, key: str, value: bytes) -> None:
        if INSIDE.depth:
            self._folder.put(self._name(key), value)

    def _name(self, key: str) -> str:
        return f"{key}-{self._machine}"


@functools.cache
def keep_programs() -> None:
    """Have JAX use the sealed folder in `INSIDE`, from the first call on."""
    if not programs_are_kept():
        return
    if jax_config.compilation_cache_dir.value or not jax_config.enable_compilation_cache.value:
        return
    folder = SealedFolder.in_cache("jax", limit=_LIMIT)
    if folder is None:
        return
    try:
        with jax_cache._cache_initialized_mutex:  # noqa: SLF001 - JAX has no public way to give it a cache
            if jax_cache._cache_initialized:  # noqa: SLF001
                return
            jax_cache._cache = _SealedPrograms(folder)  # noqa: SLF001
            jax_cache._cache_initialized = True  # noqa: SLF001
        # Of programs outside, which have no cache, this changes nothing.
        jax_config.persistent_cache_min_compile_time_secs.set_global(0.0)
    except AttributeError as error:
        _log.warning("compiled programs are not kept: JAX %s has no %s", jax.__version__, error.name)


def _machine() -> str:
    """Return a hash of the CPU, since XLA compiles for the instructions that it has."""
    facts = [platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        wanted = ("model name", "flags", "Features", "CPU part")
        facts += sorted({line for line in lines if line.startswith(wanted)})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
