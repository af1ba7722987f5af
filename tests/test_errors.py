"""The hint about an unknown name."""

import pytest

from gmcore.errors import did_you_mean

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]


def test_the_closest_known_name_is_suggested():
    assert did_you_mean("gama", NAMES) == ", did you mean 'gamma'?"
    assert did_you_mean("thta", NAMES) == ", did you mean 'theta'?"


def test_names_are_listed_in_order_if_none_is_close():
    assert did_you_mean("xyz", ["relu", "gelu", "relu"]) == " (available: gelu, relu)"


@pytest.mark.parametrize(("count", "more"), [(1, ""), (20, ""), (21, " and 1 more"), (30, " and 10 more")])
def test_at_most_twenty_names_are_listed(count, more):
    names = [f"name{number:02}" for number in range(count)]
    assert did_you_mean("12345", names) == f" (available: {', '.join(names[:20])}{more})"


def test_without_any_known_name_nothing_is_listed():
    assert did_you_mean("12345", []) == ""
