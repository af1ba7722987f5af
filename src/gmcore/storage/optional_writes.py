"""Writes whose failure may be tolerated, such as checkpoints on a full disk."""

from collections.abc import Callable
from typing import Literal

import attrs

from gmcore.errors import OutputError

__all__ = ["OptionalWrites"]


@attrs.define(kw_only=True)
class OptionalWrites:
    """Runs writes of one kind and applies the `on_error` policy when one fails.

    Attributes:
        what: what is written, a plural noun for messages.
        on_error: `"stop"`: a failure ends the run; `"continue"`: the run continues, with one message when
            writing starts to fail and one when it works again.
        say: called with each message.
    """

    what: str
    on_error: Literal["stop", "continue"]
    say: Callable[[str], object]
    _failing: bool = attrs.field(init=False, default=False)

    def __call__(self, write: Callable[[], object]) -> bool:
        """Call `write` and return whether it succeeded.

        Raises:
            OutputError: from `write`, if `on_error` is `"stop"`.
        """
        try:
            write()
        except OutputError as error:
            if self.on_error == "stop":
                raise
            if not self._failing:
                self.say(f"{error}; the run continues without new {self.what}")
            self._failing = True
            return False
        if self._failing:
            self.say(f"{self.what} can be written again")
        self._failing = False
        return True
