"""gmcore cross-validator: k-fold and its kin."""

from gm_kfold_cv.kfold import KFold

__all__ = ["KFold"]
