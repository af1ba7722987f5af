"""The result of `find_rate`: the loss at each learning rate, and the rate to use."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np

from gmcore.domain.short_repr import shape_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RateFinding", "rate_text"]

_SHARE = 0.5
_REACH = 0.5  # in decades
_BELOW, _ABOVE = 0.05, 0.15
_AS_DECIMAL = 0.1


@attrs.frozen(kw_only=True, eq=False)
class RateFinding:
    """The loss of one model after a short training at each of several learning rates.

    Attributes:
        rates: the learning rates, increasing and evenly spaced in their logarithm, `(rates,)` float64.
        losses: loss at the end of the training, `(rates,)` float64; infinite where training failed.
        compared: the rows that the losses are from: `"validation"`, held-out rows after the last step; or
            `"training"`, the mean over the last epoch.
        epochs: number of epochs of each training.
        steps: number of optimizer steps of each training.
        rows: number of rows that each model was trained on.
        seconds: wall-clock seconds of the command.
    """

    rates: np.ndarray = attrs.field(repr=shape_of)
    losses: np.ndarray = attrs.field(repr=shape_of)
    compared: Literal["validation", "training"]
    epochs: int
    steps: int
    rows: int
    seconds: float

    @property
    def smoothed(self) -> np.ndarray:
        """Weighted mean of the losses within half a decade, `(rates,)`; infinite if a training failed there.

        The weight falls linearly with the distance in the logarithm, from 1 to 0.
        """
        exponents, failed = np.log10(self.rates), np.isinf(self.losses)
        weights = np.maximum(0.0, 1.0 - np.abs(exponents[:, None] - exponents) / _REACH)
        means = weights @ np.where(failed, 0.0, self.losses) / weights.sum(axis=1)
        return np.where((weights[:, failed] > 0.0).any(axis=1), np.inf, means)

    @property
    def lowest(self) -> int:
        """Place of the lowest smoothed loss; of the lowest loss if no smoothed one is finite."""
        smoothed = self.smoothed
        return int(np.argmin(smoothed if np.isfinite(smoothed).any() else self.losses))

    @property
    def suggestion(self) -> float:
        """The learning rate to train with, to two digits: half the rate of the lowest smoothed loss.

        Formula:
            `suggestion = 0.5 * rates[argmin(smoothed)]`

        Source:
            The comparison of rules in docs/how-to/search.md. Losses rise quickly beyond the lowest one, so a smaller
            rate is safer. A tenth of the rate, common after a range test (Smith, "Cyclical learning rates for training
            neural networks", 2017), would be too small: there the rate rises during the training, and the loss lags.
        """
        return float(rate_text(_SHARE * self.rates[self.lowest]))

    @property
    def advice(self) -> str:
        """What to change to find a better rate; empty if the lowest loss is within the range."""
        if self.lowest == 0:
            return f"the loss is lowest at the lowest learning rate, {rate_text(self.rates[0])}: try a smaller 'low'"
        if self.lowest == len(self.rates) - 1:
            return f"the loss is lowest at the highest learning rate, {rate_text(self.rates[-1])}: try a larger 'high'"
        return ""

    @property
    def shown(self) -> tuple[float, float]:
        """Range of losses to show: from the lowest to those at rates below its own, with margins.

        At rates that are too high the losses are so large that all others would be one flat line.
        """
        finite = self.losses[np.isfinite(self.losses)]
        before = self.losses[: self.lowest + 1]
        bottom, top = finite.min(), before[np.isfinite(before)].max()
        if top - bottom < _ABOVE * (np.median(finite) - bottom):  # all rates below it are almost as good
            top = np.median(finite)
        size = float(top - bottom) or 1.0  # they may all be the same
        return float(bottom - _BELOW * size), float(top + _ABOVE * size)

    @property
    def report(self) -> dict[str, object]:
        """The same as JSON values, in which the losses of failed trainings are None."""
        return {
            "learning_rate": self.suggestion,
            "compared": self.compared,
            "rates": self.rates.tolist(),
            "losses": [loss if np.isfinite(loss) else None for loss in self.losses.tolist()],
            "epochs": self.epochs,
            "steps": self.steps,
            "rows": self.rows,
            "advice": self.advice,
            "seconds": self.seconds,
        }

    def plot(self, target: "str | Path | Axes | None" = None) -> "Axes":
        """Draw the losses over the learning rates, with matplotlib.

        Args:
            target: an image file to write, whose suffix is its format; axes to draw on; None for a new figure.

        Returns:
            The axes; a new figure is their attribute `figure`.

        Raises:
            ConfigError: if matplotlib is not installed, or the path can't be that of an image.
            OutputError: if the file can't be written.
        """
        from gmcore.app.records.rate_plot import plotted  # noqa: PLC0415 - finding a rate does not need it

        return plotted(self, Path(target) if isinstance(target, str) else target)


def rate_text(rate: float) -> str:
    """Return a learning rate as it is written in a run file, to two digits, such as `"3e-3"` or `"0.25"`."""
    text = f"{rate:.1e}"
    if float(text) >= _AS_DECIMAL:
        return str(float(text))
    digits, _, exponent = text.partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"
