"""Losses, by torch's formulas where torch has them: one number for each row, or for each batch.

`pyproject.toml` registers them under `gmcore.losses`; `gmcore.float32.losses` has them by name.
"""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.nn.losses.contrastive import Contrastive, RoutingContrastive
    from gmcore.nn.losses.cosine import CosineDistance
    from gmcore.nn.losses.cross_entropies import BinaryCrossEntropy, CrossEntropy
    from gmcore.nn.losses.distributions import DenseCrossEntropy, KLDivergence
    from gmcore.nn.losses.error_losses import AbsoluteError, ErrorLoss, Huber, LogCosh, Quantile, SquaredError
    from gmcore.nn.losses.focal import Focal
    from gmcore.nn.losses.hinges import Hinge, SquaredHinge
    from gmcore.nn.losses.numeric_loss import NumericLoss
    from gmcore.nn.losses.pearson import PearsonCorrelation
    from gmcore.nn.losses.poisson import Poisson
    from gmcore.nn.losses.sharpe import SharpeRatio

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "Contrastive",
    "CosineDistance",
    "CrossEntropy",
    "DenseCrossEntropy",
    "ErrorLoss",
    "Focal",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "NumericLoss",
    "PearsonCorrelation",
    "Poisson",
    "Quantile",
    "RoutingContrastive",
    "SharpeRatio",
    "SquaredError",
    "SquaredHinge",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AbsoluteError": "error_losses",
        "BinaryCrossEntropy": "cross_entropies",
        "Contrastive": "contrastive",
        "CosineDistance": "cosine",
        "CrossEntropy": "cross_entropies",
        "DenseCrossEntropy": "distributions",
        "ErrorLoss": "error_losses",
        "Focal": "focal",
        "Hinge": "hinges",
        "Huber": "error_losses",
        "KLDivergence": "distributions",
        "LogCosh": "error_losses",
        "NumericLoss": "numeric_loss",
        "PearsonCorrelation": "pearson",
        "Poisson": "poisson",
        "Quantile": "error_losses",
        "RoutingContrastive": "contrastive",
        "SharpeRatio": "sharpe",
        "SquaredError": "error_losses",
        "SquaredHinge": "hinges",
    },
)
