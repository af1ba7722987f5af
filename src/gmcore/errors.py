"""What can go wrong, as one tree.

GmcoreError
├── InputError                     what the user gave is wrong: exit status 2
│   ├── ConfigError                a run file or a component's options   (ValueError)
│   ├── DataError                  rows, columns, splits and folds       (ValueError)
│   ├── ModelFileError             a saved model cannot be read          (ValueError)
│   ├── OutputError                the place to write to                 (OSError)
│   ├── BackendUnavailableError    a device or dtype is not here         (RuntimeError)
│   ├── UnknownNameError           no component has that name            (KeyError)
│   ├── AmbiguousNameError         several plugins claim one name        (LookupError)
│   ├── DuplicateNameError         a name is registered already          (ValueError)
│   └── PluginLoadError            an installed plugin does not import   (ImportError)
├── TrainingError                  training itself failed: exit status 1 (RuntimeError)
└── Cancelled                      stopped on request: 130 or 143
"""

from collections.abc import Iterable

__all__ = [
    "AmbiguousNameError",
    "BackendUnavailableError",
    "Cancelled",
    "ConfigError",
    "DataError",
    "DuplicateNameError",
    "GmcoreError",
    "InputError",
    "ModelFileError",
    "OutputError",
    "PluginLoadError",
    "TrainingError",
    "UnknownNameError",
    "did_you_mean",
]


class GmcoreError(Exception):
    """Anything gmcore raises on purpose."""

    # KeyError would show its message in quotes, OSError would look for an errno.
    __str__ = Exception.__str__


class InputError(GmcoreError):
    """What the user gave is wrong; nothing was started and nothing was left behind."""


class ConfigError(InputError, ValueError):
    """Settings are wrong: every problem at once, each with its path.

    Attributes:
        problems: one line a problem, such as `model.droput: unknown key, did you mean 'dropout'?`.
    """

    def __init__(self, problems: Iterable[str], *, source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        head = f"{source}: " if source else ""
        if len(self.problems) == 1:
            text = f"{head}{self.problems[0]}"
        else:
            lines = "".join(f"\n  {problem}" for problem in self.problems)
            text = f"{head}{len(self.problems)} problems{lines}"
        Exception.__init__(self, text)


class DataError(InputError, ValueError):
    """Rows, columns, splits or folds cannot be what was asked."""


class ModelFileError(InputError, ValueError):
    """A saved model is truncated, foreign, or from another version."""


class OutputError(InputError, OSError):
    """The place to write to does not take it."""


class BackendUnavailableError(InputError, RuntimeError):
    """A device or dtype that is not available here; the message says what is."""


class UnknownNameError(InputError, KeyError):
    """No component has that name."""


class AmbiguousNameError(InputError, LookupError):
    """Several distributions claim one name; `distribution/name` tells them apart."""


class DuplicateNameError(InputError, ValueError):
    """A name is registered already."""


class PluginLoadError(InputError, ImportError):
    """An installed plugin does not import; `__cause__` is the real error."""


class TrainingError(GmcoreError, RuntimeError):
    """Training itself failed."""


class Cancelled(GmcoreError):  # noqa: N818 - it is a request that was met, not an error
    """Training stopped on request.

    Attributes:
        signal: the signal's number (2 for Ctrl-C, 15 for SIGTERM), or 0 if code asked.
    """

    def __init__(self, message: str, *, signal: int = 0) -> None:
        Exception.__init__(self, message)
        self.signal = signal


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `", did you mean 'x'?"` for the known name nearest to `name`, or what there is, or nothing."""
    import difflib  # noqa: PLC0415 - for mistakes alone, and everything imports this file

    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f", did you mean '{near[0]}'?"
    return f" (there is: {', '.join(names)})" if 0 < len(names) <= 12 else ""  # noqa: PLR2004 - a line's worth
