"""Padding, for which programs are shared by runs with other numbers of rows."""

import numpy as np
import pytest

from gmcore.training.capacity import capacity, padded

MEBIBYTE = 1 << 20


def test_a_capacity_holds_all_entries_and_is_its_own_capacity():
    for least in (1, 8, 1024):
        for count in range(1, 3000):
            enough = capacity(count, size=4, least=least)
            assert enough >= count
            assert enough % least == 0
            assert capacity(enough, size=4, least=least) == enough


def test_beyond_the_small_numbers_less_than_a_quarter_is_padding():
    assert max(capacity(count, size=4, least=8) / count for count in range(32, 5000)) < 5 / 4
    assert max(capacity(count, size=4, least=1) / count for count in range(1, 5000)) < 5 / 4


def test_few_capacities_serve_many_numbers():
    assert {capacity(count, size=4, least=8) for count in range(1, 65)} == {8, 16, 24, 32, 40, 48, 56, 64}
    assert {capacity(count, size=4, least=8) for count in range(65, 257)} == {80, 96, 112, 128, 160, 192, 224, 256}


@pytest.mark.parametrize(
    ("size", "expected"), [(1, 1024), (1024, 1024), (1025, 512), (MEBIBYTE // 2, 2), (MEBIBYTE, 1), (5 * MEBIBYTE, 1)]
)
def test_one_large_entry_is_not_padded_to_many(size, expected):
    assert capacity(1, size=size, least=1024) == expected


def test_arrays_whose_padding_would_exceed_64_mebibytes_are_not_padded():
    assert capacity(49, size=MEBIBYTE, least=8) == 56
    assert capacity(57, size=MEBIBYTE, least=8) == 64
    assert capacity(65, size=MEBIBYTE, least=8) == 65


def test_padding_is_zeros_of_the_same_dtype_and_read_only_if_the_array_is():
    array = np.arange(6, dtype=np.int32).reshape(3, 2) + 1
    whole = padded(array, 5)
    np.testing.assert_array_equal(whole, [[1, 2], [3, 4], [5, 6], [0, 0], [0, 0]])
    assert whole.dtype == np.int32
    assert whole.flags.writeable
    assert padded(array, 3) is array
    array.flags.writeable = False
    assert not padded(array, 5).flags.writeable
