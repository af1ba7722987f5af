"""How the learning rate goes."""

from collections.abc import Mapping
from types import MappingProxyType

from gmcore.nn.schedules.constant import Constant
from gmcore.nn.schedules.cosine import Cosine
from gmcore.ports import Schedule

__all__ = ["SCHEDULES", "Constant", "Cosine"]

SCHEDULES: Mapping[str, type[Schedule]] = MappingProxyType({"constant": Constant, "cosine": Cosine})
"""What a run file calls them."""
