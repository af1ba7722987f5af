"""Preprocessing layers, which learn from each member's own training rows before training starts."""

from gmcore.nn.preprocessing.date_parts import DateParts
from gmcore.nn.preprocessing.impute import Impute
from gmcore.nn.preprocessing.one_hot import OneHot
from gmcore.nn.preprocessing.scale_target import ScaleTarget
from gmcore.nn.preprocessing.standardize import Standardize

__all__ = ["DateParts", "Impute", "OneHot", "ScaleTarget", "Standardize"]
