"""What people read goes to stderr, what programs read to stdout."""

from collections.abc import Iterable, Mapping, Sequence

import click

__all__ = ["say", "table", "write_json"]

_LARGE = 100


def say(text: str = "") -> None:
    """Write lines for people."""
    click.echo(text, err=True)


def write_json(report: Mapping[str, object]) -> None:
    """Write an object for programs."""
    import json  # noqa: PLC0415 - a list for people needs no JSON

    try:
        text = json.dumps(report, indent=2, allow_nan=False)
    except (TypeError, ValueError):
        from gmcore.domain.plain import plain  # noqa: PLC0415 - brings NumPy, and a list of plugins has no arrays

        text = json.dumps(plain(report), indent=2, allow_nan=False)
    click.echo(text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned columns under their heads: text to the left, columns of numbers to the right."""
    columns = [_aligned(title, values) for title, *values in zip(head, *rows, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _aligned(title: str, values: Sequence[object]) -> list[str]:
    cells = [title, *map(_cell, values)]
    width = max(map(len, cells))
    is_number = any(isinstance(value, int | float) for value in values)
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < _LARGE else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
