import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmcore.registry.discovery import EntryPoint, normalise, scan


def by_standard_library(path: list[str] | None = None) -> set[EntryPoint]:
    seen: set[str] = set()
    found = set()
    for distribution in importlib.metadata.distributions(**({} if path is None else {"path": path})):
        name = distribution.metadata["Name"]
        if normalise(name) not in seen:
            seen.add(normalise(name))
            found |= {
                EntryPoint(point.group, point.name, point.value, name, distribution.version)
                for point in distribution.entry_points
                if point.group.startswith("gmcore.")
            }
    return found


def test_scanning_finds_what_the_standard_library_finds(install):
    install("acme-models", "2.0.post1+local.3", entry_points={"gmcore.model_providers": {"net": "acme:Net"}})
    install("Other.Thing", entry_points={"console_scripts": {"x": "y:z"}, "gmcore.hooks": {"h": "other [extra]"}})
    install("no-plugin", entry_points={"console_scripts": {"gmcore.x": "y:z"}})
    found = scan()
    assert set(found) == by_standard_library()
    assert EntryPoint("gmcore.model_providers", "net", "acme:Net", "acme-models", "2.0.post1+local.3") in found
    assert {"acme-models", "Other.Thing", "gmcore"} <= {point.distribution for point in found}


lines = st.one_of(
    st.sampled_from(
        ["[gmcore.hooks]", "[gmcore.backends.float64]", "[console_scripts]", " [gmcore.x] ", "# no = one", ""]
    ),
    st.builds(
        "{}{}={}{}".format,
        st.from_regex(r"[A-Za-z_][\w.-]{0,5}", fullmatch=True),
        st.sampled_from(["", " ", "\t"]),
        st.sampled_from(["", " ", "  "]),
        st.from_regex(r"[a-z]{1,4}(\.[a-z]{1,3})?(:[A-Z][a-z.]{0,3}[a-z])?( ?\[[a-z]\])?", fullmatch=True),
    ),
)


@given(st.lists(lines, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_entry_points_are_parsed_as_by_the_standard_library(content, newline):
    with tempfile.TemporaryDirectory() as folder:
        info = Path(folder) / "acme-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        # A line before the first section has no group, and no installer writes one.
        (info / "entry_points.txt").write_text(newline.join(["[first]", *content]), newline="")
        path, sys.path = sys.path, [folder]
        try:
            assert set(scan()) == by_standard_library([folder])
        finally:
            sys.path = path


def test_of_a_distribution_that_is_there_twice_the_first_counts(install, tmp_path, monkeypatch):
    install("acme", "1.0", entry_points={"gmcore.hooks": {"old": "acme:Old"}})
    first = tmp_path / "first"
    info = first / "ACME.egg-info"
    info.mkdir(parents=True)
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: ACME\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[gmcore.hooks]\nnew = acme:New\n")
    monkeypatch.syspath_prepend(first)
    assert [point for point in scan() if normalise(point.distribution) == "acme"] == [
        EntryPoint("gmcore.hooks", "new", "acme:New", "ACME", "2.0")
    ]


def test_eggs_zips_and_finders_that_bring_distributions_are_read_too(install, tmp_path, monkeypatch):
    egg = tmp_path / "egged-3.0-py3.11.egg"
    (egg / "EGG-INFO").mkdir(parents=True)
    (egg / "EGG-INFO" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: egged\nVersion: 3.0\n")
    (egg / "EGG-INFO" / "entry_points.txt").write_text("[gmcore.hooks]\nin_egg = egged:X\n")
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        archive.writestr("zipped-4.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 4.0\n")
        archive.writestr("zipped-4.0.dist-info/entry_points.txt", "[gmcore.hooks]\nin_zip = zipped:X\n")
    monkeypatch.syspath_prepend(egg)
    monkeypatch.syspath_prepend(tmp_path / "zipped.zip")
    assert {
        EntryPoint("gmcore.hooks", "in_egg", "egged:X", "egged", "3.0"),
        EntryPoint("gmcore.hooks", "in_zip", "zipped:X", "zipped", "4.0"),
    } <= set(scan())
    assert set(scan()) == by_standard_library()

    hidden = install("frozen", folder=tmp_path / "hidden", entry_points={"gmcore.hooks": {"in_finder": "frozen:X"}})

    class Finder:
        @staticmethod
        def find_distributions(context):
            return [importlib.metadata.Distribution.at(hidden)]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert {"in_egg", "in_zip", "in_finder"} <= {point.name for point in scan()}


def test_what_cannot_be_read_is_passed_over(site, install, tmp_path, monkeypatch):
    install("fine", entry_points={"gmcore.hooks": {"fine": "fine:X"}})
    broken = install("broken", entry_points="")
    (broken / "entry_points.txt").write_bytes(b"[gmcore.hooks]\nbr\xff = x:y\nno value\n")
    (site / "a_file.dist-info").write_text("not a folder")
    (site / "empty-1.0.dist-info").mkdir()
    (tmp_path / "no.zip").write_bytes(b"not a zip")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "no.zip"), str(tmp_path / "absent")])
    assert {"fine"} <= {point.name for point in scan()}


