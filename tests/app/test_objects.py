"""In code, a component can be an object wherever a run file has a name."""

import json

import attrs
import numpy as np
import pytest
from gm_kfold_cv import KFold
from gm_mlp_model import MLPProvider
from sklearn.model_selection import ShuffleSplit

import gmcore
from gmcore.app import open_run, resume
from gmcore.builtins.arrays import ArrayData
from gmcore.builtins.metrics import F1, Accuracy
from gmcore.domain import Cancellation, EarlyStoppingConfig
from gmcore.errors import Cancelled, ConfigError, DataError, InputError
from gmcore.nn.layers import Activation, Tanh
from gmcore.nn.losses import CrossEntropy
from gmcore.nn.optimizers import SGD, AdamW
from gmcore.nn.schedules import Cosine, WarmUp
from gmcore.registry import hookimpl
from gmcore.testing.fakes import StreamOnly, TinyModel
from gmcore.training import GradientDescent

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = np.where(X[:, 0] + X[:, 1] * X[:, 2] > 0, "yes", "no")
CPU = {"use": "jax", "device": "cpu"}

NAMED = {
    "model": {
        "use": "mlp",
        "hidden": [6],
        "activation": "tanh",
        "loss": {"use": "cross_entropy", "label_smoothing": 0.1},
    },
    "training": {
        "max_epochs": 4,
        "optimizer": {"use": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        "schedule": {"use": "warm_up", "steps": 3, "then": "cosine"},
        "early_stopping": {"patience": 2},
    },
    "validation": {"use": "kfold", "n_splits": 3},
    "metrics": ["accuracy", {"use": "f1", "average": "macro"}],
    "backend": CPU,
}


def objects():
    return {
        "model": MLPProvider(hidden=(6,), activation=Tanh(), loss=CrossEntropy(label_smoothing=0.1)),
        "training": {
            "max_epochs": 4,
            "optimizer": SGD(learning_rate=0.1, momentum=0.9),
            "schedule": WarmUp(steps=3, then=Cosine()),
            "early_stopping": EarlyStoppingConfig(patience=2),
            "workflow": GradientDescent(),
        },
        "validation": KFold(n_splits=3),
        "metrics": [Accuracy(), F1(average="macro")],
        "backend": gmcore.float32.backends.create("jax", device="cpu"),
    }


def scores(done):
    return [(fold.validation.loss, dict(fold.validation.metrics)) for fold in done.result.folds]


def test_objects_and_names_train_the_same_to_the_bit():
    assert scores(gmcore.cross_validate(X, Y, **objects())) == scores(gmcore.cross_validate(X, Y, **NAMED))


def test_a_run_with_objects_is_recorded_by_their_names_and_resumed(tmp_path):
    settings = {name: value for name, value in objects().items() if name != "validation"}
    cancellation, epochs = Cancellation(), []

    def epoch_start(context):
        epochs.append(context.epoch)
        if context.epoch == 3:
            cancellation.cancel()

    data = tmp_path / "rows.csv"
    lines = [",".join(map(repr, row.tolist())) + f",{name}" for row, name in zip(X, Y, strict=True)]
    data.write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    csv = gmcore.float32.data_providers.create("csv", path=data, target="y")
    with pytest.raises(Cancelled):
        gmcore.train(csv, runs=tmp_path / "runs", cancellation=cancellation, hooks=[epoch_start], **settings)
    (folder,) = (tmp_path / "runs").iterdir()
    config = open_run(folder / "config.toml").config
    assert config.training.optimizer["use"] == "sgd"
    assert config.training.schedule == {
        "use": "warm_up",
        "then": {"use": "cosine", "final_fraction": 0.0, "per": "step"},
        "steps": 3,
        "per": "step",
    }
    assert config.model["loss"] == {"use": "cross_entropy", "label_smoothing": 0.1}
    resumed = resume(folder)
    whole = gmcore.train(gmcore.float32.data_providers.create("csv", path=data, target="y"), **settings)
    assert resumed.train.loss == whole.train.loss
    assert gmcore.load(folder).predict(X[:5]).tolist() == whole.model.predict(X[:5]).tolist()


def half(predictions, targets):
    return 0.5


def several(predictions, targets, weights):
    return {"rows": float(len(targets)), "weight": float(np.sum(weights)) if weights is not None else 0.0}


def test_a_metric_may_be_a_function():
    done = gmcore.train(X, Y, model="mlp", metrics=["accuracy", half, several], training={"max_epochs": 1})
    assert done.train.metrics["half"] == 0.5
    assert done.train.metrics["rows"] == done.train.n_samples


def test_two_metrics_with_one_name_are_refused():
    with pytest.raises(ConfigError, match=r"metrics\.use\[1\]: computes 'accuracy', as metrics\.use\[0\] does"):
        gmcore.train(X, Y, metrics=["accuracy", Accuracy()])
    both = gmcore.train(X, Y, metrics=["f1", F1(average="macro"), F1(positive="no")], training={"max_epochs": 1})
    assert list(both.train.metrics) == ["f1", "f1_macro", "f1[no]"]


class Listener:
    def __init__(self, heard):
        self.heard = heard

    @hookimpl
    def epoch_end(self, context):
        self.heard.append(context.epoch)


def test_hooks_are_names_objects_and_functions():
    heard, started = [], []

    def fit_start(context):
        started.append(context.max_epochs)

    gmcore.train(X, Y, model="mlp", training={"max_epochs": 2}, hooks=[Listener(heard), fit_start, "progress"])
    assert (heard, started) == ([1, 2], [2])


def test_hooks_are_called_in_the_order_of_the_list():
    heard = []

    def saying(text):
        def fit_start(context):
            heard.append(text)

        return fit_start

    gmcore.train(X, Y, model="mlp", training={"max_epochs": 1}, hooks=[saying("first"), saying("second")])
    assert heard == ["first", "second"]


def epoch_ends(context): ...


def test_a_hook_function_without_the_name_of_a_hook_is_refused():
    message = "the function 'epoch_ends' does not have the name of a hook, did you mean 'epoch_end'"
    with pytest.raises(ConfigError, match=message):
        gmcore.train(X, Y, hooks=[epoch_ends])


def test_weights_and_folds_are_arguments():
    weights = np.where(Y == "yes", 2.0, 1.0)
    settings = {"model": NAMED["model"], "training": {"max_epochs": 2}, "backend": CPU}
    weighted = gmcore.train(X, Y, weights=weights, **settings)
    assert weighted.train.loss == gmcore.train(ArrayData(X, Y, weights=weights), **settings).train.loss
    assert weighted.train.loss != gmcore.train(X, Y, **settings).train.loss
    three = gmcore.cross_validate(X, Y, folds=3, **settings)
    assert scores(three) == scores(gmcore.cross_validate(X, Y, validation={"use": "kfold", "n_splits": 3}, **settings))
    pairs = [(np.arange(30, 90), np.arange(30)), (range(60), range(60, 90))]
    assert [
        fold.validation.n_samples for fold in gmcore.cross_validate(X, Y, folds=pairs, **settings).result.folds
    ] == [30, 30]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modle": "mlp"}, r"^modle: unknown argument, did you mean 'model'\?$"),
        ({"data": "csv"}, r"^data: rows were already passed as the first argument"),
        ({"folds": 3, "validation": "kfold"}, r"^folds: replaces validation"),
        ({"folds": "three"}, r"^folds: must be a number, or pairs of training"),
        ({"folds": [np.arange(3)]}, r"^folds\[0\]: must be a pair of row index arrays"),
        ({"folds": [([0.5], [1])]}, r"^folds\[0\]: row indices must be one-dimensional arrays of whole numbers"),
        ({"model": MLPProvider}, r"^model: must be an object, got the class MLPProvider$"),
        ({"model": AdamW()}, r"^model: must be the name of a model provider, a table with 'use', or an object that"),
        ({"backend": 3}, r"^backend: must be a backend's name"),
        ({"training": {"optimizer": Cosine()}}, r"^training\.optimizer: must be the name of an? optimizer"),
        ({"training": {"max_epoch": 3}}, r"^training\.max_epoch: unknown key, did you mean 'max_epochs'"),
        ({"metrics": [3]}, r"^metrics\.use\[0\]: must be the name of a metric"),
    ],
    ids=str,
)
def test_invalid_arguments_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        gmcore.cross_validate(X, Y, **settings)


