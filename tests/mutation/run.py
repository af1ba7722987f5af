"""Change the code at random, one small wrong change at a time, and count the changes that the tests notice.

`python tests/mutation/run.py --count 60 --seed 1 --minutes 30`. Each mutant is tested in a copy of the checkout, by the
tests that run the changed lines, and by their total time at most once. Prints the mutants that survived and the share
of killed ones by room.
"""

import argparse
import difflib
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutation.mutants import Mutant, all_mutants, sample
from mutation.tests_by_line import TestsByLine, measure

CHECKOUT = Path(__file__).parents[2]
COPIED = ("src", "plugins", "tests", "docs", "examples", "benchmarks", "pyproject.toml", "conftest.py", "README.md")
KILLED, SURVIVED, UNTESTED = "killed", "survived", "not reached by any test"


def main() -> None:
    parser = argparse.ArgumentParser(description="test the tests: change the code, and see whether they notice")
    parser.add_argument("--count", type=int, default=60, help="number of mutants")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats a choice of mutants")
    parser.add_argument("--minutes", type=float, default=30.0, help="time limit, without the measurement of coverage")
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds of tests for each mutant")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--room", help="only mutants of this room, such as training or gm_csv_data")
    wanted = parser.parse_args()

    tests = measure(CHECKOUT, CHECKOUT / ".pytest_cache" / "mutation", wanted.workers)
    mutants = [one for one in all_mutants(CHECKOUT) if wanted.room in (None, one.room)]
    chosen = sample(CHECKOUT, mutants, wanted.count, wanted.seed)
    print(f"{len(chosen)} of {len(mutants):,} mutants, seed {wanted.seed}", flush=True)
    deadline = time.monotonic() + 60 * wanted.minutes
    with tempfile.TemporaryDirectory(prefix="gmcore-mutants-") as folder:
        copies: queue.Queue[Path] = queue.Queue()
        for worker in range(wanted.workers):
            copies.put(_checked(_copy(Path(folder, str(worker))), tests))
        outcomes = _test_all(chosen, copies, tests, wanted, deadline)
    _report(outcomes, len(chosen))


def _test_all(
    mutants: Sequence[Mutant],
    copies: "queue.Queue[Path]",
    tests: TestsByLine,
    wanted: argparse.Namespace,
    deadline: float,
) -> dict[Mutant, str]:
    outcomes: dict[Mutant, str] = {}
    printing = threading.Lock()

    def test(mutant: Mutant) -> None:
        if time.monotonic() > deadline:
            return
        copy = copies.get()
        try:
            start, source = time.monotonic(), (CHECKOUT / mutant.path).read_text(encoding="utf-8")
            chosen = tests.of(mutant.path, mutant.lines, source, wanted.seconds)
            outcome = _outcome(mutant, copy, chosen, wanted.seconds)
        finally:
            copies.put(copy)
        with printing:
            outcomes[mutant] = outcome
            print(f"{len(outcomes):4} {outcome:9} {time.monotonic() - start:5.0f} s  {mutant}", flush=True)
            if outcome != KILLED:
                print(_difference(mutant), flush=True)

    with ThreadPoolExecutor(wanted.workers) as pool:
        list(pool.map(test, mutants))
    return outcomes


def _outcome(mutant: Mutant, copy: Path, tests: Sequence[str], seconds: float) -> str:
    """Return whether any of the tests fails with the mutant."""
    if not tests:
        return UNTESTED
    path = copy / mutant.path
    source = path.read_text(encoding="utf-8")
    path.write_text(mutant.applied(source), encoding="utf-8")
    try:
        return SURVIVED if _passes(copy, tests, 3 * seconds + 60) else KILLED
    finally:
        path.write_text(source, encoding="utf-8")


def _checked(copy: Path, tests: TestsByLine) -> Path:
    """Return a copy in which a test passes that passed before, so that what fails later fails because of a mutant."""
    shortest = min(tests.seconds, key=lambda test: (tests.seconds[test], test))
    if not _passes(copy, [shortest], 60.0):
        sys.exit(f"{shortest} fails in a copy of the checkout without a mutant")
    return copy


def _passes(copy: Path, tests: Sequence[str], limit: float) -> bool:
    """Return whether tests pass in a copy; those that do not end in `limit` seconds do not."""
    sources = [copy / "src", *sorted(copy.glob("plugins/*/src"))]
    names = copy / "tests.txt"
    names.write_text("\n".join(tests), encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([*map(str, sources), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"@{names}"],
        cwd=copy,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(limit) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return False


def _copy(folder: Path) -> Path:
    """Copy the checkout, without what is generated."""
    generated = shutil.ignore_patterns("__pycache__", "*.egg-info", "runs", "build", "dist")
    folder.mkdir()
    for name in COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=generated)
        else:
            shutil.copy2(source, folder / name)
    return folder


def _difference(mutant: Mutant) -> str:
    source = (CHECKOUT / mutant.path).read_text(encoding="utf-8")
    lines = difflib.unified_diff(source.splitlines(), mutant.applied(source).splitlines(), n=1, lineterm="")
    return "\n".join(f"       {line}" for line in list(lines)[2:])


def _report(outcomes: dict[Mutant, str], wanted: int) -> None:
    rooms = defaultdict(list)
    for mutant, outcome in outcomes.items():
        rooms[mutant.room].append(outcome == KILLED)
    print("\nroom                killed")
    for room, killed in sorted(rooms.items()):
        print(f"{room:20}{sum(killed):3} of {len(killed):3}  {sum(killed) / len(killed):6.1%}")
    total = [killed for room in rooms.values() for killed in room]
    print(f"{'all':20}{sum(total):3} of {len(total):3}  {sum(total) / max(1, len(total)):6.1%}")
    if len(total) < wanted:
        print(f"{wanted - len(total)} mutants were not tested: the time was up")


if __name__ == "__main__":
    main()
