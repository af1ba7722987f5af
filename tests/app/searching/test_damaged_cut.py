"""A damaged record of how a fleet is cut into jobs is one error, and nothing is trained."""

import pytest

import gmcore
from gmcore.app import resume
from gmcore.errors import Cancelled, InputError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"members": 3, "jobs": "111"}', "must be whole and above 0"),
        ('{"members": 3, "jobs": [1.0, 2.0]}', "must be whole and above 0"),
        ('{"members": 3, "jobs": [-1, 4]}', "must be whole and above 0"),
        ('{"members": 3, "jobs": [2]}', "its jobs have 2 of 3 members"),
        ('{"members": 5, "jobs": [5]}', "is of a fleet of 5 models, but the run has 3 there"),
        ("[" * 100_000, "is damaged"),
        ("{", "is damaged"),
    ],
)
def test_a_damaged_record_is_refused(tables, tmp_path, parts, stopped, content, message):
    (stopped / "checkpoints" / "fleet.json").write_text(content)
    with pytest.raises(InputError, match=message):
        resume(stopped)


@pytest.fixture
def stopped(tables, tmp_path, parts):
    """Return the folder of a cross-validation that was stopped after its first job."""
    tables["training"] |= {"members_per_chunk": 1, "max_epochs": 1}
    engine = {"use": "stopping", "stopped": str(tmp_path / "stopped")}
    with pytest.raises(Cancelled):
        gmcore.cross_validate(tables, engine=engine, runs=tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    return folder
