"""A request to stop: it stays, and so does the first signal."""

import pytest

from gmcore.domain import Cancellation
from gmcore.errors import Cancelled


def test_nothing_happens_before_a_request():
    cancellation = Cancellation()
    cancellation.check()
    assert not cancellation.requested


@pytest.mark.parametrize(("signals", "kept"), [((15,), 15), ((15, 2), 15), ((0, 2), 2), ((0,), 0)])
def test_a_request_is_raised_at_every_check_with_the_first_signal(signals, kept):
    cancellation = Cancellation()
    for signal in signals:
        cancellation.cancel(signal)
    for _ in range(2):
        with pytest.raises(Cancelled) as caught:
            cancellation.check()
        assert caught.value.signal == kept
