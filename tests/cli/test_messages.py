"""What components say goes to stderr, in the command line alone."""

import logging


def test_what_happens_to_a_large_file_is_told(folder, call, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    path = folder / "run.toml"
    path.write_text(path.read_text().replace('target = "kind"', 'target = "kind"\ncache = true'))
    done = call("check", path)
    assert f"flowers.csv: 45 rows kept in {folder / 'cache' / 'gmcore' / 'csv'}" in done.stderr
    assert "rows kept" not in done.stdout
    assert "rows kept" not in call("check", path).stderr
    assert logging.getLogger("gmcore").handlers == []
