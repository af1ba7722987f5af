"""What a metric is given can't be changed by it, and what it returns has names of its own."""

import attrs
import numpy as np
import pytest

from gmcore.errors import TrainingError
from gmcore.ports import MetricComputer
from gmcore.testing.fakes import two_moons
from gmcore.training import score

ROWS = attrs.evolve(two_moons(9), weights=np.ones(9))


@attrs.frozen
class Given(MetricComputer):
    """A metric that calls a function with all that it is given."""

    function: object

    def bind(self, schema):
        return self

    def compute(self, predictions, targets, weights=None):
        return self.function(predictions, targets, weights)


def scored(function):
    return score([Given(function)], np.full((9, 2), 0.5), ROWS, np.arange(9))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_predictions_targets_and_weights_are_read_only(place):
    def spoil(*given):
        given[place][0] = 1

    with pytest.raises(ValueError, match="read-only"):
        scored(spoil)


def test_the_name_of_the_models_loss_is_taken():
    with pytest.raises(TrainingError, match="two metrics return 'loss', or one returns the name of the model's loss"):
        scored(lambda *_: {"loss": 1.0})