def test_scanning_again_reads_again_only_if_a_folder_changed(site, install):
    install("one", entry_points={"gmcore.hooks": {"one": "one:X"}})
    first = scan()
    assert scan() is first
    install("two", entry_points={"gmcore.hooks": {"two": "two:X"}})
    os.utime(site, ns=(1, 1))  # a file system's clock may be too coarse for two changes in a row
    assert {"one", "two"} <= {point.name for point in scan()}


def run(code: str, *path: Path) -> list:
    command = [sys.executable, "-c", f"import sys, json; sys.path[:0] = {[str(p) for p in path]!r}\n{code}"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_importing_gmcore_imports_nothing_that_is_slow():
    loaded = set(run("import gmcore; print(json.dumps(list(sys.modules)))"))
    assert "gmcore" in loaded
    assert not loaded & {"numpy", "attrs", "attr", "cattrs", "pluggy", "click", "tqdm", "importlib.metadata", "mlx"}


def test_two_hundred_plugins_are_listed_and_none_is_imported(site, install):
    ports = ("backends", "data_providers", "model_providers", "metric_computers")
    for number in range(200):
        name = f"plugin{number:03}"
        groups = {f"gmcore.{port}": {f"{port}_{number}": f"{name}:X"} for port in ports}
        install(name, entry_points=groups, modules={name: "raise SystemExit('imported')"})
    code = """
import gmcore
found = [info.name for info in gmcore.float32.entries()]
names = [name for names in gmcore.float32.summary().values() for name in names]
print(json.dumps([found, names, list(sys.modules)]))
"""
    found, names, loaded = run(code, site)
    assert {f"{port}_{number}" for port in ports for number in range(200)} <= set(found) & set(names)
    slow = {"numpy", "cattrs", "pluggy", "importlib.metadata"}
    assert [name for name in loaded if name.startswith(("plugin", "gm_")) or name in slow] == []


@pytest.mark.parametrize("folder", ["gmcore", "evil"])
def test_another_distribution_that_calls_itself_gmcore_hides_nothing(install, folder):
    points = {"gmcore.metric_computers": {"accuracy": "evil:Metric"}, "gmcore.hooks": {"evil": "evil:Hook"}}
    info = install(folder, "9.0", entry_points=points)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gmcore\nVersion: 9.0\n")
    found = scan()
    own = {point.value for point in found if point.distribution == "gmcore"}
    assert "gmcore.builtins.metrics:Accuracy" in own
    assert {point.distribution for point in found if point.value.startswith("evil:")} <= {
        "evil",
        "gmcore-9.0.dist-info",
    }
    assert not any(value.startswith("evil:") for value in own)
