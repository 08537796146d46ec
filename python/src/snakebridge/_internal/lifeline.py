# The descriptors of proto/PROTOCOL.md 1.1, and dying with the host. No thread can act while a C call holds the
# interpreter lock, so the kernel is asked to: it sends SIGIO, whose default action ends the process, when the host's
# end of the lifeline goes away.
from __future__ import annotations

import _signal
import os

DATA, CONTROL, LIFELINE = 3, 4, 5


def claim_descriptors() -> None:
    """Keeps the descriptors out of children and makes reads wait."""
    for fd in (DATA, CONTROL, LIFELINE):
        os.set_inheritable(fd, False)
    # The host's runtime may hand over sockets that do not block.
    os.set_blocking(DATA, True)
    os.set_blocking(CONTROL, True)
    os.register_at_fork(after_in_child=_close_in_child)
    _own_output()


def _own_output() -> None:
    # The host's runtime may make its standard output non-blocking, at any time, and whether a write waits belongs to
    # the open file and not to the descriptor: a long `print` would then fail. Opened anew it is ours alone. Not for
    # plain files, whose position is shared on purpose, and sockets cannot be opened.
    try:
        if os.fstat(1).st_mode & 0o170000 not in (0o010000, 0o020000):
            return
        own = os.open("/proc/self/fd/1", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    os.set_blocking(own, True)
    os.dup2(own, 1)
    os.close(own)


def _close_in_child() -> None:
    # Something must stay behind these numbers: a file the child opens next would get the frames of a call that
    # returns in the child. Reading from it gives end of file, which ends the child's copy of the worker.
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (DATA, CONTROL, LIFELINE):
        os.dup2(null, fd, inheritable=False)
    if null > LIFELINE:
        os.close(null)


def die_with_host() -> None:
    """Asks the kernel to end this process when the host is gone, whatever Python is doing then."""
    _signal.signal(_signal.SIGINT, _ignore)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGIO, _signal.SIGUSR1})
    parent = os.getppid()
    try:
        from fcntl import F_GETFL, F_SETFL, F_SETOWN, fcntl

        _signal.signal(_signal.SIGIO, _signal.SIG_DFL)
        fcntl(LIFELINE, F_SETOWN, os.getpid())
        fcntl(LIFELINE, F_SETFL, fcntl(LIFELINE, F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
        if not os.read(LIFELINE, 1):
            os._exit(0)
    except BlockingIOError:
        return
    except (ImportError, AttributeError, OSError):
        _die_with_parent(parent)


def _die_with_parent(parent: int) -> None:
    """Second best: Linux signals the death of the thread that spawned this process."""
    try:
        from ctypes import CDLL

        CDLL(None).prctl(1, 9)
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(0)


def _ignore(_number: int, _frame: object) -> None:
    # Ctrl-C belongs to the host. Not SIG_IGN, which programs started by Python code would inherit.
    return None
