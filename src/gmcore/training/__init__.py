"""Training, evaluation, prediction and cross-validation, written against ports only."""

from gmcore.training.cross_validate import cross_validate, fold_members, folds_of
from gmcore.training.evaluate import predict
from gmcore.training.gradient_descent import GradientDescent
from gmcore.training.metric_numbers import score

__all__ = ["GradientDescent", "cross_validate", "fold_members", "folds_of", "predict", "score"]
