"""Optional abilities of components: one small Protocol per file."""

from gmcore.ports.abilities.supports_adapt import SupportsAdapt
from gmcore.ports.abilities.supports_children import SupportsChildren
from gmcore.ports.abilities.supports_direction import SupportsDirection
from gmcore.ports.abilities.supports_evaluations import Evaluation, SupportsEvaluations
from gmcore.ports.abilities.supports_feedback import Feedback, SupportsFeedback
from gmcore.ports.abilities.supports_inverse import SupportsInverse
from gmcore.ports.abilities.supports_objects import SupportsObjects
from gmcore.ports.abilities.supports_packing import SupportsPacking
from gmcore.ports.abilities.supports_preparation import SupportsPreparation
from gmcore.ports.abilities.supports_rows import SupportsRows
from gmcore.ports.abilities.supports_schema import SupportsSchema
from gmcore.ports.abilities.supports_settings import SupportsSettings
from gmcore.ports.abilities.supports_split import SupportsSplit
from gmcore.ports.abilities.supports_sums import SupportsSums
from gmcore.ports.abilities.supports_update import SupportsUpdate

__all__ = [
    "Evaluation",
    "Feedback",
    "SupportsAdapt",
    "SupportsChildren",
    "SupportsDirection",
    "SupportsEvaluations",
    "SupportsFeedback",
    "SupportsInverse",
    "SupportsObjects",
    "SupportsPacking",
    "SupportsPreparation",
    "SupportsRows",
    "SupportsSchema",
    "SupportsSettings",
    "SupportsSplit",
    "SupportsSums",
    "SupportsUpdate",
]
