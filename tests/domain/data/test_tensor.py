"""Tensors and targets with a shape describe their rows, and refuse what can't be."""

import pytest

from gmcore.domain import Feature, Kind, Schema, Target, TargetKind, Tensor
from gmcore.errors import DataError

IMAGE = Tensor(name="image", shape=(8, 8, 1), axes=("height", "width", "channel"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "numeric"}, "none of numeric, categorical, datetime, which name the feature columns, got 'numeric'"),
        ({"name": "a.b"}, "without dots"),
        ({"name": ""}, "must be text without dots"),
        ({"shape": ()}, "shape must be one or more sizes above 0"),
        ({"shape": (8, 0, 1)}, "sizes above 0"),
        ({"shape": (8, True, 1)}, "sizes above 0"),
        ({"axes": ("height", "width")}, "must name each of its 3 axes"),
        ({"axes": ("height", "width", "width")}, "must be different names"),
    ],
)
def test_a_tensor_that_can_not_be_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        Tensor(**{"name": "image", "shape": (8, 8, 1), "axes": ("height", "width", "channel")} | changed)


def test_a_tensor_shows_its_axes():
    assert str(IMAGE) == "image (height 8, width 8, channel 1)"
    assert str(Tensor(name="image", shape=[8, 1])) == "image (8, 1)"


def test_a_schema_knows_the_shape_of_every_input():
    features = (Feature(name="a"), Feature(name="c", kind=Kind.CATEGORICAL), Feature(name="d", kind=Kind.DATETIME))
    target = Target(names=("y",), kind=TargetKind.REGRESSION)
    schema = Schema(features=features, tensors=(IMAGE,), target=target)
    assert schema.input_shapes == {"numeric": (1,), "categorical": (1,), "datetime": (1, 2), "image": (8, 8, 1)}
    assert Schema(tensors=(IMAGE,), target=target).input_shapes == {"image": (8, 8, 1)}
    with pytest.raises(DataError, match="two tensors have the name 'image'"):
        Schema(tensors=(IMAGE, IMAGE), target=target)


@pytest.mark.parametrize(
    ("target", "shape", "columns"),
    [
        (Target(names=("y", "z"), kind=TargetKind.REGRESSION, shape=(2,)), (2, 2), "y_1 z_1 y_2 z_2"),
        (
            Target(names=("y",), kind=TargetKind.MULTICLASS, classes=("a", "b", "c"), shape=(2,)),
            (2, 3),
            "y_1 y_2 probability_a_1 probability_b_1 probability_c_1 probability_a_2 probability_b_2 probability_c_2",
        ),
        (Target(names=("p", "q"), kind=TargetKind.MULTILABEL, dtype="bool"), (2,), "p q probability_p probability_q"),
        (Target(names=("y",), kind=TargetKind.REGRESSION, shape=(1, 2)), (1, 2, 1), "y_1_1 y_1_2"),
    ],
)
def test_outputs_and_columns_follow_from_the_target(target, shape, columns):
    assert target.output_shape == shape
    assert " ".join(target.prediction_columns) == columns
    assert target.of_one.output_shape == (target.width,)


def test_only_one_class_a_row_makes_strata():
    kinds = {kind: Target(names=("y", "z"), kind=kind, classes=("a", "b")) for kind in (TargetKind.BINARY,)}
    assert kinds[TargetKind.BINARY].has_strata
    assert not Target(names=("y",), kind=TargetKind.BINARY, classes=("a", "b"), shape=(3,)).has_strata
    assert not Target(names=("y", "z"), kind=TargetKind.MULTILABEL).has_strata
