"""Comparison of sides: one process each, measured in turns until the rounds are done or the time is up."""

import contextlib
import importlib.util
import json
import os
import selectors
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs
from goals import Goal, judged

__all__ = ["Comparison", "Goal", "Side", "measured", "now"]

HERE = Path(__file__).parent
now = time.perf_counter


@attrs.frozen(kw_only=True)
class Side:
    """One library or setting in a comparison.

    Attributes:
        name: its name in the table.
        target: `module:function`; called with `options` it returns `measure(key) -> {column: number or text}`.
        options: JSON values.
        needs: packages without which the side is skipped.
        environment: variables to set for its process.
        rounds: largest number of rounds; fewer for slow sides.
        warm: whether the first turn is a warm-up, which is not counted.
        fresh: whether each turn starts a new process.
    """

    name: str
    target: str
    options: dict = attrs.field(factory=dict)
    needs: tuple = ()
    environment: dict = attrs.field(factory=dict)
    rounds: int = 99
    warm: bool = True
    fresh: bool = False

    @property
    def missing(self):
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


@attrs.frozen(kw_only=True)
class Comparison:
    """Sides that solve the same problem, measured for the same keys.

    Attributes:
        title: title of the table.
        about: a line below the title.
        keys: the cases that are measured on each side, such as networks.
        columns: headings of a side's numbers, by name; ratios are of the first one, of which less is better.
        sides: the sides to compare.
        references: names of the sides that ratios are relative to: those of gmcore.
        rounds: largest number of rounds.
        goals: the goals to check.
        pause: seconds between two turns; threads of some OpenMP libraries spin for 0.2 s after their work.
    """

    title: str
    about: str = ""
    keys: tuple
    columns: dict
    sides: tuple
    references: tuple = ()
    rounds: int = 5
    goals: tuple = ()
    pause: float = 0.25


class _Worker:
    def __init__(self, side):
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the worker
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, **_path(), **side.environment}, start_new_session=True,
        )  # fmt: skip
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def ask(self, value, until):
        """Return the answer, or `{"error": …}` if there is none."""
        try:
            self.process.stdin.write(json.dumps(value).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"error": f"the process ended with status {self.process.wait()}"}
        begun, text = now(), b""
        while not text.endswith(b"\n"):
            if not self.selector.select(max(0.0, until - now())):
                return {"error": f"no answer within {now() - begun:.0f} s: the part's time was up"}
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                return {"error": f"the process ended with status {self.process.wait()}: {self._last_line()}"}
            text += piece
        return json.loads(text)

    def _last_line(self):
        self.log.seek(0)
        return ([line for line in self.log.read().splitlines() if line.strip()] or [""])[-1][:200]

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()  # the worker ends at the end of its input
        try:
            self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)  # some sides have child processes
            self.process.wait()
        for stream in (self.process.stdout, self.log):
            stream.close()
        self.selector.close()


class _Turns:
    """A side's process, its answers by key, and its error."""

    def __init__(self, side):
        self.side, self.worker, self.error, self.start = side, None, "", 0.0
        self.first, self.answers, self.took = {}, {}, {}

    def measure(self, key, number, until):
        """Take the turn `number`; 0 is the warm-up."""
        if self.error:
            return
        begun = now()
        self._measure(key, number, until)
        self.took[number] = self.took.get(number, 0.0) + now() - begun

    def takes(self, number):
        """Return whether the side takes the turn `number`."""
        return not self.error and number < self.side.rounds + self.side.warm

    def takes_about(self, number):
        """Return the expected seconds of a turn: those of the turn before, or 0 if that was the warm-up."""
        return 0.0 if number == 1 and self.side.warm else self.took.get(number - 1, 0.0)

    def _measure(self, key, number, until):
        if self.worker is None or self.side.fresh:
            self.close()
            begun = now()
            self.worker = _Worker(self.side)
            told = self.worker.ask({"target": self.side.target, "options": self.side.options}, until)
            self.start = now() - begun
            if self._failed(told):
                return
        told = self.worker.ask(key, until)
        if self._failed(told):
            return
        if number == 0:
            self.first[key] = {**told, "process start s": self.start}
        if number or not self.side.warm:
            self.answers.setdefault(key, []).append(told)

    def _failed(self, told):
        self.error = told.get("error", "")
        if self.error:
            self.close()
        return bool(self.error)

    def close(self):
        if self.worker is not None:
            self.worker.close()
            self.worker = None


def measured(comparison, until, say=lambda _: None):
    """Return `{"sides": …, "goals": …}`: each side's medians, all rounds, and ratios relative to the references.

    A ratio is the median of the ratios of the rounds, so that a slow moment of the machine affects both sides.
    No round starts that would not end by `until`; a side that is not done by then is abandoned.
    """
    present = [_Turns(side) for side in comparison.sides if not side.missing]
    try:
        for number in range(comparison.rounds + 1):
            begun = now()
            ready = [turns for turns in present if turns.takes(number)]
            if not ready or (number and begun + 1.1 * sum(turns.takes_about(number) for turns in ready) > until):
                break
            for key in comparison.keys:
                # Rotated, so that no side always follows the same other side.
                for turns in ready[number % len(ready) :] + ready[: number % len(ready)]:
                    turns.measure(key, number, until)
                    time.sleep(comparison.pause)
            say(f"  round {number}: {len(ready)} sides, {now() - begun:.0f} s")
    finally:
        for turns in present:
            turns.close()
    sides = {turns.side.name: _summary(comparison, turns, present) for turns in present}
    return {
        "title": comparison.title,
        "about": comparison.about,
        "keys": list(comparison.keys),
        "columns": comparison.columns,
        "sides": sides,
        "skipped": {side.name: side.missing for side in comparison.sides if side.missing},
        "goals": [told for goal in comparison.goals if (told := judged(goal, sides))],
    }


def _summary(comparison, turns, everyone):
    main = next(iter(comparison.columns))
    references = [one for one in everyone if one.side.name in comparison.references and one is not turns]
    # Without time for another round only the warm-up was measured, and the table says so.
    answers = turns.answers or {key: [told] for key, told in turns.first.items()}
    return {
        "error": turns.error,
        "cold": turns.side.warm and bool(turns.first) and not turns.answers,
        "median": {key: _medians(told, turns.first.get(key, {})) for key, told in answers.items()},
        "rounds": answers,
        "first": turns.first,
        "ratios": {
            one.side.name: {key: ratio for key in comparison.keys if (ratio := _ratio(turns, one, key, main))}
            for one in references
        },
    }


def _medians(told, first):
    """Return each number's median; `first call s` is the first call including the start of its process."""
    if "s" in first:
        told = [{**one, "first call s": first["process start s"] + first["s"]} for one in told]
    numbers = {name for name, value in told[-1].items() if isinstance(value, int | float)}
    texts = {name: value for name, value in told[-1].items() if name not in numbers}
    return {name: statistics.median(one[name] for one in told) for name in sorted(numbers)} | texts


def _ratio(turns, reference, key, main):
    ours, theirs = turns.answers.get(key, []), reference.answers.get(key, [])
    pairs = [(one[main], other[main]) for one, other in zip(ours, theirs, strict=False) if main in one | other]
    return statistics.median(one / other for one, other in pairs) if pairs else None


def _path():
    """Return the environment in which a side's process can import the modules of this folder."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))}
