"""The check that a call is refused with a message."""

# ruff: noqa: S101 - these are checks

from collections.abc import Callable

__all__ = ["assert_refused"]


def assert_refused(call: Callable[[], object], *parts: str) -> None:
    """Check that a call raises `ValueError` with a message that contains all parts."""
    found = _error(call)
    missing = [part for part in parts if part not in found]
    assert not missing, f"expected an error that says {missing}, got {found or 'none'!r}"


def _error(call: Callable[[], object]) -> str:
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""
