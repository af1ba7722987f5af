"""How a run file says how much memory rows may take."""

import pytest

from gmcore.app.composing.run_config import run_config
from gmcore.domain.sizes import bytes_of
from gmcore.errors import ConfigError


@pytest.mark.parametrize(
    ("said", "meant"), [(100, 100), ("200 MB", 200_000_000), ("1.5gb", 1_500_000_000), ("2 kB", 2000)]
)
def test_a_size_is_a_number_of_bytes_or_a_text(said, meant):
    assert bytes_of(said) == meant
    assert run_config({"data": {"use": "csv"}, "training": {"row_memory": said}}).training.config.row_memory == meant


@pytest.mark.parametrize("said", ["200", "MB", "-1 MB", "1 parsec", 0, -5])
def test_what_is_no_size_is_refused_with_what_would_be(said):
    with pytest.raises(ConfigError, match=r"training\.row_memory: .*or a string such as '200 MB', got"):
        run_config({"data": {"use": "csv"}, "training": {"row_memory": said}})
