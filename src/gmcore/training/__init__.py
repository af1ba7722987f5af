"""Training, evaluation, prediction and cross-validation, written against ports only."""

from gmcore.training.cross_validate import cross_validate, fold_members, folds_of
from gmcore.training.evaluate import predict, score
from gmcore.training.gradient_descent import GradientDescent

__all__ = ["GradientDescent", "cross_validate", "fold_members", "folds_of", "predict", "score"]
