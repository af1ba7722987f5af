import csv
import io

import pytest

import gmcore


@pytest.fixture
def model(folder, report):
    return report("train", "run.toml")["model"]


@pytest.mark.parametrize("command", ["predict", "resume", "replay"])
def test_the_backend_is_the_one_that_is_asked_for(command, model, call, folder):
    run = folder / model.removesuffix("model.safetensors")
    if command == "resume":
        (run / "status.json").write_text('{"status": "cancelled"}')
    done = call(command, run, *(["flowers.csv"] if command == "predict" else []), "--backend", "abacus")
    assert done.exit_code == 2
    assert "no backend named 'abacus'" in done.stderr


def parsed(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_stdout_has_the_class_and_a_probability_for_each(model, call):
    done = call("predict", model, "flowers.csv")
    rows = parsed(done.stdout)
    assert list(rows[0]) == ["kind", "probability_iris", "probability_rose", "probability_tulip"]
    assert len(rows) == 45
    for row in rows:
        chances = {name.removeprefix("probability_"): float(row[name]) for name in list(row)[1:]}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-6)
        assert row["kind"] == max(chances, key=chances.get)


def test_the_numbers_are_those_of_the_library(model, call, folder):
    columns = {"petal": [0.5, 2.5], "colour": ["red", "blue"]}
    expected = gmcore.load(model).predict_proba(columns)
    (folder / "two.csv").write_text("petal,colour\n0.5,red\n2.5,blue\n")
    rows = parsed(call("predict", model, "two.csv").stdout)
    assert [float(row["probability_iris"]) for row in rows] == pytest.approx(expected[:, 0], rel=1e-6)


def test_output_goes_to_a_file(model, call, folder):
    done = call("predict", model, "flowers.csv", "--output", "answers.csv")
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].endswith(" answers.csv")
    printed = call("predict", model, "flowers.csv")
    assert (folder / "answers.csv").read_text() == printed.stdout
    assert "None" not in printed.stderr


def test_json_has_the_predictions_or_says_where_they_are(model, report):
    told = report("predict", model, "flowers.csv")
    assert told["rows"] == len(told["predictions"]) == 45
    assert set(told["predictions"][0]) == {"kind", "probability_iris", "probability_rose", "probability_tulip"}
    told = report("predict", model, "flowers.csv", "--output", "answers.csv")
    assert told["output"] == "answers.csv"
    assert "predictions" not in told


@pytest.mark.parametrize(
    ("classes", "values"),
    [
        (("0", "1"), [0, 1]),
        (("0.0", "1.50"), [0.0, 1.5]),
        (("False", "True"), [False, True]),
        (("01", "02"), ["01", "02"]),
    ],
)
def test_classes_are_written_as_they_were_and_have_their_type_in_json_and_in_python(
    folder, report, call, classes, values
):
    (folder / "t.csv").write_text("a,kind\n" + "".join(f"{row},{classes[row % 2]}\n" for row in range(30)))
    (folder / "t.toml").write_text(
        'data = { use = "csv", path = "t.csv", target = "kind" }\n[training]\nmax_epochs = 2\n'
    )
    model = report("train", "t.toml")["model"]
    rows = parsed(call("predict", model, "t.csv").stdout)
    assert list(rows[0]) == ["kind", *(f"probability_{name}" for name in classes)]
    typed = report("predict", model, "t.csv")["predictions"]
    loaded = gmcore.load(model)
    found = loaded.predict(loaded.read(folder / "t.csv")).tolist()
    assert {row["kind"] for row in rows} <= set(classes)
    assert [row["kind"] for row in typed] == found
    assert [classes[values.index(value)] for value in found] == [row["kind"] for row in rows]


def test_a_run_folder_is_as_good_as_its_model(folder, report, call):
    told = report("train", "run.toml")
    assert call("predict", told["run"], "flowers.csv").stdout == call("predict", told["model"], "flowers.csv").stdout


def test_values_have_a_column_a_target(folder, report, call):
    (folder / "sizes.csv").write_text("a,b,c\n" + "".join(f"{n},{n % 7},{2 * n}\n" for n in range(30)))
    (folder / "sizes.toml").write_text('data = { use = "csv", path = "sizes.csv", target = ["b", "c"] }\n')
    model = report("train", "sizes.toml")["model"]
    rows = parsed(call("predict", model, "sizes.csv").stdout)
    assert list(rows[0]) == ["b", "c"]
    assert len(rows) == 30


def test_an_id_comes_first_as_it_is_written_in_the_file(folder, report, call):
    lines = "".join(f"{'NA' if row == 3 else f'{row:03}'},{row % 2},{'pq'[row % 2]}\n" for row in range(30))
    (folder / "t.csv").write_text("key,a,kind\n" + lines)
    (folder / "t.toml").write_text('data = { use = "csv", path = "t.csv", target = "kind", id = "key" }\n')
    model = report("train", "t.toml")["model"]
    rows = parsed(call("predict", model, "t.csv").stdout)
    assert list(rows[0]) == ["key", "kind", "probability_p", "probability_q"]
    assert [row["key"] for row in rows[:5]] == ["000", "001", "002", "NA", "004"]
    told = report("predict", model, "t.csv")["predictions"]
    assert [one["key"] for one in told] == [row["key"] for row in rows]
    assert list(told[0]) == list(rows[0])
    (folder / "new.csv").write_text("a\n1\n")
    assert list(parsed(call("predict", model, "new.csv").stdout)[0]) == list(rows[0])[1:]


def test_an_id_with_the_name_of_a_prediction_is_refused_before_training(folder, call):
    (folder / "t.csv").write_text("probability_p,a,kind\n" + "".join(f"{n},{n},{'pq'[n % 2]}\n" for n in range(30)))
    (folder / "t.toml").write_text('data = { use = "csv", path = "t.csv", target = "kind", id = "probability_p" }\n')
    for command in ("check", "train"):
        done = call(command, "t.toml")
        assert done.exit_code == 2
        assert "the id column 'probability_p' has the name of a column of the predictions: rename it" in done.stderr
    assert not (folder / "runs").exists()
