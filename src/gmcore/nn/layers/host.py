"""The namespace that preprocessing runs on while it adapts: NumPy itself, by the names it shares with `Namespace`."""

from typing import Any, cast

import numpy as np

from gmcore.ports import Namespace

__all__ = ["HOST"]


class _NumPy:
    float = compute = np.dtype(np.float64)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


HOST = cast("Namespace", _NumPy())
