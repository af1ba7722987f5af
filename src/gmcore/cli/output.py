"""Output of the command line: text for people on stderr, JSON for programs on stdout."""

from collections.abc import Iterable, Mapping, Sequence

import click

__all__ = ["inline", "say", "table", "write_json"]

_LARGE = 100


def say(text: str = "") -> None:
    """Print text to stderr."""
    click.echo(text, err=True)


def write_json(report: Mapping[str, object]) -> None:
    """Print a JSON object to stdout."""
    import json  # noqa: PLC0415 - not needed without --json

    try:
        text = json.dumps(report, indent=2, allow_nan=False)
    except (TypeError, ValueError):
        from gmcore.domain.plain import plain  # noqa: PLC0415 - imports NumPy, and a list of plugins has no arrays

        text = json.dumps(plain(report), indent=2, allow_nan=False)
    click.echo(text)


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


def _aligned(title: str, values: Sequence[object]) -> list[str]:
    cells = [title, *map(_cell, values)]
    width = max(map(len, cells))
    is_number = any(isinstance(value, int | float) for value in values)
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < _LARGE else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
