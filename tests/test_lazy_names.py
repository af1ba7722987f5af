"""Packages import their names at the first use."""

import subprocess
import sys
from importlib import import_module

import pytest

LAZY = ("gmcore.app", "gmcore.builtins.metrics", "gmcore.nn.optimizers", "gmcore.nn.schedules", "gmcore.registry")


@pytest.mark.parametrize("package", LAZY)
def test_a_package_has_every_name_that_it_lists(package):
    module = import_module(package)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("package", LAZY)
def test_importing_a_package_imports_none_of_its_names(package):
    code = f"import sys, {package}; print(*(name for name in sys.modules if name.startswith('{package}.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("package", LAZY)
def test_a_name_that_was_used_is_looked_up_without_the_import_machinery(package):
    module = import_module(package)
    name = module.__all__[0]
    vars(module).pop(name, None)  # another test may have used it
    value = getattr(module, name)
    assert vars(module)[name] is value


@pytest.mark.parametrize("package", LAZY)
def test_a_name_that_a_package_does_not_have_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        import_module(package).nonsense  # noqa: B018
