"""The finding of `find_rate`: its smoothed losses, its suggestion, and its plot."""

import tomllib

import numpy as np
import pytest
from matplotlib.figure import Figure

from gmcore.app import RateFinding
from gmcore.app.records.rate_finding import rate_text
from gmcore.errors import ConfigError


def finding(*losses, low=1e-4, decades=1.0):
    rates = low * 10.0 ** (decades * np.arange(len(losses)))
    return RateFinding(
        rates=rates, losses=np.array(losses, float), compared="validation", epochs=1, steps=9, rows=9, seconds=1.0
    )


INF = float("inf")


@pytest.mark.parametrize(
    ("losses", "lowest"),
    [
        ((9, 5, 3, 5, 9), 2),
        ((9, 5, 4, 5, 9, 1, 9), 2),
        ((9, 5, 4, 3, 2, 1, INF, INF), 3),
        ((3, INF, INF), 0),
        ((INF, 3, INF), 1),
        ((5, 4, 3), 2),
    ],
    ids=["a valley", "a lucky dip", "before failures", "one left", "between failures", "at the end"],
)
def test_the_lowest_loss_is_one_among_low_losses(losses, lowest):
    assert finding(*losses, decades=0.2).lowest == lowest


def test_losses_farther_apart_than_half_a_decade_are_not_smoothed():
    np.testing.assert_array_equal(finding(9, INF, 3, 5, decades=0.51).smoothed, [9, INF, 3, 5])
    np.testing.assert_allclose(finding(9, 4, 9, 9, decades=0.25).smoothed, [22 / 3, 6.5, 7.75, 9])


def test_the_suggestion_is_half_the_rate_of_the_lowest_loss():
    assert finding(3, 1, 2).suggestion == 5e-4


def test_a_lowest_loss_at_an_end_comes_with_advice():
    assert finding(3, 2, 1).advice == "the loss is lowest at the highest learning rate, 1e-2: try a larger 'high'"
    assert finding(1, 2, 3).advice == "the loss is lowest at the lowest learning rate, 1e-4: try a smaller 'low'"
    assert finding(2, 1, 2).advice == ""


@pytest.mark.parametrize(
    ("losses", "within", "outside"),
    [
        ((0.7, 0.6, 0.1, 0.3, 1e9, INF), (0.7, 0.6, 0.1, 0.3), (1e9,)),
        ((0.1, 0.2, 0.3, 1e9), (0.1, 0.2), (1e9,)),
        ((0.5, 0.5, 0.5), (0.5,), ()),
        ((INF, 3.0, INF), (3.0,), ()),
        ((-3.0, -4.0, -2.0, 7e9), (-3.0, -4.0), (7e9,)),
    ],
    ids=["explosion", "no decrease", "flat", "one", "negative"],
)
def test_losses_that_explode_are_not_in_the_range_to_show(losses, within, outside):
    bottom, top = finding(*losses).shown
    assert bottom < top
    assert all(bottom < loss < top for loss in within)
    assert all(loss > top for loss in outside)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.003, "3e-3"),
        (0.00314, "3.1e-3"),
        (1e-6, "1e-6"),
        (0.0999, "0.1"),
        (0.099, "9.9e-2"),
        (0.25, "0.25"),
        (1.0, "1.0"),
        (27.3, "27.0"),
    ],
)
def test_a_rate_is_written_as_a_number_of_a_run_file(rate, text):
    assert rate_text(rate) == text
    value = tomllib.loads(f"learning_rate = {text}")["learning_rate"]
    assert isinstance(value, float)
    assert value == pytest.approx(rate, rel=0.05)


@pytest.mark.parametrize(("suffix", "begin"), [("png", b"\x89PNG"), ("SVG", b"<?xml")])
def test_a_plot_is_an_image_of_the_kind_of_its_name(suffix, begin, tmp_path):
    path = tmp_path / f"rate.{suffix}"
    finding(0.7, 0.3, 0.4, 50.0, INF).plot(str(path))
    assert path.read_bytes().startswith(begin)
    assert list(tmp_path.iterdir()) == [path]


def test_a_plot_can_be_drawn_on_axes():
    axes = Figure().add_subplot()
    one = finding(0.7, 0.3, 0.4, 50.0, INF)
    assert one.plot(axes) is axes
    assert axes.get_ylim() == one.shown
    assert axes.get_ylabel() == "validation loss after 9 steps"
    marked = {line.get_label(): line.get_xdata() for line in axes.get_lines()}
    np.testing.assert_allclose(marked["higher than shown"], [1e-1])
    np.testing.assert_allclose(marked["training failed"], [1.0])
    assert f"learning_rate = {rate_text(one.suggestion)}" in marked
    assert one.plot().figure is not axes.figure


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rate.xyz", "must end in one of .jpg, .pdf, .png, .svg, .webp, got 'rate.xyz'"),
        ("rate", "got 'rate'"),
        ("absent/rate.png", "absent' does not exist: create it first"),
        ("folder.png", "folder.png' is a folder"),
    ],
)
def test_a_path_that_can_not_be_a_plot_is_refused(name, message, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ConfigError) as caught:
        finding(2, 1, 2).plot(tmp_path / name)
    assert message in str(caught.value)


def test_what_is_neither_a_path_nor_axes_is_refused():
    with pytest.raises(TypeError, match="must be a path or the axes of a matplotlib figure, got 3"):
        finding(2, 1, 2).plot(3)
