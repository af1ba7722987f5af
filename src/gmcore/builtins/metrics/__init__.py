"""Metrics of classification and regression, in float64, with scikit-learn's values.

Rows of weight 0 are left out. A number that is undefined for the rows it is computed from is NaN, and its class says
when; an unusual fold never ends a cross-validation.
"""

from typing import TYPE_CHECKING

from gmcore.lazy_names import lazy_names

if TYPE_CHECKING:
    from gmcore.builtins.metrics.all_rows import NMAE, MaxError, MedianAbsoluteError, Spearman
    from gmcore.builtins.metrics.calibration import ECE
    from gmcore.builtins.metrics.class_probabilities import Accuracy, BrierScore, HammingLoss, LogLoss, TopKAccuracy
    from gmcore.builtins.metrics.confusion import BalancedAccuracy, CohensKappa, ConfusionMatrix, Matthews
    from gmcore.builtins.metrics.curves import ROCAUC, AveragePrecision
    from gmcore.builtins.metrics.detection import F1, NPV, FBeta, Precision, Recall, Specificity
    from gmcore.builtins.metrics.errors import MAE, MAPE, MSE, MSLE, RMSE, QuantileLoss
    from gmcore.builtins.metrics.fitting import default_metrics, fitting_metrics, use_instead
    from gmcore.builtins.metrics.spread import R2, ExplainedVariance, Pearson

__all__ = [
    "ECE",
    "F1",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "NMAE",
    "NPV",
    "R2",
    "RMSE",
    "ROCAUC",
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "BrierScore",
    "CohensKappa",
    "ConfusionMatrix",
    "ExplainedVariance",
    "FBeta",
    "HammingLoss",
    "LogLoss",
    "Matthews",
    "MaxError",
    "MedianAbsoluteError",
    "Pearson",
    "Precision",
    "QuantileLoss",
    "Recall",
    "Spearman",
    "Specificity",
    "TopKAccuracy",
    "default_metrics",
    "fitting_metrics",
    "use_instead",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Accuracy": "class_probabilities",
        "AveragePrecision": "curves",
        "BalancedAccuracy": "confusion",
        "BrierScore": "class_probabilities",
        "CohensKappa": "confusion",
        "ConfusionMatrix": "confusion",
        "ECE": "calibration",
        "ExplainedVariance": "spread",
        "F1": "detection",
        "FBeta": "detection",
        "HammingLoss": "class_probabilities",
        "LogLoss": "class_probabilities",
        "MAE": "errors",
        "MAPE": "errors",
        "MSE": "errors",
        "MSLE": "errors",
        "Matthews": "confusion",
        "MaxError": "all_rows",
        "MedianAbsoluteError": "all_rows",
        "NMAE": "all_rows",
        "NPV": "detection",
        "Pearson": "spread",
        "Precision": "detection",
        "QuantileLoss": "errors",
        "R2": "spread",
        "RMSE": "errors",
        "ROCAUC": "curves",
        "Recall": "detection",
        "Spearman": "all_rows",
        "Specificity": "detection",
        "TopKAccuracy": "class_probabilities",
        "default_metrics": "fitting",
        "fitting_metrics": "fitting",
        "use_instead": "fitting",
    },
)
