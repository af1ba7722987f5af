"""`gmcore predict`: predict the rows of a file with a trained model."""

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.cli.paths import chosen_run, latest_run, runs_to_search

if TYPE_CHECKING:
    import numpy as np

    from gmcore.app import TrainedModel
    from gmcore.domain import Rows

__all__ = ["command"]

Rowwise = Sequence[Sequence[object]]

_DIGITS = {"float32": 9, "float64": 17}
"""Significant digits that identify every number of the dtype."""


@click.command("predict")
@click.argument("model", metavar="MODEL", required=False, type=click.Path(path_type=Path))
@click.argument("data", metavar="CSV", required=False, type=click.Path(path_type=Path))
@latest_run
@runs_to_search
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, not to stdout.")
@click.option("--backend", default="auto", show_default=True, metavar="NAME", help="Backend to predict with.")
@as_json
def command(
    model: Path | None, data: Path | None, output: Path | None, backend: str, runs: Path, *, latest: bool, as_json: bool
) -> None:
    """Predict the rows of the file CSV with MODEL, a model.safetensors or the run folder that contains it.

    MODEL can also be the name of a run, such as breast_cancer, or of its folder; --latest in its place is the newest
    run that has a model. The output is CSV with one line per row: the class and the probability of each class, or the
    predicted values; the id comes first if the training data had a column of ids. With --json and without --output,
    the JSON object contains the predictions.
    """
    from gmcore.app import load
    from gmcore.app.records.run_lookup import WITH_MODEL
    from gmcore.storage.output_file import write_output

    if latest and data is None:
        model, data = None, model
    model = chosen_run(model, WITH_MODEL, latest=latest, argument="MODEL", runs=runs)
    if data is None:
        raise click.UsageError("Missing argument 'CSV'.")
    begun = time.perf_counter()
    trained = load(model, backend=backend)
    given = trained.read(data)
    head = _head(trained, given)
    numbers = trained.predict_numbers(given)
    rows = _with_ids(given, _rows(trained, numbers))
    text = "" if as_json and output is None else _csv(head, rows, _DIGITS[trained.backend.dtype])
    if output is not None:
        write_output(output, text.encode())
    elif not as_json:
        click.echo(text, nl=False)
    if as_json:
        report = {"model": model, "data": data, "rows": len(rows), "output": output}
        records = _with_ids(given, _typed_rows(trained, numbers))
        inline = {"predictions": [dict(zip(head, row, strict=True)) for row in records]} if output is None else {}
        write_json({**report, **inline, "seconds": time.perf_counter() - begun})
    say(f"{len(rows):,} rows predicted" + (f": {output}" if output else ""))


def _head(trained: "TrainedModel", given: "Rows") -> list[str]:
    """Return the column names of the output: the id's, if the rows have ids, and those of the predictions."""
    schema = trained.schema
    ids = [] if given.ids is None or schema.id is None else [schema.id]
    return [*ids, *schema.target.prediction_columns]


def _with_ids(given: "Rows", rows: Rowwise) -> Rowwise:
    """Return the rows of the output, each with its id in front if there are ids."""
    return rows if given.ids is None else [[one, *row] for one, row in zip(given.ids.tolist(), rows, strict=True)]


def _rows(trained: "TrainedModel", numbers: "np.ndarray") -> Rowwise:
    """Return the rows of the output, with classes as text, as the training data wrote them."""
    target, flat = trained.schema.target, _flat(numbers)
    if target.is_regression:
        return flat
    if not target.is_classification:
        return _joined(_flat(trained.named(numbers)), flat)
    labels = [[target.classes[place] for place in row] for row in _flat(numbers.argmax(axis=-1))]
    return _joined(labels, flat)


def _typed_rows(trained: "TrainedModel", numbers: "np.ndarray") -> Rowwise:
    """Return the rows of the output, with classes as numbers or booleans if they are numbers or booleans."""
    if not trained.schema.target.is_classification:
        return _rows(trained, numbers)
    return _joined(_flat(trained.named(numbers)), _flat(numbers))


def _flat(array: "np.ndarray") -> list[list[Any]]:
    """Return an array as a list of all its values for each row."""
    rows: list[list[Any]] = array.reshape(len(array), -1).tolist()
    return rows


def _joined(labels: Sequence[Sequence[object]], numbers: Rowwise) -> Rowwise:
    """Return the rows of the output, the labels in front."""
    return [[*row, *more] for row, more in zip(labels, numbers, strict=True)]


def _csv(head: Sequence[str], rows: Rowwise, digits: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([f"{cell:.{digits}g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return text.getvalue()
