"""Writes that a run can do without: whether their failure ends it, and who is told that it does not."""

from collections.abc import Callable
from typing import Literal

import attrs

from gmcore.errors import OutputError

__all__ = ["OptionalWrites"]


@attrs.define(kw_only=True)
class OptionalWrites:
    """Tries to write one kind of thing.

    Attributes:
        what: what is written, for people, in the plural.
        on_error: `"stop"`: a failure ends the run; `"continue"`: it is told once, and once when writing works again.
        say: who is told, in a sentence.
    """

    what: str
    on_error: Literal["stop", "continue"]
    say: Callable[[str], object]
    _failing: bool = attrs.field(init=False, default=False)

    def __call__(self, write: Callable[[], object]) -> bool:
        """Return whether `write()` did it.

        Raises:
            OutputError: what it raised, if that ends the run.
        """
        try:
            write()
        except OutputError as error:
            if self.on_error == "stop":
                raise
            if not self._failing:
                self.say(f"{error}; the run goes on without new {self.what}")
            self._failing = True
            return False
        if self._failing:
            self.say(f"{self.what} can be written again")
        self._failing = False
        return True
