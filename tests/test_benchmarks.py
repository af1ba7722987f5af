"""The benchmarks' frame measures what it says: in turns, in time, and says what it could not."""

import importlib.util
import sys
import time
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"

SIDES = """
import os, threading
def steady(us):
    return lambda key: {"us": us * int(key), "process": os.getpid()}
def cold(us):
    calls = []
    def measure(key):
        calls.append(key)
        return {"us": 1000.0 if len(calls) == 1 else us}
    return measure
def broken():
    raise ValueError("no such network")
def dying():
    os._exit(3)
def endless():
    return lambda key: threading.Event().wait()
def ordered(path, word):
    def measure(key):
        with open(path, "a") as file:
            file.write(word)
        return {"us": 1.0}
    return measure
"""


@pytest.fixture(scope="module")
def frame():
    spec = importlib.util.spec_from_file_location("benchmarks_frame", FOLDER / "frame.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def compare(frame, tmp_path, monkeypatch):
    (tmp_path / "invented_sides.py").write_text(SIDES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(*sides, seconds=30.0, **settings):
        comparison = frame.Comparison(
            title="", columns={"us": "µs"}, sides=sides, pause=0.0, **{"keys": ("1",), "rounds": 2, **settings}
        )
        return frame.measured(comparison, time.perf_counter() + seconds)

    return run


@pytest.fixture
def side(frame):
    def make(name, function, *, needs=(), rounds=99, warm=True, fresh=False, **options):
        target = f"invented_sides:{function}"
        return frame.Side(name=name, target=target, options=options, needs=needs, rounds=rounds, warm=warm, fresh=fresh)

    return make


def test_a_ratio_is_of_the_first_column_against_each_reference(compare, side):
    told = compare(
        side("slow", "steady", us=6.0), side("fast", "steady", us=2.0), references=("fast",), keys=("1", "5")
    )
    assert told["sides"]["slow"]["ratios"] == {"fast": {"1": 3.0, "5": 3.0}}
    assert told["sides"]["slow"]["median"]["5"]["us"] == 30.0
    assert told["sides"]["fast"]["ratios"] == {}


def test_the_first_turn_is_not_counted_unless_a_side_says_so(compare, side):
    told = compare(side("warm", "cold", us=2.0), side("cold", "cold", us=2.0, warm=False, rounds=1))["sides"]
    assert told["warm"]["median"]["1"]["us"] == 2.0
    assert told["cold"]["median"]["1"]["us"] == 1000.0


def test_sides_take_turns_and_none_is_always_the_first(compare, side, tmp_path):
    path = tmp_path / "order"
    compare(*(side(name, "ordered", path=str(path), word=name) for name in "abc"))
    assert path.read_text() == "abcbcacab"


def test_a_slow_side_takes_fewer_turns(compare, side):
    told = compare(side("slow", "steady", us=1.0, rounds=1), side("fast", "steady", us=1.0))["sides"]
    assert [len(told[name]["rounds"]["1"]) for name in ("slow", "fast")] == [1, 2]


def test_a_fresh_side_has_a_new_process_each_turn(compare, side):
    told = compare(side("fresh", "steady", us=1.0, fresh=True), side("kept", "steady", us=1.0))["sides"]
    processes = {name: {turn["process"] for turn in told[name]["rounds"]["1"]} for name in ("fresh", "kept")}
    assert [len(processes[name]) for name in ("fresh", "kept")] == [2, 1]


def test_what_fails_is_said_and_the_others_go_on(compare, side):
    told = compare(
        side("good", "steady", us=1.0),
        side("broken", "broken"),
        side("dying", "dying"),
        side("absent", "steady", us=1.0, needs=("a_package_that_is_not_here",)),
    )
    assert told["sides"]["good"]["median"]["1"]["us"] == 1.0
    assert told["sides"]["broken"]["error"] == "ValueError: no such network"
    assert "status 3" in told["sides"]["dying"]["error"]
    assert told["skipped"] == {"absent": ["a_package_that_is_not_here"]}


def test_a_side_that_does_not_answer_in_time_is_given_up(compare, side):
    begun = time.perf_counter()
    told = compare(side("good", "steady", us=1.0), side("endless", "endless"), seconds=1.5)["sides"]
    assert time.perf_counter() - begun < 20
    assert "no answer within" in told["endless"]["error"]
    assert told["good"]["cold"]
    assert told["good"]["median"]["1"]["us"] == 1.0


def test_a_goal_says_what_was_wanted_and_reached(frame, compare, side):
    goals = [
        frame.Goal(text="faster", ours=("a", "b"), theirs=("c",), factor=factor, column="us", key="1")
        for factor in (3.0, 5.0)
    ]
    goals.append(frame.Goal(text="small", ours=("a",), limit=1.5, column="us", key="1"))
    goals.append(frame.Goal(text="of nobody", ours=("d",), theirs=("a",), column="us", key="1"))
    sides = [side(name, "steady", us=us) for name, us in {"a": 2.0, "b": 1.0, "c": 4.0}.items()]
    judged = compare(*sides, goals=tuple(goals))["goals"]
    assert [(one["goal"], one["reached"], one["met"]) for one in judged] == [
        ("faster", 4.0, True),
        ("faster", 4.0, False),
        ("small", 2.0, False),
    ]


def test_a_noisy_number_is_judged_by_means_and_their_standard_error(frame):
    def judged(ours, theirs):
        sides = {
            name: {"rounds": {"1": [{"loss": value} for value in values]}}
            for name, values in {"a": [], "b": ours, "c": theirs[:2], "d": theirs[2:]}.items()
        }
        goal = frame.Goal(text="as good", ours=("a", "b"), theirs=("c", "d"), column="loss", key="1", noisy=True)
        return frame.judged(goal, sides)

    told = judged([1.0, 3.0], [0.0, 1.0, 1.0, 2.0])
    # Variances 2 of two and 1 of three: one came twice.
    assert told["wanted"] == f"<= {1 + 2 * (1 + 1 / 3) ** 0.5:.4f}"
    assert (told["reached"], told["met"]) == (2.0, True)
    assert not judged([9.0, 9.1], [0.0, 2.0, 0.0, 2.0])["met"]
    assert judged([9.0], [0.0, 2.0, 0.0, 2.0]) is None


def test_every_part_has_a_budget_and_together_they_are_ten_minutes(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    try:
        run = importlib.import_module("run")
        budgets = [importlib.import_module(f"parts.{name}").SECONDS["full"] for name in run.PARTS.values()]
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("run", "parts", "frame", "machine")]:
            del sys.modules[name]
    assert sum(budgets) <= 600
