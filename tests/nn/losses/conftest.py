"""Losses on the NumPy reference, and their gradients on every installed backend."""

import pytest


@pytest.fixture
def losses(xp):
    """Return each row's loss, with the loss's own settings or others."""

    def of_rows(loss, outputs, targets, **settings):
        return loss.of_rows(outputs, targets, settings=settings or loss.settings, xp=xp)

    return of_rows


@pytest.fixture
def gradient(double):
    """Return the gradient of the losses' sum by the outputs, float64."""

    def of_sum(loss, outputs, targets):
        def total(outputs, targets):
            rows = loss.of_rows(outputs, targets, settings=loss.settings, xp=double.xp)
            return double.xp.sum(rows), ()

        # `loops`, though there are none, so that no slow compiler of single functions is called.
        gradient_of = double.compile(double.value_and_grad(total), loops=True)
        return double.to_numpy(gradient_of(*double.asarray((outputs, targets)))[1])

    return of_sum
