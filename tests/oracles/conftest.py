"""Fixtures: torch, every backend in float64, and the check that a table compares all that is registered."""

import attrs
import pytest

import gmcore
from gmcore.nn.numpy_namespace import NumPyNamespace


@pytest.fixture(scope="session")
def torch():
    import torch  # noqa: PLC0415 - only `make oracles` installs it

    torch.set_num_threads(1)
    return torch


@pytest.fixture(params=list(gmcore.float64.backends), scope="session")
def double(request):
    return gmcore.float64.backends.create(request.param, device="cpu")


@pytest.fixture
def reference():
    return NumPyNamespace("float64")


@pytest.fixture
def check_complete():
    return assert_complete


def assert_complete(kind, components, cases):
    """Fail for a component without a case, and for an option that no case sets.

    Args:
        kind: what they are, for the message: `"loss"`.
        components: the class of each component by its registered name.
        cases: pairs of a name and the options that are set.
    """
    compared = {name for name, _ in cases}
    missing = sorted(set(components) - compared)
    assert not missing, f"no case compares the {kind} {', '.join(missing)} with torch: add one to this file"
    for name, component in components.items():
        fields = attrs.fields(component) if attrs.has(component) else ()
        used = {option for one, options in cases if one == name for option in options}
        unused = sorted({field.name for field in fields if field.init} - used)
        assert not unused, f"no case sets {', '.join(unused)} of the {kind} {name}: add one to this file"
