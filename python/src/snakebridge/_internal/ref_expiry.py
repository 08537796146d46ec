# Refs that nobody uses are forgotten (proto/PROTOCOL.md 4 `refTtlSeconds`). A thread of its own, started only when
# refs may expire: nothing else happens in an idle worker, where most of them do.
#
# A call that names a ref may have been sent before the ref was too old and wait behind a long one. So nothing expires
# unless the worker has nothing to do, for long enough that the host had time to send what waited for its turn there.
from __future__ import annotations

from _thread import start_new_thread
from select import POLLIN, poll
from time import sleep

from snakebridge._internal import lifeline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snakebridge._internal.frames import FrameReader
    from snakebridge._internal.progress import Progress
    from snakebridge._internal.refs import RefTable

QUIET_S = 0.1
SHORTEST_QUIET_S = 0.02


def start(refs: RefTable, progress: Progress, reader: FrameReader) -> None:
    """Starts the thread."""
    start_new_thread(_run, (refs, progress, reader))


def _run(refs: RefTable, progress: Progress, reader: FrameReader) -> None:
    data = poll()
    data.register(lifeline.DATA, POLLIN)
    quiet_s = max(SHORTEST_QUIET_S, min(QUIET_S, refs.ttl_s / 2))
    while True:
        # Age is counted up to here. A call sent before is seen below: in the stream, or in the main thread's hands.
        now = refs.clock()
        started = progress.started
        sleep(quiet_s)
        if data.poll(0) or not reader.is_waiting or progress.started != started:
            continue
        # Calls that wait for the host, or for a task.
        if progress.running or progress.outer or refs.pending:
            continue
        due = refs.expire(now)
        if refs.graveyard:
            progress.wake()
        sleep(max(0.0, due - refs.clock()))
