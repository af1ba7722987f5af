"""Optional abilities of components: one small Protocol per file."""

from gmcore.ports.abilities.supports_adapt import SupportsAdapt
from gmcore.ports.abilities.supports_children import SupportsChildren
from gmcore.ports.abilities.supports_direction import SupportsDirection
from gmcore.ports.abilities.supports_rows import SupportsRows
from gmcore.ports.abilities.supports_schema import SupportsSchema
from gmcore.ports.abilities.supports_settings import SupportsSettings
from gmcore.ports.abilities.supports_split import SupportsSplit
from gmcore.ports.abilities.supports_sums import SupportsSums

__all__ = [
    "SupportsAdapt",
    "SupportsChildren",
    "SupportsDirection",
    "SupportsRows",
    "SupportsSchema",
    "SupportsSettings",
    "SupportsSplit",
    "SupportsSums",
]
