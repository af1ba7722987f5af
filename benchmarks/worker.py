"""One side of a comparison, in its own process, so that it shares no threads or settings with another side.

It reads one JSON value per line from stdin: first the target and its options, then one key after another. It answers
each with a JSON object on stdout, `{"error": …}` if it failed. What libraries print goes to stderr.
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
    os.dup2(2, 1)  # what libraries print must not mix with the answers

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    # Deprecation warnings of other libraries don't matter here.
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
        except Exception as error:  # noqa: BLE001 - reported to the parent process
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]})


if __name__ == "__main__":
    main()
