"""Output of the command line: text for people on stderr, JSON for programs on stdout."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import click

__all__ = ["OWN_PROCESS", "inline", "reserve_stdout", "say", "table", "write_json"]

OWN_PROCESS = object()
"""The object of click's context if the process has no other purpose than the command."""

_LARGE = 100
_WRITE = f"{__name__}.write"
_ENDLESS = re.compile(r"\S{501,}")
_KEPT = 100  # letters of an endless word, at each end


def say(text: str = "") -> None:
    """Print text to stderr.

    It may have names from files, so control characters are escaped, and words of hundreds of letters are cut.
    """
    safe = "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)
    click.echo(_ENDLESS.sub(lambda word: f"{word[0][:_KEPT]}…{word[0][-_KEPT:]}", safe), err=True)


def reserve_stdout(context: click.Context, _: click.Parameter, value: bool) -> bool:
    """Reserve stdout for `write_json` if the option `--json` is set: other prints of this command go to stderr.

    In a process of its own that holds for libraries in C too, and until the process ends.
    """
    if value and context.obj is OWN_PROCESS and sys.stdout is not None:
        context.meta[_WRITE] = _reserved_for_good()
    elif value:
        context.meta[_WRITE] = context.with_resource(_reserved())
    return value


def write_json(report: Mapping[str, object]) -> None:
    """Print a JSON object to stdout."""
    import json  # not needed without --json

    try:
        text = json.dumps(report, indent=2, allow_nan=False)
    except (TypeError, ValueError):
        from gmcore.domain.plain import plain  # imports NumPy, and a list of plugins has no arrays

        text = json.dumps(plain(report), indent=2, allow_nan=False)
    write: Callable[[str], object] = click.get_current_context().meta[_WRITE]
    write(text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned columns under their headings: text left-aligned, numbers right-aligned."""
    columns = [_aligned(title, values) for title, *values in zip(head, *rows, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def inline(value: object) -> str:
    """Return a value of a run file as it is written there, on one line; numbers with four digits."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {inline(entry)}' for key, entry in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def _reserved() -> Iterator[Callable[[str], object]]:
    """Let `print` write to stderr while the block runs, and yield a function that prints to stdout."""
    stdout = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        yield lambda text: click.echo(text, file=stdout)


def _reserved_for_good() -> Callable[[str], object]:
    """Let everything that is printed go to stderr, and return a function that prints to stdout."""
    sys.stdout.flush()
    handle = os.dup(1)
    os.dup2(2 if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout = sys.stderr

    def write(text: str) -> None:
        with open(handle, "wb", closefd=False) as stdout:
            stdout.write(f"{text}\n".encode())

    return write


def _aligned(title: str, values: Sequence[object]) -> list[str]:
    cells = [title, *map(_cell, values)]
    width = max(map(len, cells))
    is_number = any(isinstance(value, int | float) for value in values)
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < _LARGE else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
