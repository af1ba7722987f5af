"""Compare the speed of gmcore with alternatives, part by part: Markdown tables, and a JSON file with every round.

    python benchmarks/run.py [--part a --part c] [--quick] [--device cpu] [--json FILE]

See `benchmarks/README.md` for what each part measures, and how each side is configured.
"""

import argparse
import datetime as dt
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import attrs
from frame import measured, now
from machine import machine
from report import markdown

__all__ = ["main"]

PARTS = {
    "a": "step_time",
    "b": "cross_validation",
    "c": "fleet_scaling",
    "d": "large_csv",
    "e": "observing",
    "f": "startup",
    "g": "first_call",
}
RESULTS = Path(__file__).parent / "results"
# Seconds of all parts together. Time that a part does not use is not passed on, so that a run has a known length.
_AT_MOST = 590


@attrs.frozen(kw_only=True)
class Setup:
    """The device, whether to run in quick mode, and a folder for generated files."""

    device: str
    quick: bool
    folder: Path


def main():
    asked = _asked()
    begun = now()
    report = {
        "command": " ".join(["make bench:", "python benchmarks/run.py", *sys.argv[1:]]),
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "quick": asked.quick,
        "machine": machine(asked.device),
        "parts": [],
    }
    for letter in sorted(set(asked.part or PARTS)):
        report["parts"].append(_part(letter, asked, begun + _AT_MOST))
        report["seconds"] = now() - begun
        # Written after each part, so that an interrupted run keeps its results.
        _write(asked.json, report)
    print(markdown(report))
    _say(f"\nwritten: {asked.json} and {asked.json.with_suffix('.md')}")


def _asked():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=sorted(PARTS), help="part to run, repeatable; default: all")
    parser.add_argument("--quick", action="store_true", help="small cases and one round, to check that everything runs")
    parser.add_argument("--device", default="cpu", help="device of gmcore's backends: cpu, metal, cuda")
    parser.add_argument("--json", type=Path, default=RESULTS / "latest.json", help="file for the results")
    return parser.parse_args()


def _part(letter, asked, at_most):
    part = import_module(f"parts.{PARTS[letter]}")
    _say(f"({letter}) {part.TITLE}")
    begun = now()
    until = min(at_most, begun + part.SECONDS["quick" if asked.quick else "full"])
    told = []
    with tempfile.TemporaryDirectory(prefix="gmcore-bench-") as folder:
        setup = Setup(device=asked.device, quick=asked.quick, folder=Path(folder))
        every = list(part.comparisons(setup))
        for place, comparison in enumerate(every):
            share = now() + (until - now()) / (len(every) - place)
            told.append(measured(_once(comparison) if asked.quick else comparison, share, _say))
    return {"part": letter, "title": part.TITLE, "seconds": now() - begun, "comparisons": told}


def _say(text):
    print(text, file=sys.stderr, flush=True)


def _once(comparison):
    """Return a comparison with one cold turn per side, and without goals, which need more."""
    sides = tuple(attrs.evolve(side, warm=False, rounds=1) for side in comparison.sides)
    return attrs.evolve(comparison, rounds=1, sides=sides, goals=())


def _write(path, report):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(markdown(report) + "\n")


if __name__ == "__main__":
    main()
