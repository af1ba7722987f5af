"""Work of the host that is done ahead, while the device is busy."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

__all__ = ["prefetch"]

T = TypeVar("T")


def prefetch(items: Iterable[T], depth: int) -> Generator[T]:
    """Yield the items, which a thread makes up to `depth` ahead; close the iterator to end it.

    What making one raises is raised here, in its place. The thread must not touch a backend, which is one
    thread's own.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    wanted = threading.Event()
    wanted.set()

    def work() -> None:
        try:
            for item in items:
                if not _put(made, ("item", item), wanted):
                    return
            _put(made, ("end", None), wanted)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            _put(made, ("error", error), wanted)

    thread = threading.Thread(target=work, name="gmcore-prefetch", daemon=True)
    thread.start()
    try:
        while (one := made.get())[0] == "item":
            yield one[1]
        if one[0] == "error":
            raise one[1]
    finally:
        wanted.clear()
        while not made.empty():
            made.get_nowait()
        thread.join()


def _put(made: "queue.Queue[tuple[str, Any]]", item: tuple[str, Any], wanted: threading.Event) -> bool:
    """Hand an item over as soon as there is room; return whether anyone still wants it."""
    while wanted.is_set():
        try:
            made.put(item, timeout=0.1)
        except queue.Full:
            continue
        return wanted.is_set()
    return False
