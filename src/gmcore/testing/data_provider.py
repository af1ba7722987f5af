"""Contract tests for data providers."""

# ruff: noqa: S101 - these are checks

from abc import abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

import attrs
import numpy as np

from gmcore.domain import Batch, BatchConfig, Feature, Rows, Tensor
from gmcore.domain.data.purge import apart_from
from gmcore.domain.data.tensor import RESERVED
from gmcore.errors import DataError
from gmcore.ports import DataProvider, SupportsRows, SupportsSchema
from gmcore.testing.abilities import OfAbilities, needs
from gmcore.testing.data_checks.rows import assert_columns, assert_order

__all__ = ["DataProviderContract"]

_PLAIN = BatchConfig(batch_size=4, shuffle=False)
_SHUFFLED = BatchConfig(batch_size=4, seed=3)


class DataProviderContract(OfAbilities):
    """Contract tests for a data provider; subclass it as `TestYours` in a test module.

    A suite for a provider without one of the optional abilities (`SupportsRows`, `SupportsSchema`) lists the others in
    `abilities`; it has no tests of that ability.
    """

    optional: ClassVar[tuple[type, ...]] = (SupportsRows, SupportsSchema)
    abilities: ClassVar[tuple[type, ...]] = optional

    @abstractmethod
    def provider(self) -> DataProvider:
        """Return a new provider of the same rows: at least ten, some of them for validation."""

    def unreadable(self) -> DataProvider | None:
        """Return a provider whose source can't be read; None if that is impossible."""
        return None

    def without_target(self) -> DataProvider:
        """Return a provider of the same rows whose source has no target, if that is possible."""
        return self.provider()

    def test_it_is_a_data_provider(self) -> None:
        """It is a subclass of the port or has all its methods."""
        assert isinstance(self.provider(), DataProvider)

    def test_its_abilities_are_those_of_the_suite(self) -> None:
        """An ability that is not in `abilities` would not be tested."""
        self.assert_abilities(self.provider())

    def test_a_missing_source_is_an_error_at_the_first_use(self) -> None:
        """Constructing a provider reads nothing; its first use raises a `DataError`."""
        provider = self.unreadable()
        if provider is not None:
            _assert_refuses(lambda: provider.schema)

    def test_metadata_has_source_rows_and_hash(self) -> None:
        """The hash depends on the content, not on the object."""
        metadata = self.provider().metadata
        assert str(metadata["source"])
        assert isinstance(metadata["rows"], int)
        assert metadata["rows"] >= 10  # noqa: PLR2004 - required by `provider`
        assert metadata["sha256"] == self.provider().metadata["sha256"]
        assert len(bytes.fromhex(str(metadata["sha256"]))) == 32  # noqa: PLR2004 - 256 bits

    def test_every_batch_has_the_same_size_and_the_columns_of_the_schema(self) -> None:
        """The last batch is padded with rows of weight 0."""
        provider = self.provider()
        batches = list(provider.training_batches(_SHUFFLED))
        assert batches, "there are no training batches"
        for batch in [*batches, *provider.validation_batches(_SHUFFLED)]:
            assert batch.weights.shape == (4,)
            assert_order(provider.schema, batch)
            assert_columns(provider.schema, batch.inputs, batch.targets, count=4)

    def test_iterating_again_gives_the_same_batches(self) -> None:
        """A provider has no hidden state: the order depends neither on earlier iterations nor on the object."""
        provider = self.provider()
        batches = provider.training_batches(_SHUFFLED)
        first = _fingerprints(batches)
        assert first == _fingerprints(batches)
        assert first == _fingerprints(provider.training_batches(_SHUFFLED))
        assert first == _fingerprints(self.provider().training_batches(_SHUFFLED))

    def test_the_order_depends_on_the_seed(self) -> None:
        """Different seeds give different orders, all different from the source's."""
        provider = self.provider()
        orders = [_PLAIN, *(BatchConfig(batch_size=4, seed=seed) for seed in range(3))]
        found = [tuple(_fingerprints(provider.training_batches(order))) for order in orders]
        assert len(set(found)) == len(found)

    def test_an_incomplete_batch_can_be_left_out(self) -> None:
        """With `drop_last`, only full batches remain."""
        provider = self.provider()
        for size in (3, 4):
            config = BatchConfig(batch_size=size, drop_last=True)
            kept = list(provider.training_batches(config))
            every = list(provider.training_batches(attrs.evolve(config, drop_last=False)))
            assert len(every) - len(kept) in (0, 1)
            assert _fingerprints(kept) == _fingerprints(every)[: len(kept)]
            if isinstance(provider, SupportsRows):
                assert len(kept) == len(provider.split().train) // size

    def test_closing_twice_is_allowed(self) -> None:
        """A provider that was never used can be closed, too."""
        unused, used = self.provider(), self.provider()
        next(iter(used.training_batches(_PLAIN)))
        for provider in (unused, used, unused, used):
            provider.close()

    @needs(SupportsRows)
    def test_rows_are_read_once_and_match_the_schema(self) -> None:
        """`rows` returns the same object each time, with the columns of the schema."""
        provider = self.provider()
        assert isinstance(provider, SupportsRows)
        rows = provider.rows()
        assert rows is provider.rows()
        assert rows.schema == provider.schema
        assert len(rows) == provider.metadata["rows"]
        assert_columns(rows.schema, rows.inputs, rows.targets, count=len(rows))
        assert (rows.groups is not None) == (rows.schema.group is not None)
        assert (rows.time is not None) == (rows.schema.time is not None)
        assert rows.groups is None or rows.groups.dtype == np.int64
        assert rows.ids is None or (rows.schema.id is not None and rows.ids.dtype.kind == "U")
        if rows.weights is not None:
            assert rows.weights.dtype == np.float64
            assert np.isfinite(rows.weights).all()
            assert (rows.weights >= 0).all()

    @needs(SupportsRows)
    def test_the_split_has_every_row_once(self) -> None:
        """Training, validation and test rows are disjoint, complete and reproducible; no group is split.

        Of windows of a series, those are left out of the training rows that share steps with held-out rows.
        """
        provider, other = self.provider(), self.provider()
        assert isinstance(provider, SupportsRows)
        assert isinstance(other, SupportsRows)
        rows, split = provider.rows(), provider.split()
        parts = [split.train, split.validation, split.test]
        assert all(part.dtype == np.int64 for part in parts)
        given = np.concatenate(parts)
        assert len(np.unique(given)) == len(given)
        missing = np.setdiff1d(np.arange(len(rows)), given)
        assert not len(apart_from(rows, missing, np.concatenate(parts[1:]))), "rows without a role"
        assert len(apart_from(rows, split.train, np.concatenate(parts[1:]))) == len(split.train), "steps on two sides"
        assert len(split.train) > 0
        assert np.array_equal(split.train, other.split().train)
        assert np.array_equal(split.validation, other.split().validation)
        if rows.groups is not None:
            groups = [set(rows.groups[part].tolist()) for part in parts]
            assert sum(map(len, groups)) == len(set.union(*groups))

    @needs(SupportsRows)
    def test_batches_have_every_training_row_once_and_validation_rows_in_order(self) -> None:
        """Padding has weight 0, rows have their own weight."""
        provider = self.provider()
        assert isinstance(provider, SupportsRows)
        rows, split = provider.rows(), provider.split()
        expected = _lines(rows.take(split.train))
        assert _lines_of(provider.training_batches(_PLAIN), len(split.train)) == expected
        assert sorted(_lines_of(provider.training_batches(_SHUFFLED), len(split.train))) == sorted(expected)
        shortened = attrs.evolve(_SHUFFLED, drop_last=True)
        held = _lines_of(provider.validation_batches(shortened), len(split.validation))
        assert held == _lines(rows.take(split.validation))

    @needs(SupportsSchema, SupportsRows)
    def test_rows_can_be_read_without_targets(self) -> None:
        """`rows_like` returns the same inputs as `rows`, with and without a target in the source."""
        provider = self.provider()
        assert isinstance(provider, SupportsRows)
        for source in (self.provider(), self.without_target()):
            assert isinstance(source, SupportsSchema)
            rows = source.rows_like(provider.schema)
            assert rows.targets is None
            assert rows.schema == provider.schema
            assert rows.inputs.keys() == provider.rows().inputs.keys()
            for name, column in rows.inputs.items():
                np.testing.assert_array_equal(column[:], provider.rows().inputs[name][:])

    @needs(SupportsSchema)
    def test_an_unknown_category_has_code_0(self) -> None:
        """A category that is not in the schema is encoded as 0."""
        provider = self.provider()
        assert isinstance(provider, SupportsSchema)
        none = np.empty((int(str(provider.metadata["rows"])), 0), np.int32)
        fewer = tuple(attrs.evolve(feature, categories=feature.categories[:-1]) for feature in provider.schema.features)
        codes = provider.rows_like(provider.schema).inputs.get("categorical", none)
        found = provider.rows_like(attrs.evolve(provider.schema, features=fewer)).inputs.get("categorical", none)
        last = [len(feature.categories) for feature in provider.schema.categorical]
        np.testing.assert_array_equal(found, np.where(codes == last, 0, codes))

    @needs(SupportsSchema)
    def test_columns_are_found_by_name(self) -> None:
        """A column that is not in the schema is ignored; a missing column is a `DataError` that names it."""
        provider = self.provider()
        assert isinstance(provider, SupportsSchema)
        schema = provider.schema
        if not schema.features:
            return
        alone = attrs.evolve(schema, features=schema.features[-1:])
        columns = provider.rows_like(alone).inputs
        column = next(columns[name] for name in RESERVED if name in columns)
        assert column.shape[:2] == (provider.metadata["rows"], 1)
        more = attrs.evolve(schema, features=(*schema.features, Feature(name="no_such_column")))
        assert "no_such_column" in _assert_refuses(lambda: provider.rows_like(more))

    @needs(SupportsSchema)
    def test_tensors_are_found_by_name_and_shape(self) -> None:
        """A missing tensor, or one of another shape, is a `DataError` that names it."""
        provider = self.provider()
        assert isinstance(provider, SupportsSchema)
        schema = provider.schema
        more = attrs.evolve(schema, tensors=(*schema.tensors, Tensor(name="no_such_tensor", shape=(3, 2))))
        assert "no_such_tensor" in _assert_refuses(lambda: provider.rows_like(more))
        for tensor in schema.tensors:
            larger = attrs.evolve(tensor, shape=(*tensor.shape[:-1], tensor.shape[-1] + 1))
            others = tuple(larger if one is tensor else one for one in schema.tensors)
            message = _assert_refuses(partial(provider.rows_like, attrs.evolve(schema, tensors=others)))
            assert f"'{tensor.name}'" in message
            assert str(larger.shape) in message
            assert str(tensor.shape) in message


