"""Runs numbered fuzz cases in forked children, so that a crash or a hang of one case is reported and ends no other."""

import argparse
import atexit
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import attrs

__all__ = ["Case", "Verdict", "in_child", "leave", "main"]

_SECONDS = 120.0  # of one case; an ordinary one takes a few hundredths of a second


@attrs.frozen(kw_only=True)
class Verdict:
    """What became of a case.

    Attributes:
        what: the mutation, in words.
        outcome: such as `"refused"`.
        problem: what is wrong about it; empty if nothing is.
    """

    what: str
    outcome: str
    problem: str = ""


@attrs.frozen(kw_only=True)
class Case:
    """One case: all its random choices are drawn from `random`, and all its files are in `place`, an empty folder."""

    number: int
    random: Random
    place: Path


def main(description: str, *, cases: int, prepare: Callable[[Path], Callable[[Case], Verdict]]) -> int:
    """Run cases as the command line says, print their outcomes and all problems, and return the exit status.

    Args:
        description: what is fuzzed.
        cases: the number of cases if the command line gives none.
        prepare: given an empty folder, makes what all cases share, and returns the function that judges a case.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cases", type=int, default=cases, help=f"number of cases, by default {cases}")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds give equal cases")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="run only this case, and say what it was")
    options = parser.parse_args()
    numbers = range(options.cases) if options.only is None else range(options.only, options.only + 1)
    outcomes: Counter[str] = Counter()
    problems = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        judge = prepare(Path(folder))
        for number, verdict in _verdicts(judge, numbers, seed=options.seed, place=Path(folder, "case")):
            outcomes[verdict.outcome] += 1
            problems += bool(verdict.problem)
            if verdict.problem or options.only is not None:
                print(f"--seed {options.seed} --only {number}: {verdict.what}: {verdict.outcome}: {verdict.problem}")  # noqa: T201 - a script
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{description}, seed {options.seed}: {len(numbers):,} cases ({counts}), {problems} problems")  # noqa: T201
    return 1 if problems else 0


def in_child(work: Callable[[], object]) -> None:
    """Do something in a child, whose threads and libraries the cases must not inherit.

    Raises:
        RuntimeError: if it fails.
    """
    child = os.fork()
    if not child:
        _ended(work)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a child ended with status {status}")


def leave() -> None:
    """End a child as a program ends: what it compiled is kept for the next one."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(0)


def _verdicts(
    judge: Callable[[Case], Verdict], numbers: range, *, seed: int, place: Path
) -> Iterator[tuple[int, Verdict]]:
    """Yield the verdict of every case; after a crash or a hang a new child takes the remaining ones."""
    remaining = list(numbers)
    while remaining:
        ending = ""
        for line in _lines(judge, remaining, seed=seed, place=place):
            ending = line
            if line.startswith("{"):
                yield remaining.pop(0), Verdict(**json.loads(line))
        if remaining:
            yield remaining.pop(0), Verdict(what="see the case alone", outcome="crashed", problem=ending)


def _lines(judge: Callable[[Case], Verdict], numbers: list[int], *, seed: int, place: Path) -> Iterator[str]:
    """Yield a JSON line per case that a child has judged, and then how the child ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _ended(lambda: _judge_all(judge, numbers, seed=seed, place=place, writer=writer))
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as results:
        while (ready := select.select([results], [], [], _SECONDS)[0]) and (line := results.readline()):
            yield line.decode()
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    yield f"its process ended with {os.waitstatus_to_exitcode(status)}" if ready else f"it took over {_SECONDS:g} s"


def _judge_all(judge: Callable[[Case], Verdict], numbers: list[int], *, seed: int, place: Path, writer: int) -> None:
    for number in numbers:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        case = Case(number=number, random=Random(f"{seed} {number}"), place=place)  # noqa: S311 - to be repeated
        os.write(writer, json.dumps(attrs.asdict(judge(case))).encode() + b"\n")


def _ended(work: Callable[[], object]) -> None:
    """Do something, and end this process without running anything of its parent's."""
    atexit._clear()
    try:
        work()
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    leave()
