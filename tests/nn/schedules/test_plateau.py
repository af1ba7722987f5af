import numpy as np
import pytest

from gmcore.nn.schedules import Constant, Cosine, Plateau, WarmUp
from gmcore.ports import SupportsFeedback
from gmcore.training.fleet.stopping.early_stopping import feedback_of

NAN = float("nan")
LOSSES = [1.0, 0.9, 0.895, 0.9, 0.89, 0.7, 0.71, 0.72, 0.73, 0.74, NAN, 0.75, 0.69999, 0.5]


def halved(*times):
    """Return the factors after numbers of reductions to a half."""
    return [0.5**count for count in times]


# Written by torch 2.13's ReduceLROnPlateau with eps=0: the factor after each epoch.
TORCH = [
    (Plateau(patience=1), [1, 1, 1, 1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 1e-3]),
    (
        Plateau(reduction=0.5, patience=0, threshold=0.01),
        halved(0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9, 9),
    ),
    (
        Plateau(reduction=0.5, patience=0, threshold=0.01, threshold_mode="absolute", cooldown=2),
        halved(0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4),
    ),
    (Plateau(reduction=0.3, patience=1, floor=0.05), [1, 1, 1, 1, 1, 1, 1, 0.3, 0.3, 0.09, 0.09, 0.05, 0.05, 0.05]),
    (Plateau(reduction=0.5, patience=0, cooldown=1, threshold=0.0), halved(0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4)),
]


def scales(feedback, losses, xp):
    """Return the factor after each epoch, `(epochs, members)`, for losses of that shape."""
    state, found = feedback.initial(losses.shape[1]), []
    for loss in losses:
        state = feedback.after_epoch(state, loss, xp=xp)
        found.append(state["scale"])
    return np.array(found)


@pytest.mark.parametrize(("plateau", "expected"), TORCH, ids=[repr(plateau) for plateau, _ in TORCH])
def test_the_learning_rate_falls_as_torchs(xp, plateau, expected):
    found = scales(plateau.feedback, np.array(LOSSES)[:, None], xp)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-14)


def test_each_member_has_its_own_factor(xp):
    plateau = Plateau(reduction=0.5, patience=0)
    losses = np.array([[3.0, 3.0, NAN], [2.0, 3.0, NAN], [1.0, 3.0, NAN]])
    assert scales(plateau, losses, xp).tolist() == [[1, 1, 0.5], [1, 0.5, 0.25], [1, 0.25, 0.125]]
    for member in range(3):
        alone = scales(plateau, losses[:, [member]], xp)
        assert np.array_equal(alone[:, 0], scales(plateau, losses, xp)[:, member])


def test_the_state_keeps_its_names_shapes_and_dtypes(xp):
    plateau = Plateau(patience=0)
    state = before = plateau.initial(4)
    for loss in (1.0, NAN, 0.5):
        state = plateau.after_epoch(state, np.full(4, loss), xp=xp)
        assert list(state) == list(before)
        assert {name: (leaf.shape, leaf.dtype) for name, leaf in state.items()} == {
            name: (leaf.shape, leaf.dtype) for name, leaf in before.items()
        }
    assert np.array_equal(before["scale"], np.ones(4))


def test_the_planned_rate_is_constant():
    assert np.array_equal(Plateau().factor(np.arange(5)[:, None], np.array([3, 9]), np.array([1, 3])), np.ones((5, 2)))


def test_a_warm_up_passes_on_how_the_schedule_after_it_reacts():
    plateau = Plateau(patience=3)
    assert feedback_of(WarmUp(plateau, steps=5)) is plateau
    assert feedback_of(WarmUp(WarmUp(plateau, steps=5), fraction=0.1)) is plateau
    assert feedback_of(WarmUp(Cosine(), steps=5)) is None
    assert feedback_of(Constant()) is None
    assert isinstance(WarmUp(), SupportsFeedback)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": 0.0}, "reduction"),
        ({"reduction": 1.0}, "reduction"),
        ({"patience": -1}, "patience"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": 1.0}, "threshold must be below 1 if it is relative to the loss, got 1.0"),
        ({"threshold": float("inf"), "threshold_mode": "absolute"}, "threshold"),
        ({"threshold_mode": "rel"}, "threshold_mode"),
        ({"cooldown": -1}, "cooldown"),
        ({"floor": 1.5}, "floor"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Plateau(**options)
