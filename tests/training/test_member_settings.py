"""Members of a fleet with their own hyperparameters, of the optimizer and of the model."""

import attrs
import numpy as np
import pytest

from gmcore.domain import Member
from gmcore.errors import ConfigError
from gmcore.testing.fakes import TinyModel
from gmcore.training import GradientDescent

WORKFLOW = GradientDescent()
ROWS = np.arange(100)


def test_a_member_trains_like_a_model_made_with_its_settings(task, same_results):
    rates = (0.1, 0.5)
    members = [Member(train=ROWS, settings={"dropout": rate, "learning_rate": 0.01}) for rate in rates]
    found = WORKFLOW.train(task, members)
    for rate, one in zip(rates, found, strict=True):
        optimizer = attrs.evolve(task.optimizer, learning_rate=0.01)
        alone = attrs.evolve(task, model=TinyModel(schema=task.rows.schema, dropout=rate), optimizer=optimizer)
        same_results(WORKFLOW.train(alone, [Member(train=ROWS)]), [one])
    assert found[0].final_loss != found[1].final_loss


def test_an_unknown_setting_suggests_one_of_the_models(task):
    with pytest.raises(ConfigError, match=r"member 3: unknown setting 'dropuot', did you mean 'dropout'\?"):
        WORKFLOW.train(task, [Member(index=3, train=ROWS, settings={"dropuot": 0.1})])


def test_a_setting_that_optimizer_and_model_both_have_is_refused(task):
    @attrs.frozen(kw_only=True)
    class Decaying(TinyModel):
        @property
        def settings(self):
            return {"weight_decay": 0.1}

    both = attrs.evolve(task, model=Decaying(schema=task.rows.schema))
    with pytest.raises(ConfigError, match="'weight_decay' is a setting of both optimizer and model"):
        WORKFLOW.train(both, [Member(train=ROWS, settings={"weight_decay": 0.2})])
    WORKFLOW.train(both, [Member(train=ROWS, settings={"learning_rate": 0.2})])
