"""`gmcore find-rate`: train briefly at many learning rates at once, and suggest one."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.cli.paths import run_file

if TYPE_CHECKING:
    from gmcore.app import RateFinding

__all__ = ["chart", "command", "summary"]

_COLUMNS, _LINES = 64, 12
_CLOSE = 1e-9


@click.command("find-rate")
@run_file
@click.option("--low", type=float, default=1e-6, show_default=True, metavar="RATE", help="Lowest learning rate.")
@click.option("--high", type=float, default=10.0, show_default=True, metavar="RATE", help="Highest learning rate.")
@click.option("--count", type=int, default=40, show_default=True, metavar="N", help="Number of learning rates.")
@click.option("--steps", type=int, default=100, show_default=True, metavar="N", help="Steps to train at each of them.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Image file to write, such as rate.png.")
@click.option("--quiet", is_flag=True, help="Print the suggestion alone, with a note if it is doubtful.")
@as_json
def command(
    run: Path, low: float, high: float, count: int, steps: int, plot: Path | None, *, quiet: bool, as_json: bool
) -> None:
    """Find a learning rate for the file RUN: train its model for a few steps at many rates, all at once.

    All models start from the same weights and take the same batches. Nothing is kept but the plot.
    """
    from gmcore.app import find_rate, open_run
    from gmcore.cli.describe import describe
    from gmcore.cli.progress import progress
    from gmcore.cli.signals import cancelled_by_signals

    if plot is not None:
        from gmcore.app.records.rate_plot import check_plot

        check_plot(plot)
    opened = open_run(run)
    hooks = None if quiet else progress(opened.registry)
    with cancelled_by_signals() as cancellation:
        if not quiet:
            say(describe(opened))
        found = find_rate(
            opened, low=low, high=high, count=count, steps=steps, hooks=hooks, cancellation=cancellation, say=say
        )
    if plot is not None:
        found.plot(plot)
    say(summary(found, plot=plot, quiet=quiet))
    if as_json:
        write_json({**found.report, "plot": plot})


def summary(found: "RateFinding", *, plot: Path | None = None, quiet: bool = False) -> str:
    """Return the chart, what was trained, and the suggestion as the line of a run file."""
    from gmcore.app.records.rate_finding import rate_text

    line = f"learning_rate = {rate_text(found.suggestion)}"
    note = [f"note: {found.advice}"] if found.advice else []
    if quiet:
        return "\n".join([*note, line])
    failed = sum(map(math.isinf, found.losses.tolist()))
    return "\n".join(
        [
            chart(found),
            "",
            f"{len(found.rates)} models in {found.seconds:.1f} s: {found.steps:,} steps, {_epochs(found)}",
            *([f"training failed at {failed} of the learning rates"] if failed else []),
            *([f"plot: {plot}"] if plot is not None else []),
            *note,
            "suggestion, under [training.optimizer]:",
            "",
            f"    {line}",
        ]
    )


def chart(found: "RateFinding") -> str:
    """Return the losses over the learning rates as text.

    `•` is a loss, `^` one above the chart, `x` a training that failed, and the vertical line is the suggestion.
    """
    bottom, top = found.shown
    first, last = math.log10(found.rates[0]), math.log10(found.rates[-1])

    def column(exponent: float) -> int:
        return round((exponent - first) / ((last - first) or 1.0) * (_COLUMNS - 1))

    suggested = column(math.log10(found.suggestion))
    lines = [["┊" if place == suggested else " " for place in range(_COLUMNS)] for _ in range(_LINES)]
    for rate, loss in zip(found.rates.tolist(), found.losses.tolist(), strict=True):
        height = 0 if loss > top else round((top - loss) / (top - bottom) * (_LINES - 1))
        lines[height][column(math.log10(rate))] = "•" if loss <= top else "x" if math.isinf(loss) else "^"
    labels = [f"{top:.4g}", *[""] * (_LINES - 2), f"{bottom:.4g}"]
    width = max(map(len, labels))
    exponents = range(math.ceil(first - _CLOSE), math.floor(last + _CLOSE) + 1)
    scale = _written({column(exponent): f"1e{exponent}" for exponent in exponents})
    return "\n".join(
        [
            f"{found.compared} loss",
            *(f"{label:>{width}} ┤{''.join(line)}".rstrip() for label, line in zip(labels, lines, strict=True)),
            f"{'':{width}} └{'─' * _COLUMNS}",
            f"{'':{width}}  {scale}",
        ]
    )


def _written(labels: Mapping[int, str]) -> str:
    """Return labels at their columns on one line, without those that would touch the one before."""
    line = ""
    for column, label in labels.items():
        if not line or column > len(line):
            line = line.ljust(column) + label
    return line


def _epochs(found: "RateFinding") -> str:
    return f"{found.epochs:,} epoch{'' if found.epochs == 1 else 's'} of {found.rows:,} rows"
