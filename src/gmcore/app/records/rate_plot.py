"""The plot of `find_rate`, drawn by matplotlib, which is imported only here and only when it is used."""

import io
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmcore.app.records.rate_finding import RateFinding, rate_text
from gmcore.errors import ConfigError
from gmcore.storage.output_file import write_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["check_plot", "plotted"]

_SUFFIXES = (".jpg", ".pdf", ".png", ".svg", ".webp")
_SIZE = (7.0, 4.2)  # inches
_DOTS_PER_INCH = 150


def check_plot(path: Path | None = None) -> None:
    """Check that a plot can be made, and written to `path` unless it is None, before anything is trained.

    Raises:
        ConfigError: with all problems: matplotlib is not installed, the file would be of an unknown kind, or its folder
            does not exist.
    """
    problems = []
    try:
        import_module("matplotlib.figure")
    except ImportError as error:
        problems.append(f"plot: requires matplotlib: pip install matplotlib ({error})")
    if path is not None:
        if path.suffix.lower() not in _SUFFIXES:
            problems.append(f"plot: the name must end in one of {', '.join(_SUFFIXES)}, got '{path.name}'")
        if not path.parent.is_dir():
            problems.append(f"plot: the folder '{path.parent}' does not exist: create it first")
        elif path.is_dir():
            problems.append(f"plot: '{path}' is a folder: add the name of a file")
    if problems:
        raise ConfigError(problems)


def plotted(finding: RateFinding, target: "Path | Axes | None") -> "Axes":
    """Draw the losses over the learning rates on axes, or on a new figure that is written to a path if there is one.

    Raises:
        ConfigError: as `check_plot`.
        OutputError: if the file can't be written.
        TypeError: if the target is none of these.
    """
    path = target if isinstance(target, Path) else None
    check_plot(path)
    # Not at the top of the file, since matplotlib is optional.
    from matplotlib.axes import Axes  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    if isinstance(target, Axes):
        _draw(finding, target)
        return target
    if target is not path:
        raise TypeError(f"plot: must be a path or the axes of a matplotlib figure, got {target!r:.60}")
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    _draw(finding, axes)
    if path is not None:
        image = io.BytesIO()
        figure.savefig(image, format=path.suffix[1:].lower(), dpi=_DOTS_PER_INCH)
        write_output(path, image.getvalue())
    return axes


def _draw(finding: RateFinding, axes: "Axes") -> None:
    bottom, top = finding.shown
    failed = np.isinf(finding.losses)
    above = ~failed & (finding.losses > top)
    axes.set_xscale("log")
    axes.plot(finding.rates, np.where(failed, np.nan, finding.losses), "o", markersize=3, color="C0", label="loss")
    axes.plot(finding.rates, np.where(failed, np.nan, finding.smoothed), color="C0", alpha=0.5, label="smoothed")
    for these, marker, label in ((above, "^", "higher than shown"), (failed, "x", "training failed")):
        if these.any():
            edge = np.full(these.sum(), top)
            axes.plot(finding.rates[these], edge, marker, color="C3", label=label, clip_on=False, zorder=3)
    axes.axvline(
        finding.suggestion, color="C2", linestyle="--", label=f"learning_rate = {rate_text(finding.suggestion)}"
    )
    axes.set_ylim(bottom, top)
    axes.set_xlabel("learning rate")
    axes.set_ylabel(f"{finding.compared} loss after {finding.steps:,} steps")
    axes.grid(alpha=0.3)
    axes.legend()
