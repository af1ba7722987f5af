"""Every registered loss keeps the contract of its port, by its defaults and with other settings."""

import attrs
import pytest

import gmcore
from gmcore.nn.losses import BinaryCrossEntropy, CrossEntropy, Focal, Huber, KLDivergence, PearsonCorrelation
from gmcore.ports import BatchLoss
from gmcore.testing.batch_loss import BatchLossContract
from gmcore.testing.loss import LossContract

REGISTRY = gmcore.float64.losses
OF_A_BATCH = [name for name in REGISTRY if isinstance(REGISTRY.create(name), BatchLoss)]
OF_ROWS = [name for name in REGISTRY if name not in OF_A_BATCH]
FORMS = [
    Huber(delta=0.4),
    CrossEntropy(label_smoothing=0.1),
    BinaryCrossEntropy(label_smoothing=0.2),
    Focal(gamma=0.5, label_smoothing=0.1),
    KLDivergence(label_smoothing=0.1),
]
FORMS_OF_A_BATCH = [PearsonCorrelation(epsilon=0.1)]


@pytest.mark.parametrize("name", OF_ROWS)
class TestEveryRegisteredLoss(LossContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name):
        self.name = name

    def loss(self):
        return REGISTRY.create(self.name)

    def case(self, target):
        case = super().case(target)
        # Of counts of a thousand, central differences have too few digits for those of others.
        return attrs.evolve(case, outputs=case.outputs / 3) if self.name == "poisson" else case


@pytest.mark.parametrize("name", OF_A_BATCH)
class TestEveryRegisteredBatchLoss(BatchLossContract):
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


@pytest.mark.parametrize("form", FORMS_OF_A_BATCH, ids=repr)
class TestOtherFormsOfABatch(BatchLossContract):
    @pytest.fixture(autouse=True)
    def _choose(self, form):
        self.form = form

    def loss(self):
        return self.form
