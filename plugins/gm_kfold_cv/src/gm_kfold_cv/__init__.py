"""gmcore cross-validator: plain, stratified, grouped and repeated k-fold."""

from gm_kfold_cv.kfold import KFold

__all__ = ["KFold"]
