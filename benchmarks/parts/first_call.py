"""(g) First call: a command in a new process, compared with a script that does the same with scikit-learn."""

from frame import Comparison, Goal, Side
from parts.sides import BACKENDS, on

__all__ = ["SECONDS", "TITLE", "comparisons"]

TITLE = "first call"
SECONDS = {"full": 85, "quick": 180}

_CASES = ("breast_cancer, train", "digits, ten folds")
_SKLEARN = ("scikit-learn", "scikit-learn, one thread")
_OURS = ("gmcore", *map(on, BACKENDS))
_COLUMNS = {
    "s": "seconds",
    "import s": "import",
    "data s": "data",
    "compile s": "trace and compile",
    "run s": "run",
    "score s": "score",
    "rest s": "rest",
}


def comparisons(setup):
    cases = _CASES[:1] if setup.quick else _CASES
    yield Comparison(
        title="the first command on a machine, which compiles all programs",
        about="From start to end of the process, in seconds, with shares as in `--profile`; imports are in the rest.",
        keys=cases,
        columns={name: text for name, text in _COLUMNS.items() if name != "import s"},
        sides=tuple(_gmcore(setup, "first", one) for one in BACKENDS),
        rounds=1,
    )
    yield Comparison(
        title="a command in a new process, its programs known from an earlier one",
        about="From start to end of the process, in seconds, with shares as in `--profile`.",
        keys=cases,
        columns=_COLUMNS,
        sides=(*_sklearn(setup), *(_gmcore(setup, "command", one) for one in ("", *BACKENDS))),
        references=_OURS,
        goals=tuple(
            Goal(
                text=f"{case}: at most 0.7 of scikit-learn's time",
                ours=_OURS,
                theirs=_SKLEARN,
                column="s",
                key=case,
                factor=1 / 0.7,
            )
            for case in cases
        ),
    )


def _sklearn(setup):
    """Yield the script's sides: BLAS with all threads and with one, which is faster for small matrices."""
    for name, threads in zip(_SKLEARN, ({}, {"OPENBLAS_NUM_THREADS": "1"}), strict=True):
        yield Side(
            name=name,
            target="sides.first_call:script",
            options={"folder": str(setup.folder)},
            needs=("sklearn",),
            environment=threads,
            warm=False,
        )


def _gmcore(setup, function, backend):
    """Return gmcore's side on a backend; without a name, on the one that it chooses."""
    return Side(
        name=on(backend) if backend else _OURS[0],
        target=f"sides.first_call:{function}",
        options={"folder": str(setup.folder), "backend": backend, "device": setup.device},
        needs=(BACKENDS[backend],) if backend else (),
        warm=False,
    )
