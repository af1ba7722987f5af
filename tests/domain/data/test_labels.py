"""Class labels: their texts, their dtypes, and which numbers are classes."""

import numpy as np
import pytest

from gmcore.domain import Target, TargetKind
from gmcore.domain.data.labels import are_classes, dtype_of_texts, label_text, labels_of, too_many_classes


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (np.False_, "false"), (3, "3"), (3.0, "3"), (0.5, "0.5"), ("a", "a"), (2**53 + 1, str(2**53 + 1))],
)
def test_a_label_has_a_text(value, text):
    assert label_text(value) == text


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (np.array([0, 1], np.int8), "int8"),
        (np.array([0, 2**64 - 1], np.uint64), "uint64"),
        (np.array([0.1, 0.5], np.float32), "float32"),
        (np.array([False, True]), "bool"),
        (np.array(["a", "bc"]), "str"),
        (np.array(["a", "bc"], object), "object"),
        (np.array(["a", "bc"], np.dtypes.StringDType()), "StringDType"),
    ],
)
def test_labels_come_back_from_their_texts(labels, dtype):
    found = labels_of([label_text(value) for value in labels.tolist()], dtype)
    np.testing.assert_array_equal(found, labels)
    assert found.dtype == labels.dtype


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [
        (("0", "1"), "int64"),
        (("-1", "+1"), "int64"),
        (("0.0", "1.0"), "float64"),
        (("0", "1.5"), "float64"),
        (("FALSE", "True"), "bool"),
        (("no", "yes"), "str"),
        (("007", "008"), "str"),
        (("1", "1.0"), "str"),
        (("1", "99999999999999999999"), "str"),
        (("1", "nan"), "str"),
    ],
)
def test_texts_that_are_numbers_or_booleans_have_their_dtype(classes, dtype):
    assert dtype_of_texts(classes) == dtype


@pytest.mark.parametrize(
    ("classes", "dtype", "message"),
    [
        (("a", "b"), "int64", "the class 'a' is not a value of dtype int64"),
        (("1", "300"), "uint8", "the class '300' is not a value of dtype uint8"),
        (("1", "2"), "bool", "the class '1' is not a value of dtype bool"),
        (("1", "1.0"), "float64", "classes must be different values of dtype float64, got '1', '1.0'"),
        (("a", "b"), "V8", "dtype must be one of str, .*, got 'V8'"),
    ],
)
def test_classes_must_be_values_of_the_dtype(classes, dtype, message):
    with pytest.raises(ValueError, match=message):
        Target(names=("y",), kind=TargetKind.BINARY, classes=classes, dtype=dtype)


@pytest.mark.parametrize(
    ("distinct", "rows", "whole", "found"),
    [
        (2, 2, True, True),
        (2, 3, False, False),
        (2, 4, False, True),
        (3, 6, True, True),
        (3, 6, False, False),
        (3, 5, True, False),
        (20, 40, True, True),
        (21, 999, True, False),
    ],
)
def test_numbers_are_classes_if_few_of_them_recur(distinct, rows, whole, found):
    assert are_classes(distinct, rows, whole=whole) is found


@pytest.mark.parametrize(
    ("distinct", "rows", "found"),
    [(20, 20, False), (21, 21, True), (21, 41, True), (21, 42, False), (500, 1000, False)],
)
def test_more_than_twenty_texts_are_classes_only_if_they_recur(distinct, rows, found):
    assert too_many_classes(distinct, rows) is found
