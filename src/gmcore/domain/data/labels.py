"""Class labels: the text that names a class, the dtype in which it is predicted, and which numbers are classes."""

import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["LABEL_DTYPES", "are_classes", "dtype_of_texts", "label_text", "labels_of", "too_many_classes"]

LABEL_DTYPES = (
    "str", "object", "StringDType", "bool",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip
"""Dtypes of class labels; of these, `"object"` and NumPy's `"StringDType"` hold text, as `"str"` does."""

_TEXTS: Mapping[str, Any] = {"str": str, "object": object, "StringDType": np.dtypes.StringDType()}
_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FEW = 20


def label_text(value: object) -> str:
    """Return the text that names a label: `true` and `false` for booleans, whole floats without a decimal point."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, Integral):
        return str(int(value))
    return str(int(float(value))) if isinstance(value, Real) and float(value).is_integer() else str(value)


def labels_of(classes: Sequence[str], dtype: str) -> np.ndarray:
    """Return the labels that these texts name, `(classes,)`, in one of `LABEL_DTYPES`.

    Raises:
        ValueError: if a text names no value of the dtype, or two texts name the same value.
    """
    if dtype in _TEXTS:
        texts: np.ndarray = np.array(classes, _TEXTS[dtype])
        return texts
    if dtype not in LABEL_DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(LABEL_DTYPES)}, got {dtype!r:.60}")
    labels = np.array([_value(text, dtype) for text in classes], dtype)
    if len(np.unique(labels)) < len(classes):
        raise ValueError(f"classes must be different values of dtype {dtype}, got {', '.join(map(repr, classes))}")
    return labels


def dtype_of_texts(classes: Sequence[str]) -> str:
    """Return the dtype of classes that are known only as text, as in a file.

    Booleans are `true` and `false` in any case; numbers with leading zeros, such as `007`, are text.
    """
    if all(text.lower() in _BOOLEANS for text in classes):
        candidate = "bool"
    elif all(_INTEGER.fullmatch(text) for text in classes):
        candidate = "int64"
    elif all(_FLOAT.fullmatch(text) for text in classes) and any(not text.lstrip("+-").isdigit() for text in classes):
        candidate = "float64"
    else:
        return "str"
    try:
        labels_of(classes, candidate)
    except ValueError:
        return "str"
    return candidate


def are_classes(distinct: int, rows: int, *, whole: bool) -> bool:
    """Return whether numbers are taken as classes: two whole numbers, few that recur, or two other numbers that recur.

    It is the same for every source of data.

    Args:
        distinct: how many different numbers there are.
        rows: how many numbers there are.
        whole: whether all are integers, written or stored without a decimal point.
    """
    recur = 2 * distinct <= rows
    return (distinct == 2 and (whole or recur)) or (whole and recur and distinct <= _FEW)  # noqa: PLR2004 - two classes


def too_many_classes(distinct: int, rows: int) -> bool:
    """Return whether so many different texts are unlikely to be classes: more than 20 that hardly recur."""
    return distinct > max(_FEW, rows // 2)


def _value(text: str, dtype: str) -> bool | int | float:
    try:
        if dtype == "bool":
            return _BOOLEANS[text.lower()]
        return np.dtype(dtype).type(int(text) if "int" in dtype else float(text)).item()  # type: ignore[no-any-return]
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"the class {text!r:.60} is not a value of dtype {dtype}") from error
