import numpy as np
import pytest

from gmcore.nn.optimizers import RMSProp


# Written by torch 2.13 in float64, from the start and the gradients in conftest.
@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (RMSProp(learning_rate=0.1), [-0.5070913125764301, 0.3836514785058105, 1.9179028852761735]),
        (
            RMSProp(learning_rate=0.02, rho=0.8, epsilon=1e-3, weight_decay=0.1),
            [0.45183223079552937, -1.1541590851976906, 1.9536085987820087],
        ),
    ],
)
def test_steps_are_torchs(descend, optimizer, expected):
    assert descend(optimizer) == pytest.approx(expected, rel=1e-13)


def test_the_size_of_constant_gradients_does_not_matter(descend):
    gradients = np.full((5, 3), [1e-3, 5.0, -1e6])
    steps = descend(RMSProp(epsilon=1e-30), np.zeros(3), gradients)
    assert steps == pytest.approx(steps[0] * np.array([1.0, 1.0, -1.0]), rel=1e-12)


@pytest.mark.parametrize("settings", [{"rho": 1.0}, {"epsilon": 0.0}, {"learning_rate": -1.0}], ids=str)
def test_settings_out_of_range_are_named(settings):
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name}.*{value}"):
        RMSProp(**settings)
