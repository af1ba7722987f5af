"""`gmcore predict`: a trained model's answers for the rows of a file."""

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
from gmcore.storage.files import write_whole

__all__ = ["command"]

_DIGITS = {"float32": 9, "float64": 17}
"""As many as it takes to tell any two numbers apart."""


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", metavar="CSV", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write there, not to stdout.")
@click.option("--backend", default="auto", show_default=True, metavar="NAME", help="What to compute with.")
@as_json
def command(model: Path, data: Path, output: Path | None, backend: str, *, as_json: bool) -> None:
    """Predict the rows of the file CSV with MODEL, a model.safetensors or the folder of the run that made it.

    Out comes CSV, a row a row: the class and a probability for each class, or the values. With --json the
    predictions are in the object unless --output says where else.
    """
    begun = time.perf_counter()
    trained = load(model, backend=backend)
    numbers = trained.predict_numbers(trained.read(data))
    head, rows = _predictions(trained, numbers)
    digits = _DIGITS[trained.backend.dtype]
    if output is not None:
        write_whole(output, _csv(head, rows, digits).encode())
    elif not as_json:
        click.echo(_csv(head, rows, digits), nl=False)
    if as_json:
        report = {"model": model, "data": data, "rows": len(rows), "output": output}
        inside = {"predictions": [dict(zip(head, row, strict=True)) for row in rows]} if output is None else {}
        write_json({**report, **inside, "seconds": time.perf_counter() - begun})
    say(f"{len(rows):,} rows predicted" + (f": {output}" if output else ""))


def _predictions(trained: TrainedModel, numbers: np.ndarray) -> tuple[list[str], list[list[object]]]:
    """Return the columns' names and the rows."""
    target = trained.schema.target
    if not target.is_classification:
        return list(target.names), numbers.tolist()
    head = [*target.names, *(f"probability_{name}" for name in target.classes)]
    classes = trained.named(numbers).tolist()
    return head, [[name, *row] for name, row in zip(classes, numbers.tolist(), strict=True)]


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]], digits: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([f"{cell:.{digits}g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return text.getvalue()
