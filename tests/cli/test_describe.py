"""The first lines of a run: what was inferred from the data, and how to set it."""

import pytest

from gmcore.app import open_run
from gmcore.cli.describe import describe

ROWS = "petal length,colour,ripe,kind\n" + "".join(
    f"{row},{'red' if row % 3 else 'blue'},{'yes' if row % 2 else 'no'},{row % 2}.0\n" for row in range(30)
)
SET = "inferred from the values; to change that, set in [data]:"


@pytest.fixture
def described(tmp_path):
    def describe_run(**options):
        (tmp_path / "d.csv").write_text(ROWS)
        data = {"use": "csv", "path": tmp_path / "d.csv", "target": "kind", **options}
        return describe(open_run({"data": data})).splitlines()[:7]

    return describe_run


def test_kinds_and_classes_are_named_with_the_options_that_set_them(described):
    lines = described()
    assert "30 rows, 1 numeric, 1 boolean, 1 categorical, target kind (2 classes)" in lines[0]
    assert lines[1:6] == [
        "  numeric: petal length",
        "  boolean: ripe",
        "  categorical: colour",
        "  target: classes 0.0, 1.0 (float64)",
        f'  {SET} types = {{ "petal length" = "categorical" }}, task = "regression"',
    ]


def test_dates_are_named_with_their_format_and_the_option_for_another_kind(tmp_path):
    lines = [f"{row},{row + 1}.2.2024,2024-02-{row + 10},{row % 2}" for row in range(19)]
    (tmp_path / "d.csv").write_text("\n".join(["a,bought,sold on,y", *lines]) + "\n")
    data = {"use": "csv", "path": tmp_path / "d.csv", "target": "y"}
    lines = describe(open_run({"data": data})).splitlines()[:6]
    assert "19 rows, 1 numeric, 2 datetime, target y (2 classes)" in lines[0]
    assert lines[2] == "  datetime: bought (%d.%m.%Y), sold on"
    assert f'{SET} types = {{ a = "categorical", bought = "categorical" }}, task = "regression"' in lines[4]
    kinds = {"a": "numeric", "bought": "datetime"}
    assert f'{SET} types = {{ "sold on" = "categorical" }}' in describe(open_run({"data": {**data, "types": kinds}}))


def test_what_was_set_is_not_called_inferred(described):
    kinds = {"petal length": "numeric", "colour": "categorical", "ripe": "boolean"}
    lines = described(types=kinds, task="regression")
    assert lines[4] == "  target: numbers"
    assert not any("inferred" in line for line in lines)
    assert f'  {SET} types = {{ colour = "numeric" }}' in described(
        types={"petal length": "numeric"}, task="regression"
    )


def test_the_lines_do_what_they_say(described):
    assert "  categorical: petal length, colour" in described(types={"petal length": "categorical"})


def test_every_command_begins_with_them(folder, call):
    for command in ("train", "validate", "check"):
        assert f'{SET} types = {{ petal = "categorical" }}, task = "regression"' in call(command, "run.toml").stderr
