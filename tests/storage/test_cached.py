"""`gmcore cache` lists what is kept between runs, and removes what no process uses."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gmcore.cli.root import gmcore
from gmcore.storage.sealed_folder import SealedFolder
from gmcore.storage.temporary import temporary_folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "gmcore"


@pytest.fixture
def kept(folder):
    """Keep 1,000 bytes and a seal as jax does, and return the folder."""
    SealedFolder.in_cache("jax", limit=10**6).put("program", bytes(1000))
    return folder


def call(*arguments):
    done = CliRunner().invoke(gmcore, ["cache", *arguments])
    assert done.exit_code == 0, done.output
    return done


def test_it_lists_each_part_with_its_size(kept):
    report = json.loads(call("list", "--json").stdout)
    (part,) = report["caches"]
    assert (part["name"], part["folder"]) == ("jax", str(kept / "jax"))
    assert 1000 < part["bytes"] < 1200
    assert "jax    1.1 KB" in call("list").stderr


def test_it_removes_all(kept):
    report = json.loads(call("clear", "--json").stdout)
    assert report["caches"][0]["removed_bytes"] > 1000
    assert SealedFolder.in_cache("jax", limit=10**6).get("program") is None
    assert not list(kept.rglob("*.sealed"))


def test_it_removes_only_what_is_named(kept):
    SealedFolder.in_cache("mlx", limit=10**6).put("kernel", bytes(1000))
    call("clear", "mlx")
    assert list((kept / "jax").glob("*.sealed"))
    assert not list((kept / "mlx").glob("*.sealed"))


@pytest.mark.parametrize("names", [("csv",), ("csv", "csv"), ("jax", "mlx")])
def test_a_cache_that_has_nothing_yet_needs_no_clearing(names, folder):
    done = call("clear", *names, "--json")
    assert done.stderr == "".join(f"{name}: nothing is kept\n" for name in dict.fromkeys(names))
    assert [part["name"] for part in json.loads(done.stdout)["caches"]] == list(dict.fromkeys(names))
    assert not folder.exists()


def test_after_clearing_nothing_is_listed_although_keys_stay(kept):
    call("clear")
    assert call("list").stderr == "nothing is kept\n"
    assert json.loads(call("list", "--json").stdout) == {"caches": []}
    assert [path.name for path in (kept / "jax").iterdir()] == ["key"]


def test_an_unknown_name_is_refused_with_the_nearest(kept):
    done = CliRunner().invoke(gmcore, ["cache", "clear", "jxa"])
    assert done.exit_code == 2
    assert "no cache named 'jxa', did you mean 'jax'?" in done.stderr
    assert list((kept / "jax").glob("*.sealed"))


def test_folders_that_a_process_uses_stay(folder):
    with temporary_folder(folder / "mlx" / "processes") as used:
        (used / "kernel.so").write_bytes(bytes(500))
        left = folder / "mlx" / "processes" / ".left.part"
        left.mkdir()
        report = json.loads(call("clear", "--json").stdout)
        assert report["caches"] == [{"name": "mlx", "removed_bytes": 0, "in_use_bytes": 500}]
        assert (used / "kernel.so").exists()
        assert not left.exists()
    assert not used.exists()


def test_rows_that_a_process_reads_stay(folder, tmp_path):
    (tmp_path / "rows.csv").write_text("a,y\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in range(20)))
    code = """
import sys
from gm_csv_data import CSVDataProvider
rows = CSVDataProvider(path=sys.argv[1], target="y", cache=True).rows()
print("ready", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "rows.csv")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout.readline() == b"ready\n"
        assert "in use are kept" in call("clear").stderr
        assert list((folder / "csv").glob("*/rows.json"))
        process.stdin.close()
        process.wait()
    assert "in use" not in call("clear").stderr
    assert not list((folder / "csv").glob("*/rows.json"))


def test_without_a_cache_it_says_so(folder):
    assert call("list").stderr == "nothing is kept\n"
    assert call("clear").stderr == "nothing is kept\n"
