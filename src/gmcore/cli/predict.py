"""`gmcore predict`: predict the rows of a file with a trained model."""

import csv
import io
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import numpy as np

from gmcore.app import TrainedModel, load
from gmcore.cli.options import as_json
from gmcore.cli.output import say, write_json
from gmcore.storage.output_file import write_output

__all__ = ["command"]

_DIGITS = {"float32": 9, "float64": 17}
"""Significant digits that identify every number of the dtype."""


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", metavar="CSV", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, not to stdout.")
@click.option("--backend", default="auto", show_default=True, metavar="NAME", help="Backend to predict with.")
@as_json
def command(model: Path, data: Path, output: Path | None, backend: str, *, as_json: bool) -> None:
    """Predict the rows of the file CSV with MODEL, a model.safetensors or the run folder that contains it.

    The output is CSV with one line per row: the class and the probability of each class, or the predicted values.
    With --json and without --output, the JSON object contains the predictions.
    """
    begun = time.perf_counter()
    trained = load(model, backend=backend)
    numbers = trained.predict_numbers(trained.read(data))
    head, rows = _predictions(trained, numbers)
    digits = _DIGITS[trained.backend.dtype]
    if output is not None:
        write_output(output, _csv(head, rows, digits).encode())
    elif not as_json:
        click.echo(_csv(head, rows, digits), nl=False)
    if as_json:
        report = {"model": model, "data": data, "rows": len(rows), "output": output}
        inline = {"predictions": _records(trained, head, numbers, rows)} if output is None else {}
        write_json({**report, **inline, "seconds": time.perf_counter() - begun})
    say(f"{len(rows):,} rows predicted" + (f": {output}" if output else ""))


def _predictions(trained: TrainedModel, numbers: np.ndarray) -> tuple[list[str], list[list[object]]]:
    """Return the column names and the rows of the output, with classes as text, as the training data wrote them."""
    target = trained.schema.target
    if not target.is_classification:
        return list(target.names), numbers.tolist()
    head = [*target.names, *(f"probability_{name}" for name in target.classes)]
    classes = [target.classes[place] for place in numbers.argmax(axis=1)]
    return head, [[name, *row] for name, row in zip(classes, numbers.tolist(), strict=True)]


def _records(
    trained: TrainedModel, head: Sequence[str], numbers: np.ndarray, rows: Sequence[Sequence[object]]
) -> list[dict[str, object]]:
    """Return a JSON object per row, with classes as JSON numbers or booleans if they are numbers or booleans."""
    if trained.schema.target.is_classification:
        rows = [[label, *row[1:]] for label, row in zip(trained.named(numbers).tolist(), rows, strict=True)]
    return [dict(zip(head, row, strict=True)) for row in rows]


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]], digits: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([f"{cell:.{digits}g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return text.getvalue()
