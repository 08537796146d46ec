# The control thread: answers while a call runs, as far as the interpreter lock allows (proto/PROTOCOL.md 3.3, 3.4).
# It imports nothing and runs no code of the user, so that nothing but the lock can hold it up.
from __future__ import annotations

import os
from time import sleep

from snakebridge._internal.frames import FrameReader, write_frame
from snakebridge._internal.packing import Ext, Unpacker, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snakebridge._internal.callbacks import Callbacks
    from snakebridge._internal.limits import Limits
    from snakebridge._internal.progress import Progress
    from snakebridge._internal.refs import RefTable

PING, CANCEL, WITHDRAW, RELEASE, PONG, CANCELLED = 32, 33, 34, 35, 48, 49
FOR_CALLBACKS = (36, 37, 38)
MAX_DEPTH = 32
BAD_CONTROL_STATUS = 76
BYE_GRACE_S = 0.02


class Control:
    """Serves one control stream."""

    def __init__(self, fd: int, limits: Limits, progress: Progress, refs: RefTable) -> None:
        self._fd = fd
        self._limits = limits
        self._progress = progress
        self._refs = refs
        self.is_closing = False
        self.callbacks: Callbacks | None = None
        # Replaced by the decoder of the fast codec once that is there: releases may name many thousand refs.
        self.decode: Callable[[bytearray], Any] = plain_decode

    def run(self) -> None:
        """Answers until the stream ends, which ends the process unless it is ending already."""
        status = 0
        try:
            read = FrameReader(self._fd, self._limits).read
            while (frame := read()) is not None:
                body = frame[0]
                # Below 32 elements the type is the second byte; what is for a callback is decoded by who waits for it.
                if len(body) > 2 and body[0] & 0xF0 == 0x90 and body[1] in FOR_CALLBACKS:
                    if self.callbacks is not None:
                        self.callbacks.deliver(Unpacker(body, raw_ext, MAX_DEPTH).read_head(2)[1], frame)
                else:
                    self._handle(self.decode(body))
                del frame, body
        except OSError:
            pass
        except Exception as error:
            status = BAD_CONTROL_STATUS
            os.write(2, f"snakebridge: Cannot read control stream: {error}\n".encode("utf-8", "replace"))
        if not self.is_closing:
            # A host may close everything behind `bye`, which the main thread is about to read.
            sleep(BYE_GRACE_S)
        if not self.is_closing:
            os._exit(status)

    def _handle(self, message: Any) -> None:
        kind = message[0]
        progress = self._progress
        if kind == PING:
            self._send([PONG, message[1], self._info()])
        elif kind == CANCEL:
            self._send([CANCELLED, message[1], progress.cancel(message[1])])
        elif kind == WITHDRAW:
            for call in message[1]:
                self._send([CANCELLED, call, progress.withdraw(call)])
        elif kind == RELEASE:
            refs = self._refs
            refs.release(message[1], message[2])
            if refs.graveyard and not progress.running:
                progress.wake()

    def _send(self, message: list[Any]) -> None:
        write_frame(self._fd, pack(message), ())

    def _info(self) -> dict[str, int]:
        progress = self._progress
        return {
            "running": progress.running,
            "started": progress.started,
            "refs": len(self._refs.entries),
            "rssBytes": rss_bytes(),
        }


def raw_ext(code: int, data: memoryview) -> Ext:
    """An extension value as it is."""
    return Ext(code, bytes(data))


def plain_decode(body: bytearray) -> Any:
    """Decodes a control message without any library."""
    return Unpacker(body, raw_ext, MAX_DEPTH).unpack()


def rss_bytes() -> int:
    """Memory of this process that is in RAM; 0 where the system has no `/proc`."""
    try:
        fd = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(fd, 128).split()[1]) * os.sysconf("SC_PAGE_SIZE")
        finally:
            os.close(fd)
    except (OSError, ValueError, IndexError):
        return 0
