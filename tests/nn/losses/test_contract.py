"""Every registered loss keeps the contract, by its defaults and with other settings."""

import pytest

import gmcore
from gmcore.nn.losses import BinaryCrossEntropy, CrossEntropy, Huber
from gmcore.testing.loss import LossContract

REGISTRY = gmcore.float64.losses
FORMS = [Huber(delta=0.4), CrossEntropy(label_smoothing=0.1), BinaryCrossEntropy(label_smoothing=0.2)]


@pytest.mark.parametrize("name", REGISTRY)
class TestEveryRegisteredLoss(LossContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name):
        self.name = name

    def loss(self):
        return REGISTRY.create(self.name)


@pytest.mark.parametrize("form", FORMS, ids=repr)
class TestOtherForms(LossContract):
    @pytest.fixture(autouse=True)
    def _choose(self, form):
        self.form = form

    def loss(self):
        return self.form
