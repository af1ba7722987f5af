"""Commands in new processes from start to end: gmcore's, with the shares of its time, and scripts with scikit-learn.

Python's bytecode is kept, as pip does when it installs a package; a first call writes it, and is not counted.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["CASES", "command", "first", "script"]

CASES = {"breast_cancer, train": "train", "digits, ten folds": "validate"}
_EXAMPLES = Path(__file__).parents[2] / "examples"
_SCRIPT = Path(__file__).parent / "first_call_sklearn.py"
_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
_COMMAND = "import sys; sys.argv[0] = 'gmcore'; from gmcore.cli import main; main()"
# The imports of a command alone; without the end of the interpreter, which is part of the rest.
_IMPORT = """
import contextlib, importlib, os, sys
from gmcore.cli.startup import collect_rarely
collect_rarely()
for name in sys.argv[1].split():
    with contextlib.suppress(Exception):
        importlib.import_module(name)
os._exit(0)
"""


def command(folder, backend="", device="cpu"):
    """Measure a command on a backend, or on the one that gmcore chooses, after a call that is not counted.

    All sides have one cache per case, so programs are known from that call, or from `first`.
    """
    modules = {}

    def measure(case):
        if case not in modules:
            seen = _run(folder, case, backend, device, options=["-X", "importtime"])[1].stderr
            modules[case] = _IMPORTED.findall(seen)
        importing, _ = _process(folder, ["-c", _IMPORT, " ".join(modules[case])])
        seconds, report = _reported(folder, case, backend, device)
        shares = {"import s": importing, **_shares(report["profile"])}
        return {"s": seconds, **shares, "rest s": seconds - sum(shares.values())}

    return measure


def first(folder, backend, device="cpu"):
    """Measure the first command of a case on a backend, which compiles all programs; to be called once per case."""
    # It writes bytecode, and compiles next to nothing.
    arguments = ["check", str(_run_file(folder, "digits", backend, device))]
    _process(folder, ["-c", _COMMAND, *arguments], XDG_CACHE_HOME=str(Path(folder) / "cache" / "check"))

    def measure(case):
        seconds, report = _reported(folder, case, backend, device)
        shares = _shares(report["profile"])
        return {"s": seconds, **shares, "rest s": seconds - sum(shares.values())}

    return measure


def script(folder):
    """Measure the script with scikit-learn."""
    called = set()

    def measure(case):
        example = _example(case)
        arguments = [str(_SCRIPT), example, str(_EXAMPLES / example / f"{example}.csv")]
        if case not in called:
            called.add(case)
            _process(folder, arguments)
        return {"s": _process(folder, arguments)[0]}

    return measure


def _reported(folder, case, backend, device):
    """Return the seconds of a command, and its report."""
    seconds, done = _run(folder, case, backend, device)
    return seconds, json.loads(done.stdout)


def _run(folder, case, backend, device, *, options=()):
    """Return the seconds of a command, and its process."""
    path = _run_file(folder, case, backend, device)
    arguments = [CASES[case], str(path), "--runs", str(path.parent / "runs"), "--json"]
    cache = Path(folder) / "cache" / _example(case)
    return _process(folder, [*options, "-c", _COMMAND, *arguments], XDG_CACHE_HOME=str(cache))


def _run_file(folder, case, backend, device):
    """Return a copy of the example's run file on this backend; the digits in ten folds."""
    example = _example(case)
    text = (_EXAMPLES / example / "run.toml").read_text()
    text = text.replace('path = "', f'path = "{_EXAMPLES / example}/').replace("n_splits = 5", "n_splits = 10")
    assert f'path = "{_EXAMPLES}' in text
    assert "n_splits = 10" in text
    path = Path(folder) / (backend or "chosen") / f"{example}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text((f'backend = {{ use = "{backend}", device = "{device}" }}\n' if backend else "") + text)
    return path


def _example(case):
    return case.partition(",")[0]


def _process(folder, arguments, **variables):
    """Return the seconds of a Python process, and the process."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode"),
        **variables,
    }
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env=environment, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"status {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    return seconds, done


def _shares(profile):
    """Return seconds of a command by phase, from its own profile."""
    return {
        "data s": profile["loading_seconds"],
        "compile s": profile["compiling_seconds"],
        "run s": sum(profile[f"{phase}_seconds"] for phase in ("enqueuing", "waiting", "feeding", "saving")),
        "score s": profile["scoring_seconds"],
    }
