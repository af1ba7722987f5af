"""A store holds the series of windows once, whether they come as rows, in blocks or from a stream."""

import hashlib
import json

import attrs
import numpy as np
import pytest

from gmcore import windowed_rows
from gmcore.domain import Batch, WindowedSeries
from gmcore.errors import DataError
from gmcore.ports import DataProvider
from gmcore.storage.row_ingest import rows_of
from gmcore.storage.row_store import open_rows, write_rows

SERIES = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
ROWS = windowed_rows(SERIES, np.arange(50.0), length=8, horizon=3, groups=np.repeat([0, 1], 25))


def assert_same(found, expected):
    windows, given = found.inputs["series"], expected.inputs["series"]
    assert isinstance(windows, WindowedSeries)
    assert (windows.length, windows.reach) == (given.length, given.reach)
    assert np.array_equal(windows.series, SERIES)
    assert np.array_equal(windows.starts, given.starts)
    for name in ("targets", "groups", "time"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("size", [1, 7, None])
def test_what_is_written_is_read(tmp_path, size):
    write_rows(tmp_path / "rows", [ROWS] if size is None else ROWS.blocks(size), {})
    found = open_rows(tmp_path / "rows").rows
    assert found.schema == ROWS.schema
    assert isinstance(found.inputs["series"].series, np.memmap)
    assert_same(found, ROWS)


def test_a_store_takes_no_more_than_the_series_and_a_place_a_row(tmp_path):
    write_rows(tmp_path / "rows", ROWS.blocks(5), {})
    sizes = [np.load(path, mmap_mode="r").nbytes for path in (tmp_path / "rows").glob("*.npy")]
    assert sum(sizes) <= SERIES.nbytes + len(ROWS) * 4 * 8


def test_blocks_of_another_series_are_refused(tmp_path):
    other = windowed_rows(SERIES.copy(), np.arange(50.0), length=8, horizon=3, groups=np.repeat([0, 1], 25))
    for different in (other, windowed_rows(SERIES, np.arange(50.0), length=8, groups=np.repeat([0, 1], 25))):
        with pytest.raises(ValueError, match="all blocks must have the columns of the first one"):
            write_rows(tmp_path / f"rows{id(different)}", [ROWS, different], {})


def test_a_damaged_series_is_found(tmp_path):
    write_rows(tmp_path / "rows", [ROWS], {})
    largest = max((tmp_path / "rows").glob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[-1] ^= 1
    largest.write_bytes(content)
    with pytest.raises(DataError, match="has changed since it was written"):
        open_rows(tmp_path / "rows")


@attrs.frozen(kw_only=True)
class Stream(DataProvider):
    """Yields windows in batches, the last one padded, and rows of images beside them."""

    size: int = 6
    schema = ROWS.schema
    metadata = property(lambda self: {"source": "stream", "rows": len(ROWS), "sha256": "00" * 32})

    def training_batches(self, config):
        for start in range(0, len(ROWS), self.size):
            places = np.arange(start, start + self.size) % len(ROWS)
            rows = ROWS.take(places)
            weights = (np.arange(start, start + self.size) < len(ROWS)).astype(float)
            yield Batch(inputs=rows.inputs, targets=rows.targets, weights=weights, groups=rows.groups, time=rows.time)

    def validation_batches(self, config):
        return []

    def close(self):
        pass


def test_streamed_windows_stay_windows():
    rows, split = rows_of(Stream())
    assert len(split.train) == len(ROWS)
    assert_same(rows, ROWS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: facts["windows"]["series"].update(length=5.0), "must be whole, got 5.0"),
        (lambda facts: facts["windows"]["series"].update(reach=10**19), "with the label"),
        (lambda facts: facts["windows"]["series"].update(reach=float("nan")), "must be whole, got 8, nan"),
        (lambda facts: facts.pop("about"), "'about'"),
        (lambda facts: facts.update(arrays={}, windows={}), "they have no inputs"),
        (lambda facts: facts["schema"]["target"].update(shape=[2**30] * 3), "the shape of its target .* is too large"),
        (lambda facts: facts["schema"]["tensors"][0].update(shape=[1] * 64), "the shape of a tensor .* is too large"),
    ],
)
def test_facts_that_can_not_be_are_damage(tmp_path, change, message):
    write_rows(tmp_path / "rows", [ROWS], {})
    path = tmp_path / "rows" / "rows.json"
    facts = json.loads(path.read_text())["facts"]
    change(facts)
    text = json.dumps(facts, sort_keys=True)
    path.write_text(json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "facts": facts}))
    with pytest.raises(DataError, match=f"are damaged: .*{message}"):
        open_rows(tmp_path / "rows")


def test_facts_that_are_nested_deeply_are_damage(tmp_path):
    write_rows(tmp_path / "rows", [ROWS], {})
    (tmp_path / "rows" / "rows.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="are damaged"):
        open_rows(tmp_path / "rows")
