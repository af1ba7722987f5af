"""The forms of a convolution that a GPU computes keep the contract; here on a CPU, which all machines have."""

import pytest
from gm_jax_backend import JAXBackend
from gm_jax_backend.convolution import _MOST_COLUMNS, JAXWindows

from gmcore.testing.backend_checks.convolution_fleets import (
    COLUMNS,
    assert_convolves_fleets,
    assert_convolves_fleets_of_fleets,
    assert_differentiates_twice,
)


@pytest.fixture(scope="module")
def backend():
    backend = JAXBackend(dtype="float64", device="cpu")
    backend.xp.conv = JAXWindows(xp=backend.xp, cpu=False).conv
    return backend


def test_the_contract_has_cases_of_both_forms():
    assert min(COLUMNS) <= _MOST_COLUMNS < max(COLUMNS)


def test_a_gpus_forms_are_right_for_each_member_of_a_fleet(backend):
    assert_convolves_fleets(backend)
    assert_convolves_fleets_of_fleets(backend)


def test_a_gpus_gradient_is_differentiated_again(backend):
    assert_differentiates_twice(backend)
