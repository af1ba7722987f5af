"""`sys.exit` in a component ends the run as failed, and names whose code it was."""

import json
import sys

import attrs
import pytest

import gmcore
from gmcore import hookimpl
from gmcore.errors import TrainingError
from gmcore.ports import ModelProvider
from gmcore.testing.fakes import TinyModel


class OddError(BaseException):
    """An exception past `except Exception`."""


def leave():
    sys.exit(0)


def epoch_end(context):
    sys.exit(0)


def run_error(context):
    sys.exit(0)


def epoch_start(context):
    raise OddError("odd")


def share(predictions, targets):
    return sys.exit(3)


@attrs.frozen
class Leaving(ModelProvider):
    where: str

    def create(self, schema):
        class Model(TinyModel):
            pass

        if self.where == "create":
            leave()
        setattr(Model, self.where, lambda *_, **__: leave())
        return Model(schema=schema)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hooks": [epoch_end]}, r"^epoch_end \(.*test_exits\.py, line \d+\) called sys\.exit\(0\)"),
        ({"hooks": [epoch_start]}, r"^epoch_start \(.*test_exits\.py, line \d+\) raised OddError: odd"),
        ({"model": Leaving("adapt")}, r"^leave \(.*test_exits\.py, line \d+\) called sys\.exit\(0\)"),
        ({"model": Leaving("loss")}, r"^leave \(.*called sys\.exit\(0\)"),
        ({"model": Leaving("create")}, r"^leave \(.*called sys\.exit\(0\)"),
        ({"metrics": [share]}, r"^share \(.*called sys\.exit\(3\)"),
    ],
    ids=lambda value: None,
)
def test_an_exit_of_a_component_is_an_error_of_the_run(settings, message, run_file, tmp_path, registered):
    registered("leaving", Leaving)
    with pytest.raises(TrainingError, match=message):
        gmcore.train(run_file, runs=tmp_path / "runs", training={"max_epochs": 2}, **settings)
    for folder in (tmp_path / "runs").glob("*"):
        status = json.loads((folder / "status.json").read_text())
        assert status["status"] == "failed"
        assert "which a component must not do" in status["message"]


def test_what_the_hook_of_an_error_raises_does_not_hide_the_error(run_file):
    told = []

    def epoch_end(context):
        raise ValueError("broken")

    class Later:
        @hookimpl
        def run_error(self, context):
            told.append(str(context.error))
            raise OSError("no network")

    with pytest.raises(ValueError, match="broken") as caught:
        gmcore.train(run_file, hooks=[run_error, Later(), epoch_end])
    assert told == ["broken"]
    notes = [note for note in caught.value.__notes__ if note.startswith("a listener of run_error failed, too: ")]
    assert any("called sys.exit(0)" in note for note in notes)
    assert any("OSError: no network; in hook run_error of hook plugin" in note for note in notes)


def test_a_hook_can_not_change_the_numbers_of_an_epoch(run_file):
    def epoch_end(context):
        context.train_loss[:] = 0

    with pytest.raises(ValueError, match="read-only"):
        gmcore.train(run_file, hooks=[epoch_end])
