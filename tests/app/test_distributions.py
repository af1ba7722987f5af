import importlib.metadata

import pytest

from gmcore.app.records.distributions import distributions_of


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that writes the metadata of a distribution to a folder that is imported from."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, **files):
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        for stem, text in files.items():
            (folder / {"top_level": "top_level.txt", "record": "RECORD"}[stem]).write_text(text)

    return install


def component(package):
    """Return an object of a class in a package."""
    return type("Component", (), {"__module__": f"{package}.module"})()


@pytest.mark.parametrize(
    "files",
    [
        {"top_level": "other\nmade_up\n"},
        {"record": "other/__init__.py,,\nmade_up/__init__.py,sha256=abc,36\n"},
        {"record": "made_up.py,sha256=abc,36\n"},
    ],
    ids=["declared", "a package among the files", "a module among the files"],
)
def test_a_distribution_with_the_package_of_a_component_is_found(installed, files):
    installed("gm-outside", **files)
    assert distributions_of([component("made_up")]) == {"gm-outside"}


@pytest.mark.parametrize(
    "files",
    [
        {"top_level": "made_up_too\nnot_made_up\n"},
        {"record": "made_up_too/__init__.py,,\nnot_made_up/__init__.py,,\ninside/made_up/__init__.py,,\n"},
        {},
    ],
    ids=["declared", "among the files", "without files"],
)
def test_a_distribution_with_similar_names_only_is_not_found(installed, files):
    installed("gm-outside", **files)
    assert distributions_of([component("made_up")]) == set()


def test_every_distribution_with_a_part_of_a_package_is_found(installed):
    installed("gm-one", record="made_up/one.py,,\n")
    installed("gm-two", record="made_up/two.py,,\n")
    assert distributions_of([component("made_up")]) == {"gm-one", "gm-two"}


def test_a_distribution_that_is_installed_later_is_found(installed):
    assert distributions_of([component("made_up")]) == set()
    installed("gm-outside", top_level="made_up")
    assert distributions_of([component("made_up")]) == {"gm-outside"}


@pytest.mark.parametrize("package", ["numpy", "attr", "click", "gm_mlp_model", "six", "typing_extensions"])
def test_the_distributions_are_those_that_python_finds(package):
    expected = set(importlib.metadata.packages_distributions().get(package, ()))
    assert distributions_of([component(package)]) == expected


def test_no_distribution_provides_gmcore_or_the_standard_library():
    assert distributions_of([component("gmcore"), component("json"), {}]) == set()
