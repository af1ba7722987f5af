"""The exceptions of gmcore, as one tree.

GmcoreError
├── InputError                     wrong input: exit status 2
│   ├── ConfigError                invalid run file or component options (ValueError)
│   ├── DataError                  invalid rows, columns, splits, folds  (ValueError)
│   ├── ModelFileError             a saved model can't be read           (ValueError)
│   │   └── FormatError            another version of gmcore wrote a file
│   ├── OutputError                a file or folder can't be written     (OSError)
│   ├── BackendUnavailableError    a device or dtype is unavailable      (RuntimeError)
│   ├── UnknownNameError           no component has that name            (KeyError)
│   ├── AmbiguousNameError         several plugins have that name        (LookupError)
│   ├── DuplicateNameError         a name is registered already          (ValueError)
│   └── PluginLoadError            an installed plugin fails to import   (ImportError)
├── TrainingError                  training failed: exit status 1        (RuntimeError)
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
    "FormatError",
    "GmcoreError",
    "InputError",
    "ModelFileError",
    "OutputError",
    "PluginLoadError",
    "PortError",
    "TrainingError",
    "UnknownNameError",
    "did_you_mean",
]

_LISTED = 20


class GmcoreError(Exception):
    """Base class of all exceptions that gmcore raises on purpose."""

    # KeyError would quote its message, OSError would look for an errno.
    __str__ = Exception.__str__


class InputError(GmcoreError):
    """The input is wrong; nothing was started and nothing was left behind."""


class ConfigError(InputError, ValueError):
    """Settings are invalid; lists all problems at once, each with its path.

    Attributes:
        problems: one line per problem, such as `model.droput: unknown key, did you mean 'dropout'?`.
        source: the run file, or empty.
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
    """Rows, columns, splits or folds are invalid."""


class ModelFileError(InputError, ValueError):
    """A saved model or checkpoint is damaged, from another program, or from another version."""


class FormatError(ModelFileError):
    """A file or run folder is in a format of another version of gmcore, which this version can't read."""


class OutputError(InputError, OSError):
    """A file or folder can't be written."""


class BackendUnavailableError(InputError, RuntimeError):
    """A device or dtype is not available on this machine; the message names those that are."""


class UnknownNameError(InputError, KeyError):
    """No component has that name."""


class AmbiguousNameError(InputError, LookupError):
    """Several distributions provide the same name; `distribution/name` selects one."""


class DuplicateNameError(InputError, ValueError):
    """A name is registered already."""


class PluginLoadError(InputError, ImportError):
    """An installed plugin fails to import; `__cause__` is the original error."""


class PortError(InputError, TypeError):
    """A component does not implement the port of its kind."""


class TrainingError(GmcoreError, RuntimeError):
    """Training failed."""


class Cancelled(GmcoreError):  # noqa: N818 - a fulfilled request, not an error
    """Training stopped on request.

    Attributes:
        signal: number of the signal received (2 for Ctrl-C, 15 for SIGTERM), or 0 if code requested the stop.
    """

    def __init__(self, message: str, *, signal: int = 0) -> None:
        Exception.__init__(self, message)
        self.signal = signal


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint to append to a message about an unknown name.

    `", did you mean 'x'?"` for the closest match; without one, `" (available: x, y)"` with the first 20 known names.
    """
    import difflib  # noqa: PLC0415 - used for errors only, and everything imports this file

    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f", did you mean '{near[0]}'?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f" (available: {', '.join(names[:_LISTED])}{more})" if names else ""
