"""Contract tests of CSVDataProvider for each kind of table."""

from pathlib import Path
from typing import ClassVar

import pytest
from gm_csv_data import CSVDataProvider

from gmcore.domain import SplitConfig
from gmcore.testing.data_provider import DataProviderContract

HEADER = "size,colour,open,kind,shop,weight,day"
ROWS = [
    "{size},{colour},{open},{kind},s{shop},{weight},2024-03-{day:02}".format(
        size="" if i == 4 else i * 0.5 - 3,
        colour=["red", "", "blue", "green"][i % 4],
        open=["true", "false"][i % 2],
        kind=["apple", "pear", "plum"][i * 7 % 3],
        shop=i // 3,
        weight=i % 3,
        day=28 - i,
    )
    for i in range(27)
]


class CSVContract(DataProviderContract):
    """Contract tests with a provider of one file."""

    header: ClassVar[str] = HEADER
    rows: ClassVar[list[str]] = ROWS
    options: ClassVar[dict[str, object]] = {}

    @pytest.fixture(autouse=True)
    def _write(self, tmp_path):
        self.path = tmp_path / "fruit.csv"
        self.path.write_text("\n".join([self.header, *self.rows]) + "\n")

    def provider(self):
        return CSVDataProvider(path=self.path, **self.options)

    def unreadable(self):
        return CSVDataProvider(path=Path("nowhere.csv"), **self.options)


class TestPlain(CSVContract):
    options: ClassVar[dict[str, object]] = {"target": "kind", "drop": ("shop", "day")}

    def without_target(self):
        """Return a provider of the file without the target column."""
        path = self.path.with_name("unlabelled.csv")
        lines = [",".join(f for i, f in enumerate(row.split(",")) if i != 3) for row in [self.header, *self.rows]]
        path.write_text("\n".join(lines))
        return CSVDataProvider(path=path)


class TestGroupsWeightsAndTestRows(CSVContract):
    options: ClassVar[dict[str, object]] = {
        "target": "kind",
        "group": "shop",
        "weight": "weight",
        "drop": ("day",),
        "test": SplitConfig(fraction=0.2),
    }

    def test_the_share_of_test_rows_is_the_configured_one(self):
        rows, split = self.provider().rows(), self.provider().split()
        assert len(split.test) == pytest.approx(0.2 * len(rows), abs=3)  # whole groups of three


class TestCached(CSVContract):
    options: ClassVar[dict[str, object]] = {"target": "kind", "group": "shop", "time": "day", "weight": "weight"}

    def provider(self):
        return CSVDataProvider(path=self.path, cache=True, cache_folder=self.path.parent, **self.options)


class TestTime(CSVContract):
    options: ClassVar[dict[str, object]] = {"target": "kind", "time": "day", "drop": ("shop",)}


class TestSeveralTargets(CSVContract):
    header, rows = "a,b,c,d", [f"{i},{i % 5},{i * 0.1},{i % 7}" for i in range(12)]
    options: ClassVar[dict[str, object]] = {"target": ("c", "d")}


class TestDates(CSVContract):
    header = "day,colour,moment,y"
    rows: ClassVar[list[str]] = [
        f"{i + 1}.2.2024,{'rgb'[i % 3]},{'' if i % 5 == 0 else f'2024-02-{i + 1:02} {i % 24:02}:00'},{i * 1.5}"
        for i in range(27)
    ]
    options: ClassVar[dict[str, object]] = {"target": "y"}


class TestCachedDates(TestDates):
    def provider(self):
        return CSVDataProvider(path=self.path, cache=True, cache_folder=self.path.parent, **self.options)


class TestOnlyCategories(CSVContract):
    header, rows = "a,b", [f"{'xyz'[i % 3]},{i * 1.5}" for i in range(12)]
    options: ClassVar[dict[str, object]] = {"target": "b"}


@pytest.mark.parametrize("role", ["validation", "test"])
def test_a_split_that_is_no_split_config_is_refused(role):
    with pytest.raises(TypeError, match=f"'{role}' must be <class 'gmcore.domain.config.SplitConfig'>"):
        CSVDataProvider(path="rows.csv", **{role: 0.2})
