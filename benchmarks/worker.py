"""One side of a comparison, in a process of its own: what is measured never shares threads or settings with another.

It is told on stdin, a JSON value a line: first what to import and with which options, then one key after the other.
It answers each on stdout with a JSON object, `{"error": …}` if that failed. What libraries print goes to stderr.
"""

import importlib
import json
import os
import sys
import traceback
import warnings

__all__ = ["main"]


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not end up between the answers

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    # A benchmark of other people's libraries is no place to hear their deprecations.
    warnings.simplefilter("ignore")
    measure = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if measure is None:
                module, _, name = asked["target"].partition(":")
                measure = getattr(importlib.import_module(module), name)(**asked["options"])
                answer({})
            else:
                answer(measure(asked))
        except Exception as error:  # noqa: BLE001 - told to who asked
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]})


if __name__ == "__main__":
    main()
