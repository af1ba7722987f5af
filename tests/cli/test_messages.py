"""Messages on stderr: the log of components, and names from files in a form that is fit for a terminal."""

import logging
import os
import subprocess
import sys

import pytest

from gmcore.cli.output import inline, say, table


def test_what_happens_to_a_large_file_is_told(folder, call, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    path = folder / "run.toml"
    path.write_text(path.read_text().replace('target = "kind"', 'target = "kind"\ncache = true'))
    done = call("check", path)
    assert f"flowers.csv: 45 rows kept in {folder / 'cache' / 'gmcore' / 'csv'}" in done.stderr
    assert "rows kept" not in done.stdout
    assert "rows kept" not in call("check", path).stderr
    assert logging.getLogger("gmcore").handlers == []


@pytest.mark.parametrize("arguments", [["plugins", "list"], ["plugins", "info", "talker"], ["doctor"]], ids=" ".join)
def test_what_a_plugin_says_while_it_is_imported_is_told_once(arguments, tmp_path):
    info = tmp_path / "gm_talker-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gm-talker\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[gmcore.metric_computers]\ntalker = gm_talker:Metric\n")
    source = "import logging\nlogging.getLogger('gmcore.talker').info('reading a table')\n"
    source += "from gmcore.builtins.metrics import Accuracy as Metric\n"
    (tmp_path / "gm_talker.py").write_text(source)
    command = [sys.executable, "-m", "gmcore", *arguments]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines().count("reading a table") == 1


@pytest.mark.parametrize(("name", "shown"), [(r"\u001b[31mred", r"\x1b[31mred"), (r"a\u0000b", r"a\x00b")])
def test_control_characters_are_escaped(folder, call, name, shown):
    run = folder / "run.toml"
    run.write_text(run.read_text().replace('target = "kind"', f'target = "{name}"'))
    done = call("train", "run.toml")
    assert done.exit_code == 2
    assert shown in done.stderr
    assert all(letter.isprintable() or letter == "\n" for letter in done.stderr)


def test_endless_words_are_cut_in_the_middle(folder, call):
    run = folder / "run.toml"
    run.write_text(run.read_text().replace('target = "kind"', f'target = "first{"x" * 5000}last"'))
    done = call("train", "run.toml")
    assert done.exit_code == 2
    assert "'firstxxx" in done.stderr
    assert "xxxlast'" in done.stderr
    assert len(done.stderr) < 400


@pytest.mark.parametrize("text", ["Größe, 價格", "a\n\tb", f"/{'folder/' * 60}model.safetensors"])
def test_other_text_is_printed_as_it_is(text, capsys):
    say(text)
    assert capsys.readouterr().err == f"{text}\n"


def test_a_table_has_texts_on_the_left_and_numbers_on_the_right():
    rows = [("a", 12_345, 0.25, ""), ("bcdef", 7, -1234.5, "x"), ("", 0, 99.99999, 0.5)]
    assert table(("name", "rows", "loss", "late"), rows).splitlines() == [
        "name     rows      loss    late",
        "a      12,345    0.2500",
        "bcdef       7  -1,234.5       x",
        "            0  100.0000  0.5000",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (100_000, "100000"),
        (1 / 3, "0.3333"),
        ({"use": "elu", "on": [False, 1e-5]}, "{ use = elu, on = [false, 1e-05] }"),
    ],
    ids=str,
)
def test_a_value_is_shown_on_one_line_as_in_a_run_file(value, shown):
    assert inline(value) == shown


def test_a_run_file_in_another_encoding_names_the_line(folder, call):
    run = folder / "run.toml"
    run.write_bytes(run.read_bytes() + "# größer\n".encode("latin-1"))
    done = call("train", "run.toml")
    line = run.read_bytes().count(b"\n")
    assert done.exit_code == 2
    assert done.stderr == f"Error: run.toml: line {line} is not UTF-8 text: save the file in UTF-8\n"
