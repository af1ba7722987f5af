"""Losses, by torch's formulas: one number for each row."""

from gmcore.nn.losses.cross_entropies import BinaryCrossEntropy, CrossEntropy, DenseCrossEntropy
from gmcore.nn.losses.error_losses import AbsoluteError, ErrorLoss, Huber, SquaredError
from gmcore.nn.losses.pearson import PearsonCorrelation

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "DenseCrossEntropy",
    "ErrorLoss",
    "Huber",
    "PearsonCorrelation",
    "SquaredError",
]
