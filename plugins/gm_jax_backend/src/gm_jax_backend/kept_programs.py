"""What XLA has compiled, kept on disk between processes, where only this user can have written it.

JAX has a cache of its own, whose key covers the program, XLA's version, its flags and options, and the device; but it
runs whatever the files in its folder contain. Here JAX's cache reads and writes entries that are sealed, but inside
gmcore's calls only. If this process has a cache configured for JAX when the first backend is made, such as by
JAX_COMPILATION_CACHE_DIR, all of the process uses that one.
"""

import contextlib
import functools
import hashlib
import logging
import pathlib
import platform
import threading
from contextlib import AbstractContextManager

import jax
from jax._src import compilation_cache as jax_cache
from jax._src import config as jax_config
from jax._src.compilation_cache_interface import CacheInterface

from gmcore.storage.sealed_folder import SealedFolder, programs_are_kept

__all__ = ["INSIDE", "keep_programs"]

_LIMIT = 10**9  # bytes

_log = logging.getLogger("gmcore.jax")


class _Inside(threading.local):
    """A context in which this thread's programs are read from the sealed folder and written to it."""

    depth = 0
    _threshold: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        self.depth += 1
        if self.depth == 1 and isinstance(jax_cache._cache, _SealedPrograms):  # noqa: SLF001
            # By default, JAX keeps no program that takes less than a second to compile.
            self._threshold = jax_config.persistent_cache_min_compile_time_secs(0.0)
            self._threshold.__enter__()

    def __exit__(self, *error: object) -> None:
        self.depth -= 1
        if self.depth == 0 and self._threshold is not None:
            threshold, self._threshold = self._threshold, None
            threshold.__exit__(None, None, None)


INSIDE = _Inside()


class _SealedPrograms(CacheInterface):
    """JAX's cache: the sealed folder inside gmcore's calls, and the one configured for JAX, if any, outside."""

    def __init__(self, folder: SealedFolder) -> None:
        self._path = pathlib.Path(folder.folder)
        self._folder = folder
        self._machine = _machine()

    def get(self, key: str) -> bytes | None:
        if INSIDE.depth:
            return self._folder.get(self._name(key))
        theirs = _configured(jax_config.compilation_cache_dir.value)
        return theirs.get(key) if theirs else None

    def put(self, key: str, value: bytes) -> None:
        if INSIDE.depth:
            self._folder.put(self._name(key), value)
        elif theirs := _configured(jax_config.compilation_cache_dir.value):
            theirs.put(key, value)

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
    except AttributeError as error:
        _log.warning("compiled programs are not kept: JAX %s has no %s", jax.__version__, error.name)


@functools.cache
def _configured(path: str | None) -> CacheInterface | None:
    """Return JAX's own cache in a folder, which this process has configured after gmcore's was installed."""
    found = jax_cache.get_file_cache(path) if path else None
    return found[0] if found else None


def _machine() -> str:
    """Return a hash of the CPU, since XLA compiles for the instructions that it has."""
    facts = [platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        wanted = ("model name", "flags", "Features", "CPU part")
        facts += sorted({line for line in lines if line.startswith(wanted)})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
