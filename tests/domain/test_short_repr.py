"""Short representations: up to 8 elements are shown whole, of more only the first 5 and their number."""

import numpy as np
import pytest

from gmcore.domain.short_repr import few, listed, names_of, shape_of


@pytest.mark.parametrize("count", [0, 1, 8])
def test_few_elements_are_shown_whole(count):
    names = list("abcdefgh"[:count])
    assert few(names) == repr(tuple(names))
    assert listed(names) == ", ".join(names)


@pytest.mark.parametrize(("count", "words"), [(9, "9"), (1000, "1,000")])
def test_of_more_the_first_five_and_the_number_are_shown(count, words):
    names = [f"x{place}" for place in range(count)]
    assert few(names) == f"('x0', 'x1', 'x2', 'x3', 'x4', … {words} in all)"
    assert listed(names) == f"x0, x1, x2, x3, x4, … {words} in all"


def test_arrays_are_shown_by_name_and_shape():
    assert names_of({"numeric": 1, "datetime": 2}) == "{numeric, datetime}"
    assert shape_of(np.zeros((3, 2), np.int32)) == "<array (3, 2) int32>"