def test_arguments_for_rows_are_refused_without_rows(run_file):
    with pytest.raises(ConfigError, match=r"^2 problems\n  weights: .*\n  y: "):
        gmcore.train(run_file, Y, weights=np.ones(90))
    with pytest.raises(DataError, match=r"fold 0, validation: row 500 is out of range for 90 rows"):
        gmcore.cross_validate(X, Y, folds=[([0, 1, 2], [500])])


def test_predicting_a_data_provider_predicts_its_rows(tmp_path):
    model = gmcore.train(X, Y, model="mlp", training={"max_epochs": 2}).model
    assert model.predict(ArrayData(X)).tolist() == model.predict(X).tolist()
    with pytest.raises(DataError, match="StreamOnly has no rows_like, so it can't read rows for prediction"):
        model.predict(StreamOnly(ArrayData(X, Y)))


@attrs.frozen
class Own:
    def create(self, schema):
        return TinyModel(schema=schema)


@attrs.frozen
class Softplus(Activation):
    def of(self, x, xp):
        return xp.softplus(x)


def test_a_model_whose_classes_are_not_registered_is_refused_at_the_save(tmp_path, registered):
    done = gmcore.train(X, Y, model=Own(), training={"max_epochs": 1})
    path = tmp_path / "own.safetensors"
    with pytest.raises(
        ConfigError, match=r"^model: .*Own is not registered, .*float32\.model_providers\.register\('own', Own\)"
    ):
        done.model.save(path)
    assert not path.exists()
    registered("own", Own)
    done.model.save(path)
    assert gmcore.load(path).predict(X[:3]).tolist() == done.model.predict(X[:3]).tolist()


