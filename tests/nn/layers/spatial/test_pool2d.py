import numpy as np
import pytest

from gmcore.nn.layers import AvgPool2d, Flatten, MaxPool2d

IMAGE = np.array([[1.0, 2.0, 0.0, -1.0], [3.0, 4.0, -2.0, -3.0], [5.0, 0.0, -4.0, -9.0]])[None, :, :, None]


def test_windows_lie_next_to_each_other_by_default(apply):
    assert MaxPool2d(2).output_shape((3, 4, 1)) == (1, 2, 1)
    assert apply(MaxPool2d(2), IMAGE)[0, :, :, 0].tolist() == [[4.0, 0.0]]
    assert apply(AvgPool2d((1, 2)), IMAGE)[0, :, :, 0].tolist() == [[1.5, -0.5], [3.5, -2.5], [2.5, -6.5]]


def test_windows_of_a_smaller_stride_overlap(apply):
    assert apply(MaxPool2d((3, 2), stride=1), IMAGE)[0, :, :, 0].tolist() == [[5.0, 4.0, 0.0]]


def test_padding_is_never_the_maximum(apply):
    found = apply(MaxPool2d(2, stride=3, padding=1), -np.ones((1, 3, 4, 1)))
    assert np.array_equal(found, -np.ones((1, 2, 2, 1)))


def test_padding_counts_in_a_mean_unless_it_is_excluded(apply):
    ones = np.ones((1, 2, 2, 1))
    assert apply(AvgPool2d(2, padding=1), ones)[0, :, :, 0].tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert apply(AvgPool2d(2, padding=1, include_padding=False), ones)[0, :, :, 0].tolist() == [[1, 1], [1, 1]]


def test_channels_are_pooled_on_their_own(apply):
    both = np.concatenate([IMAGE, -IMAGE], axis=-1)
    assert apply(MaxPool2d((3, 4)), both).tolist() == [[[[5.0, 9.0]]]]


@pytest.mark.parametrize("make", [MaxPool2d, AvgPool2d])
def test_what_does_not_fit_is_refused(make):
    name = make.__name__
    with pytest.raises(ValueError, match=rf"{name} needs a height of at least 3 .*\(2, 8, 1\)"):
        make(3).output_shape((2, 8, 1))
    with pytest.raises(ValueError, match=rf"{name} needs rows of shape \(height, width, channels\)"):
        make(3).init(np.random.default_rng(0), (8, 8))
    with pytest.raises(ValueError, match=rf"padding of {name} must be smaller than the kernel_size \(2, 2\)"):
        make(2, padding=2)
    with pytest.raises(ValueError, match=rf"stride of {name} must be a whole number from 1 on"):
        make(2, stride=0)


def test_flattened_rows_are_vectors_in_the_order_of_memory(apply):
    rows = np.arange(24.0).reshape(2, 3, 2, 2)
    assert Flatten().output_shape((3, 2, 2)) == (12,)
    assert apply(Flatten(), rows).tolist() == [list(range(12)), list(range(12, 24))]
    assert apply(Flatten(), np.ones(2)).tolist() == [[1.0], [1.0]]
