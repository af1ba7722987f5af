"""`gmcore find-rate` shows the losses and prints the line for the run file; it writes nothing but the plot."""

import math
import signal
import sys

import numpy as np
import pytest

from gmcore.app import RateFinding
from gmcore.cli.find_rate import chart, summary
from gmcore.domain import Hooks

FEW = ("find-rate", "run.toml", "--count", 4, "--steps", 4)
FILES = ["flowers.csv", "run.toml"]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_json_has_the_numbers(folder, report):
    told = report(*FEW)
    assert set(told) == {
        *("learning_rate", "compared", "rates", "losses", "epochs", "steps", "rows", "advice", "seconds", "plot")
    }
    assert told["rates"] == pytest.approx([1e-6, 10 ** (-11 / 3), 10 ** (-4 / 3), 10.0])
    assert len(told["losses"]) == 4
    assert (told["epochs"], told["steps"], told["rows"]) == (2, 6, 36)
    assert files(folder) == FILES


def test_people_see_a_chart_and_the_line_for_the_run_file(folder, call):
    done = call(*FEW)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "45 rows, 1 numeric, 1 categorical, target kind (3 classes)" in done.stderr
    assert "validation loss" in done.stderr
    assert "4 models in" in done.stderr
    line = done.stderr.splitlines()[-1].strip()
    text = (folder / "run.toml").read_text().replace("learning_rate = 0.05", line)
    (folder / "run.toml").write_text(text)
    assert line in text
    assert call("check", "run.toml").exit_code == 0
    assert files(folder) == FILES


def test_quiet_prints_the_suggestion_alone(folder, call, report):
    told = report(*FEW)["learning_rate"]
    quiet = call(*FEW, "--quiet").stderr
    assert quiet.startswith("learning_rate = ")
    assert float(quiet.partition("=")[2]) == told


def test_the_plot_is_the_only_file(folder, call):
    done = call(*FEW, "--plot", "rate.svg")
    assert done.exit_code == 0
    assert "plot: rate.svg" in done.stderr
    assert files(folder) == ["flowers.csv", "rate.svg", "run.toml"]


def test_progress_is_told_of_each_epoch_unless_it_is_quiet(folder, call, monkeypatch):
    heard = []
    monkeypatch.setattr("gmcore.cli.progress.progress", lambda _: Hooks(epoch_end=(heard.append,)))
    assert call(*FEW).exit_code == 0
    assert [(context.epoch, context.members) for context in heard] == [(1, (0, 1, 2, 3)), (2, (0, 1, 2, 3))]
    assert call(*FEW, "--quiet").exit_code == 0
    assert len(heard) == 2


def test_ctrl_c_stops_it_and_leaves_nothing(folder, call, monkeypatch):
    interrupt = Hooks(fit_start=(lambda _: signal.raise_signal(signal.SIGINT),))
    monkeypatch.setattr("gmcore.cli.progress.progress", lambda _: interrupt)
    assert call(*FEW, "--plot", "rate.png").exit_code == 128 + signal.SIGINT
    assert files(folder) == FILES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--low", "1", "--high", "0.1"), "low: must be less than high, got 1 and 0.1"),
        (("--low", "nan"), "low: must be a positive number, got nan"),
        (("--count", "2"), "count: must be a whole number from 3"),
        (("--steps", "0"), "steps: must be a whole number, at least 1, got 0"),
        (("--plot", "rate.txt"), "plot: the name must end in one of .jpg,"),
        (("--plot", "absent/rate.png"), "plot: the folder 'absent' does not exist: create it first"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_options_are_refused_before_training(options, message, folder, call):
    done = call("find-rate", "run.toml", *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert files(folder) == FILES


def test_a_plot_without_matplotlib_is_refused_before_training(folder, call, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    heard = []
    monkeypatch.setattr("gmcore.cli.progress.progress", lambda _: Hooks(run_start=(heard.append,)))
    done = call(*FEW, "--plot", "rate.png")
    assert done.exit_code == 2
    assert "plot: requires matplotlib: pip install matplotlib" in done.stderr
    assert heard == []
    assert call(*FEW).exit_code == 0


def test_a_run_file_with_problems_is_refused(folder, call):
    text = (folder / "run.toml").read_text()
    (folder / "run.toml").write_text(text.replace("batch_size", "batch_sze"))
    done = call(*FEW)
    assert done.exit_code == 2
    assert "training.batch_sze: unknown key, did you mean 'batch_size'?" in done.stderr


def finding(*losses, low=1e-3):
    rates = low * 10.0 ** np.arange(len(losses))
    return RateFinding(
        rates=rates, losses=np.array(losses, float), compared="training", epochs=1, steps=9, rows=9, seconds=1.0
    )


def test_the_chart_marks_losses_above_it_and_failures():
    first, *lines, axis, scale = chart(finding(2.0, 1.5, 1.0, 1.2, 1e9, float("inf"))).splitlines()
    assert first == "training loss"
    top = lines[0].partition("┤")[2]
    assert [top.index("^"), top.index("x")] == [round(0.8 * 63), 63]
    assert "\n".join(lines).count("•") == 4
    rows = [line.partition("┤")[2].ljust(64) for line in lines]
    heights = ["".join(row[column] for row in rows).index("•") for column in (0, 13, 25, 38)]
    assert heights[0] < heights[1] < heights[3] < heights[2] == len(rows) - 1
    assert {row[round((2 + math.log10(0.5)) / 5 * 63)] for row in rows} == {"┊"}  # half of the third of six rates
    assert scale.split() == ["1e-3", "1e-2", "1e-1", "1e0", "1e1", "1e2"]
    assert axis.strip().startswith("└─")


@pytest.mark.parametrize("losses", [(1.0, 1.0, 1.0), (float("inf"), 3.0, float("inf")), (-5.0, -5.1, 1e300)])
def test_any_losses_have_a_chart(losses):
    assert chart(finding(*losses)).count("•") == sum(loss < 100 for loss in losses)


def test_a_narrow_range_has_a_chart():
    one = RateFinding(
        rates=np.array([0.011, 0.012, 0.013]),
        losses=np.array([2.0, 1.0, 2.0]),
        compared="training",
        epochs=1,
        steps=1,
        rows=1,
        seconds=1.0,
    )
    assert chart(one).count("•") == 3


def test_failures_and_advice_are_in_the_summary():
    text = summary(finding(3.0, 2.0, 1.0, float("inf")))
    assert "training failed at 1 of the learning rates" in text
    assert "note:" not in text
    assert "note: the loss is lowest at the highest learning rate, 0.1: try a larger 'high'" in summary(
        finding(3, 2, 1)
    )


def test_quiet_still_says_that_the_suggestion_is_at_an_end_of_the_range():
    text = summary(finding(3, 2, 1), quiet=True)
    assert text.splitlines()[0].startswith("note: the loss is lowest at the highest learning rate")
    assert text.splitlines()[1].startswith("learning_rate = ")
