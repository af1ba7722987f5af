"""Backends equal to a trained model's, for other threads and for models that were pickled."""

import threading
from collections.abc import Mapping

import attrs

from gmcore.app.composing.backends import choose_backend
from gmcore.app.records.component_table import component_table
from gmcore.errors import BackendUnavailableError, ConfigError
from gmcore.ports import Backend
from gmcore.registry import plugin_registry

__all__ = ["BackendSettings", "ThreadBackend"]

_SET_APART = ("dtype", "compute")  # a backend's options that its table must not have


@attrs.frozen(kw_only=True)
class BackendSettings:
    """The settings of a backend, from which an equal one can be started.

    Attributes:
        table: its table in a run file.
        dtype: its dtype.
        compute: the dtype of its matrix products.
    """

    table: Mapping[str, object]
    dtype: str
    compute: str

    @classmethod
    def of(cls, backend: Backend) -> "BackendSettings":
        """Return the settings of a backend; `"auto"` is the backend if its class is not registered."""
        registry = plugin_registry(backend.dtype)
        table: dict[str, object] = {"use": "auto"}
        if registry.name_of(type(backend)) is not None:
            options = component_table(backend, registry)
            table = {name: value for name, value in options.items() if name not in _SET_APART and value is not None}
        return cls(table=table, dtype=backend.dtype, compute=backend.compute)

    def start(self) -> Backend:
        """Return the backend of this thread with these settings; the best one if this machine does not have it.

        Raises:
            BackendUnavailableError: if no backend is available.
        """
        registry = plugin_registry(self.dtype)
        try:
            return choose_backend(registry, self.table, precision=self.compute).backend
        except (BackendUnavailableError, ConfigError):
            return choose_backend(registry, {"use": "auto"}, precision=self.compute).backend


class ThreadBackend(threading.local):
    """The backend that a thread computes with, because compiled programs and devices' streams belong to one thread.

    In the thread that created this object, it is the given backend; in any other thread, an equal one, started at its
    first use there. A backend whose class is not registered is used in all threads.
    """

    def __init__(self) -> None:
        self.backend: Backend | None = None

    def equal_to(self, backend: Backend) -> Backend:
        """Return this thread's backend, equal to `backend`."""
        if self.backend is None:
            settings = BackendSettings.of(backend)
            self.backend = backend if settings.table == {"use": "auto"} else settings.start()
        return self.backend
