"""Which tests run a line: measured once for each state of the checkout."""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

import attrs
from coverage import CoverageData

__all__ = ["TestsByLine", "measure"]

# Tests of the text of the code find every change; what runs for long or needs more than the test extra is left out.
_LEFT_OUT = ("tests/test_style.py", "tests/test_architecture.py", "tests/test_workspace.py", "tests/test_docs.py")
# It finds components by their registered names.
_DEFAULTS = "tests/test_defaults.py"
_RESOLUTION = 0.01  # of pytest's durations, in seconds


@attrs.frozen(kw_only=True)
class TestsByLine:
    """What each test runs, and how long it takes.

    Attributes:
        tests: by file and line, the tests that run it.
        seconds: by test, how long it took.
        words: by file of tests, the words in it.
    """

    tests: dict[str, dict[int, set[str]]]
    seconds: dict[str, float]
    words: dict[str, frozenset[str]]

    def of(self, path: Path, lines: tuple[int, int], source: str, budget: float) -> list[str]:
        """Return tests that run any of these lines, short ones of many files, as many as fit into `budget` seconds.

        The lines that run only at import, such as a constant or a field with its default and validator, are run by the
        test that happens to import the file first. They are tested by what runs the lines that use the name, and by the
        tests that use a public name of the file.

        Args:
            path: the file, relative to the checkout.
            lines: the first and the last line.
            source: the text of the file.
            budget: in seconds.
        """
        by_line = self.tests.get(str(path), {})

        def tests_of(numbers: Iterable[int]) -> set[str]:
            return set().union(*(by_line.get(number, set()) for number in numbers))

        text = source.splitlines()
        found = tests_of(range(lines[0], lines[1] + 1))
        if not found or not _is_in_function(source, lines[0]):
            name = re.match(r"\s*(\w+)\s*[:=]", text[lines[0] - 1])
            users = [number for number, line in enumerate(text, 1) if name and re.search(rf"\b{name[1]}\b", line)]
            found |= self._naming(source) | (tests_of(users) or tests_of(by_line))
        return self._within(found, budget)

    def _naming(self, source: str) -> set[str]:
        """Return the tests in files that use a public name of a source, and those of the documented defaults."""
        listed = re.search(r"^__all__ = \[(.*?)\]", source, re.DOTALL | re.MULTILINE)
        public = set(re.findall(r"\w+", listed[1])) if listed else set()
        files = {file for file, words in self.words.items() if file == _DEFAULTS or words & public}
        return {test for test in self.seconds if test.partition("::")[0] in files}

    def _within(self, tests: Iterable[str], budget: float) -> list[str]:
        """Return as many tests as fit into `budget` seconds, short ones first, and not all of them of the same files.

        The tests of a file are like each other, so its tenth test comes after the first of another file that takes ten
        times as long.
        """
        of_file: Counter[str] = Counter()
        price: dict[str, float] = {}
        for test in sorted(tests, key=lambda one: (self.seconds.get(one, 0.0), one)):
            file = test.partition("::")[0]
            of_file[file] += 1
            price[test] = of_file[file] * max(_RESOLUTION, self.seconds.get(test, 0.0))
        chosen, spent = [], 0.0
        for test in sorted(price, key=lambda one: (price[one], one)):
            spent += self.seconds.get(test, 0.0)
            if spent > budget and chosen:
                break
            chosen.append(test)
        return chosen


def measure(checkout: Path, folder: Path, workers: int) -> TestsByLine:
    """Run the whole suite with coverage and return what each test runs; from `folder` if nothing has changed since."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{_content_of(checkout)}.coverage"
    if not kept.exists():
        print("measuring which tests run which lines; this takes some minutes, the first time", flush=True)
        _run_suite(checkout, kept, workers)
    data = CoverageData(str(kept))
    data.read()
    seconds = json.loads(kept.with_suffix(".json").read_text())
    files = {test.partition("::")[0] for test in seconds}
    words = {file: frozenset(re.findall(r"\w+", (checkout / file).read_text(encoding="utf-8"))) for file in files}
    return TestsByLine(tests=_by_line(data, checkout, seconds), seconds=seconds, words=words)


def _run_suite(checkout: Path, kept: Path, workers: int) -> None:
    configuration = Path(__file__).with_name("coverage.ini")
    fresh = kept.with_name("fresh.coverage")
    for old in kept.parent.glob("*.coverage*"):
        old.unlink()
    shutil.rmtree(kept.parent / "pytest", ignore_errors=True)
    left_out = [f"--ignore={path}" for path in _LEFT_OUT]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--durations=0", "--durations-min=0"),
            *("--cov", f"--cov-config={configuration}", "--cov-context=test", "--cov-report=", *left_out),
            *("-o", f"cache_dir={kept.parent / 'pytest'}"),
        ],
        cwd=checkout,
        env=os.environ | {"COVERAGE_FILE": str(fresh)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{done.stdout[-10_000:]}\n{done.stderr}\nthe tests must run before mutants are tested")
    found = re.findall(r"^([0-9.]+)s (?:setup|call|teardown) +(\S.*)$", done.stdout, re.MULTILINE)
    seconds: dict[str, float] = {}
    for duration, test in found:
        seconds[test] = seconds.get(test, 0.0) + float(duration)
    failed = kept.parent / "pytest" / "v" / "cache" / "lastfailed"
    for test in json.loads(failed.read_text()) if done.returncode and failed.exists() else ():
        print(f"left out, since it fails without a mutant: {test}", flush=True)
        seconds.pop(test, None)
    kept.with_suffix(".json").write_text(json.dumps(seconds))
    fresh.rename(kept)


def _by_line(data: CoverageData, checkout: Path, tests: Collection[str]) -> dict[str, dict[int, set[str]]]:
    found: dict[str, dict[int, set[str]]] = {}
    for file in data.measured_files():
        lines = data.contexts_by_lineno(file)
        found[os.path.relpath(file, checkout)] = {
            line: {test for context in contexts if (test := _test_of(context)) in tests}
            for line, contexts in lines.items()
        }
    return found


def _is_in_function(source: str, line: int) -> bool:
    """Return whether a line is in the body of a function."""
    functions = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return any(node.body[0].lineno <= line <= (node.end_lineno or 0) for node in functions)


def _test_of(context: str) -> str:
    """Return the test of a context: `test|call` in pytest's process, `test (call)` in those that it starts."""
    return re.sub(r"\|(setup|run|call|teardown)$| \((setup|call|teardown)\)$", "", context)


def _content_of(checkout: Path) -> str:
    digest = hashlib.sha256()
    paths = [path for folder in ("src", "plugins", "tests") for path in sorted((checkout / folder).rglob("*.py"))]
    for path in paths:
        if path.parent != Path(__file__).parent:
            digest.update(f"{path.relative_to(checkout)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