def _assert_refuses(use: Callable[[], object]) -> str:
    try:
        use()
    except DataError as error:
        return str(error)
    raise AssertionError("expected a DataError")


def _fingerprints(batches: Iterable[Batch]) -> list[bytes]:
    return [b"".join(np.asarray(array).tobytes() for array in _arrays(batch)) for batch in batches]


def _arrays(batch: Batch) -> list[np.ndarray]:
    return [*(batch.inputs[name] for name in sorted(batch.inputs)), batch.targets, batch.weights]


def _lines(rows: Rows) -> list[bytes]:
    """Return each row's inputs, target and weight as bytes."""
    assert rows.targets is not None
    weights = np.ones(len(rows)) if rows.weights is None else rows.weights
    return _bytes([Batch(inputs=rows.inputs, targets=rows.targets, weights=weights)])


def _lines_of(batches: Iterable[Batch], count: int) -> list[bytes]:
    """Return the first `count` rows as bytes, and check that the others have weight 0."""
    found = list(batches)
    weights = np.concatenate([batch.weights for batch in found]) if found else np.empty(0)
    assert (weights[count:] == 0).all()
    return _bytes(found)[:count]


def _bytes(batches: Iterable[Batch]) -> list[bytes]:
    return [
        b"".join(np.ascontiguousarray(array[row]).tobytes() for array in _arrays(batch))
        for batch in batches
        for row in range(len(batch.weights))
    ]
