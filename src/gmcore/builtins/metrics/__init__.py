"""How good predictions are: the numbers everyone asks for, in float64, as scikit-learn computes them.

All of them leave out rows that weigh 0. Where a number means nothing for the rows it was asked of,
it is NaN, and the class says when; a cross-validation never ends because one fold is odd.
"""

from gmcore.builtins.metrics.detection import F1, Precision, Recall
from gmcore.builtins.metrics.fitting import default_metrics
from gmcore.builtins.metrics.probabilities import ROCAUC, Accuracy, BalancedAccuracy, LogLoss
from gmcore.builtins.metrics.values import MAE, MSE, R2, RMSE

__all__ = [
    "F1",
    "MAE",
    "MSE",
    "R2",
    "RMSE",
    "ROCAUC",
    "Accuracy",
    "BalancedAccuracy",
    "LogLoss",
    "Precision",
    "Recall",
    "default_metrics",
]
