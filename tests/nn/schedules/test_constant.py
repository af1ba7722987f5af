import numpy as np

from gmcore.nn.schedules import Constant


def test_the_factor_is_one_at_every_step():
    assert Constant().factor(np.arange(5), np.array(5), np.array(5)).tolist() == [1.0] * 5
