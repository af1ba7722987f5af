"""What gmcore does, against ports alone: fit, evaluate, predict, cross-validate."""

from gmcore.training.cross_validate import cross_validate, fold_members, folds_of
from gmcore.training.evaluate import predict, score
from gmcore.training.gradient_descent import GradientDescent

__all__ = ["GradientDescent", "cross_validate", "fold_members", "folds_of", "predict", "score"]
