"""Optional abilities of components: one small Protocol per file."""

from gmcore.ports.abilities.supports_adapt import SupportsAdapt
from gmcore.ports.abilities.supports_children import SupportsChildren
from gmcore.ports.abilities.supports_direction import SupportsDirection
from gmcore.ports.abilities.supports_duration import SupportsDuration
from gmcore.ports.abilities.supports_evaluations import Evaluation, SupportsEvaluations
from gmcore.ports.abilities.supports_feedback import Feedback, SupportsFeedback
from gmcore.ports.abilities.supports_inverse import SupportsInverse
from gmcore.ports.abilities.supports_objects import SupportsObjects
from gmcore.ports.abilities.supports_packing import SupportsPacking
from gmcore.ports.abilities.supports_predictions import SupportsPredictions
from gmcore.ports.abilities.supports_preparation import SupportsPreparation
from gmcore.ports.abilities.supports_rows import SupportsRows
from gmcore.ports.abilities.supports_schema import SupportsSchema
from gmcore.ports.abilities.supports_settings import SupportsSettings
from gmcore.ports.abilities.supports_split import SupportsSplit
from gmcore.ports.abilities.supports_sums import SupportsSums
from gmcore.ports.abilities.supports_target_check import SupportsTargetCheck
from gmcore.ports.abilities.supports_update import SupportsUpdate

__all__ = [
    "Evaluation",
    "Feedback",
    "SupportsAdapt",
    "SupportsChildren",
    "SupportsDirection",
    "SupportsDuration",
    "SupportsEvaluations",
    "SupportsFeedback",
    "SupportsInverse",
    "SupportsObjects",
    "SupportsPacking",
    "SupportsPredictions",
    "SupportsPreparation",
    "SupportsRows",
    "SupportsSchema",
    "SupportsSettings",
    "SupportsSplit",
    "SupportsSums",
    "SupportsTargetCheck",
    "SupportsUpdate",
]
