"""Metrics of classification and regression, in float64, with scikit-learn's values.

Rows of weight 0 are left out. A number that is undefined for the rows it is computed from is NaN, and its class says
when; an unusual fold never ends a cross-validation.
"""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.builtins.metrics.class_probabilities import Accuracy, BalancedAccuracy, LogLoss
    from gmcore.builtins.metrics.detection import F1, Precision, Recall
    from gmcore.builtins.metrics.errors import MAE, MSE, MSLE, RMSE
    from gmcore.builtins.metrics.fitting import default_metrics, fitting_metrics, use_instead
    from gmcore.builtins.metrics.r2 import R2
    from gmcore.builtins.metrics.roc_auc import ROCAUC

__all__ = [
    "F1",
    "MAE",
    "MSE",
    "MSLE",
    "R2",
    "RMSE",
    "ROCAUC",
    "Accuracy",
    "BalancedAccuracy",
    "LogLoss",
    "Precision",
    "Recall",
    "default_metrics",
    "fitting_metrics",
    "use_instead",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Accuracy": "class_probabilities",
        "BalancedAccuracy": "class_probabilities",
        "F1": "detection",
        "LogLoss": "class_probabilities",
        "MAE": "errors",
        "MSE": "errors",
        "MSLE": "errors",
        "Precision": "detection",
        "R2": "r2",
        "RMSE": "errors",
        "ROCAUC": "roc_auc",
        "Recall": "detection",
        "default_metrics": "fitting",
        "fitting_metrics": "fitting",
        "use_instead": "fitting",
    },
)
