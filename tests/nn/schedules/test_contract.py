"""Every registered schedule keeps the contract, by its defaults and in other forms."""

import pytest

import gmcore
from gmcore.nn.schedules import Cosine, WarmUp
from gmcore.testing.schedule import ScheduleContract

REGISTRY = gmcore.float64.schedules
FORMS = [
    Cosine(final_fraction=0.1),
    WarmUp(steps=5),
    WarmUp(fraction=0.3),
    WarmUp(Cosine(), steps=50),
    WarmUp(WarmUp(Cosine(), steps=3), fraction=0.1),
]


@pytest.mark.parametrize("name", REGISTRY)
class TestEveryRegisteredSchedule(ScheduleContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name):
        self.name = name

    def schedule(self):
        return REGISTRY.create(self.name)


@pytest.mark.parametrize("form", FORMS, ids=repr)
class TestOtherForms(ScheduleContract):
    @pytest.fixture(autouse=True)
    def _choose(self, form):
        self.form = form

    def schedule(self):
        return self.form
