"""The examples' files hold exactly scikit-learn's data sets."""

from pathlib import Path

import numpy as np
import pytest
from gm_csv_data import CSVDataProvider
from sklearn import datasets

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize(
    ("name", "target", "original"),
    [
        ("breast_cancer", "diagnosis", datasets.load_breast_cancer()),
        ("digits", "digit", datasets.load_digits()),
        ("diabetes", "progression", datasets.load_diabetes(scaled=False)),
    ],
)
def test_an_example_has_the_values_of_its_data_set(name, target, original):
    rows = CSVDataProvider(path=EXAMPLES / name / f"{name}.csv", target=target).rows()
    assert [feature.name for feature in rows.schema.features] == list(original.feature_names)
    np.testing.assert_array_equal(rows.inputs["numeric"], original.data)
    if rows.schema.target.is_classification:
        classes = np.array(rows.schema.target.classes)
        assert classes[rows.targets].tolist() == original.target_names[original.target].astype(str).tolist()
    else:
        np.testing.assert_array_equal(rows.targets[:, 0], original.target)
