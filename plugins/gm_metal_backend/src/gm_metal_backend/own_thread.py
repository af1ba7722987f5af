"""The thread that a backend belongs to."""

import threading

__all__ = ["OwnThread"]


class OwnThread(threading.local):
    """Whether this is the thread that created a backend; a thread's number can be given to a later one."""

    is_own = False
