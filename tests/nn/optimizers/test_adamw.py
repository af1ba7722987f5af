import numpy as np
import pytest

from gmcore.nn.optimizers import Adam, AdamW


# Written by torch 2.13 in float64, from the start and the gradients in conftest.
@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (AdamW(learning_rate=0.1), [0.36223271637991894, -0.9845748003272985, 1.8101491154712364]),
        (
            AdamW(learning_rate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-3, weight_decay=0.1),
            [0.4685011196747523, -1.1882365130234096, 1.9517386808449457],
        ),
    ],
)
def test_steps_are_torchs(descend, optimizer, expected):
    assert descend(optimizer) == pytest.approx(expected, rel=1e-13)


def test_weight_decay_shrinks_parameters_without_a_gradient(descend):
    still = np.zeros((3, 2))
    shrunk = descend(AdamW(learning_rate=0.1, weight_decay=0.5), np.array([2.0, -4.0]), still)
    assert shrunk == pytest.approx(np.array([2.0, -4.0]) * 0.95**3, rel=1e-14)


def test_without_weight_decay_it_is_adam(descend):
    assert np.array_equal(descend(AdamW(weight_decay=0.0)), descend(Adam()))
