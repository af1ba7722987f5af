"""A worker of the engine `processes`: `python -m gmcore.builtins.engines.worker MODULE:FUNCTION`.

It reads the folders of jobs from stdin, a JSON string per line, calls the function with each, and answers on stdout
with a line for each: `null`, or the error as a list of its text and its traceback. Everything else that is printed goes
to stderr.

The end of stdin means stop, also when the parent was killed. A worker that is computing then gets a SIGTERM, on which
the function saves a checkpoint.
"""

import json
import os
import pkgutil
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path

from gmcore.errors import Cancelled, GmcoreError

__all__ = ["main"]

_STOPPED = 128 + signal.SIGTERM
_LONGEST = 8192  # characters of an error's text, and of its traceback


def main(function: str) -> int:
    """Run jobs until stdin ends; return the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which decides what follows
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    busy = threading.Event()
    folders: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(folders, busy), daemon=True).start()
    while (folder := folders.get()) is not None:
        busy.set()
        try:
            pkgutil.resolve_name(function)(folder)  # here, so that a failed import is an error, not a death
        except Cancelled:
            return _STOPPED
        except BaseException as error:  # noqa: BLE001 - the parent raises it, an exit too
            # A pipe holds 64 KiB: a longer answer would block if the parent no longer reads.
            answer: list[str] | None = [_text(error)[:_LONGEST], traceback.format_exc()[-_LONGEST:]]
        else:
            answer = None
        busy.clear()
        print(json.dumps(answer), file=answers, flush=True)
    return 0


def _read(folders: "queue.SimpleQueue[Path | None]", busy: threading.Event) -> None:
    # Not sys.stdin, whose lock a thread can't hold when the process ends.
    rest = b""
    while chunk := os.read(0, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            folders.put(Path(json.loads(line)))
    folders.put(None)
    if busy.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


def _text(error: BaseException) -> str:
    return str(error) if isinstance(error, GmcoreError) else f"{type(error).__name__}: {error}".rstrip(": ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
