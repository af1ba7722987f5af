"""The engines that gmcore registers itself."""

from gmcore.builtins.engines.local import LocalEngine
from gmcore.builtins.engines.processes import ProcessesEngine

__all__ = ["LocalEngine", "ProcessesEngine"]
