"""Values derived from constant arrays: computed once for each array and purpose, and forgotten with the array."""

import gc

import numpy as np
import pytest

from gmcore.domain.constants import Constants


@pytest.fixture
def counted():
    """Return a call that derives a value, and the list of arrays that it derived one from."""
    derived = []

    def make(array):
        derived.append(array.sum())
        return derived[-1]

    return make, derived


def constant(*values):
    array = np.array(values)
    array.flags.writeable = False
    return array


def test_a_read_only_array_is_computed_once_and_each_purpose_has_its_own(counted):
    make, derived = counted
    constants, one, other = Constants(), constant(1.0), constant(2.0)
    assert [constants.once(array, make) for array in (one, one, other, other)] == [1, 1, 2, 2]
    assert derived == [1, 2]
    assert constants.once(one, make, "other purpose") == 1
    assert derived == [1, 2, 1]


def test_an_array_that_may_change_is_computed_every_time(counted):
    make, derived = counted
    constants, array = Constants(), np.ones(1)
    constants.once(array, make)
    array[0] = 5
    assert constants.once(array, make) == 5
    assert derived == [1, 5]


def test_arrays_of_an_immutable_type_are_constant(counted):
    class Fixed(list):
        def sum(self):
            return sum(self)

    make, derived = counted
    constants, array = Constants(Fixed), Fixed([3])
    assert [constants.once(array, make) for _ in range(2)] == [3, 3]
    assert derived == [3]
    assert not Constants().never_changes(array)


def test_a_value_is_forgotten_with_its_array(counted):
    make, _ = counted
    constants, array = Constants(), constant(1.0)
    constants.once(array, make, "a purpose")
    del array
    gc.collect()
    assert constants._derived == {}
