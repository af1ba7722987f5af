"""The hint about an unknown name."""

import pytest

from gmcore.errors import did_you_mean

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]


def test_the_closest_known_name_is_suggested():
    assert did_you_mean("gama", NAMES) == ", did you mean 'gamma'?"
    assert did_you_mean("thta", NAMES) == ", did you mean 'theta'?"


def test_names_are_listed_in_order_if_none_is_close():
    assert did_you_mean("xyz", ["relu", "gelu", "relu"]) == " (available: gelu, relu)"


@pytest.mark.parametrize(("count", "listed"), [(0, False), (1, True), (12, True), (13, False)])
def test_names_are_listed_if_there_are_at_most_twelve(count, listed):
    names = [*NAMES, "nu"][:count]
    expected = f" (available: {', '.join(sorted(names))})" if listed else ""
    assert did_you_mean("12345", names) == expected
