"""Every registered hook plugin passes the contract suite."""

import pytest

import gmcore
from gmcore.testing.hook import HookContract

NAMES = sorted(gmcore.float32.hooks)


@pytest.mark.parametrize("name", NAMES)
class TestRegisteredHooks:
    @pytest.mark.parametrize("check", [name for name in dir(HookContract) if name.startswith("test_")])
    def test_it_passes(self, name, check):
        class Contract(HookContract):
            def hook(self):
                return gmcore.float32.hooks.create(name)

        getattr(Contract(), check)()


def test_the_progress_bar_is_registered():
    assert "progress" in NAMES
