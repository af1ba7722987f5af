"""Items that a thread of the host prepares while the device is busy."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

import attrs

__all__ = ["prefetch"]

T = TypeVar("T")


@attrs.frozen
class _Item(Generic[T]):
    """An item; None in its place marks the end."""

    value: T


@attrs.frozen(eq=False)
class _Failure:
    """What making an item raised."""

    error: BaseException


def prefetch(items: Iterable[T], depth: int) -> Generator[T]:
    """Yield the items, which a thread makes up to `depth` ahead; closing the generator ends the thread.

    What making an item raises is raised here, in that item's place. `items` must not use a backend, which belongs to
    the thread that made it.
    """
    made: queue.Queue[_Item[T] | _Failure | None] = queue.Queue(depth)
    wanted = threading.Event()
    wanted.set()
    thread = threading.Thread(target=_make, args=(items, made, wanted), name="gmcore-prefetch", daemon=True)
    thread.start()
    try:
        while isinstance(one := made.get(), _Item):
            yield one.value
        if isinstance(one, _Failure):
            raise one.error
    finally:
        wanted.clear()
        while not made.empty():
            made.get_nowait()
        thread.join()


def _make(items: Iterable[T], made: "queue.Queue[_Item[T] | _Failure | None]", wanted: threading.Event) -> None:
    """Put all items, then the end, or what making one raised; stop early once nothing is wanted any more."""
    try:
        for item in items:
            if not _put(made, _Item(item), wanted):
                return
        _put(made, None, wanted)
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for the item
        _put(made, _Failure(error), wanted)


def _put(
    made: "queue.Queue[_Item[T] | _Failure | None]", one: _Item[T] | _Failure | None, wanted: threading.Event
) -> bool:
    """Put one item as soon as the queue has room; return whether more are wanted."""
    while wanted.is_set():
        try:
            made.put(one, timeout=0.1)
        except queue.Full:
            continue
        return wanted.is_set()
    return False