@pytest.mark.parametrize("command", [gmcore.train, gmcore.search])
def test_what_can_not_be_saved_is_refused_before_anything_is_created(command, tmp_path):
    model = MLPProvider(hidden=(3,), activation=Softplus())
    search = {"search": {"space": {"training.max_epochs": [1, 2]}}} if command is gmcore.search else {}
    message = (
        r"^model\.activation: .*Softplus is not registered, .*gmcore\.float32\.layers\.register\('softplus', Softplus\)"
    )
    with pytest.raises(ConfigError, match=message):
        command(X, Y, model=model, runs=tmp_path / "runs", **search)
    assert not (tmp_path / "runs").exists()


def test_an_object_in_a_record_that_no_registry_names_is_refused_when_it_is_read(tmp_path):
    settings = {"model": "mlp", "training": {"max_epochs": 1}, "validation": ShuffleSplit(2, random_state=0)}
    done = gmcore.cross_validate(X, Y, runs=tmp_path, **settings)
    assert json.loads((done.folder / "status.json").read_text())["status"] == "done"
    with pytest.raises(ConfigError, match=r"validation\.use: sklearn.*ShuffleSplit was given as an object in code"):
        open_run(done.folder / "config.toml")


def test_a_run_on_rows_in_memory_says_that_it_can_not_be_resumed(tmp_path):
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        gmcore.train(X, Y, model="mlp", runs=tmp_path, cancellation=cancellation)
    (folder,) = tmp_path.iterdir()
    with pytest.raises(InputError, match=r"were passed in code and are not kept, so it can't be resumed"):
        resume(folder)
