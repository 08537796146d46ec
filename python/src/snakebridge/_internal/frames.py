# Frames of proto/PROTOCOL.md 2, straight on descriptors: importing `socket` would cost more than a start may.
from __future__ import annotations

import os
from _struct import Struct

from snakebridge._internal.limits import MAX_BUFFERS
from snakebridge._internal.problems import LimitProblem, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BytesIO

    from snakebridge._internal.limits import Limits

SLICE = 1 << 20
READ_SIZE = 1 << 16
MAX_KEPT = 64 << 20
HEAD = Struct("<II")
_unpack_head = HEAD.unpack_from
_readv = os.readv


class FrameReader:
    """Reads frames from a descriptor.

    An object and not a generator, because reading is re-entrant: what runs while it waits for bytes (a task of the
    event loop, which calls back into the host) may itself have to read frames.
    """

    def __init__(self, fd: int, limits: Limits) -> None:
        self._fd = fd
        self._limits = limits
        self._store = bytearray(READ_SIZE)
        self._view = memoryview(self._store)
        self._start = 0
        self._end = 0
        self._kept: object = None
        # Whether everything that was read has been taken, and more is waited for.
        self.is_waiting = False
        # Runs until the descriptor has bytes, where something else has to run meanwhile.
        self.wait: Callable[[], None] | None = None

    @property
    def has_bytes(self) -> bool:
        """Whether at least a part of a frame was read already."""
        return self._start < self._end

    def take_short(self) -> tuple[int, bytes | bytearray]:
        """Takes frames that were read already and hold less than 128 bytes and no buffers, heads included.

        The head of such a frame, eight bytes of which only the first is not 0, is eight small ints of MessagePack. So
        all of them together are items of one array, which a codec reads in one go: that halves the price of a call.

        Returns:
            How many there are, and their bytes; none where there are less than two.
        """
        store, end = self._store, self._end
        first = at = self._start
        count = 0
        while at + 8 <= end:
            length, buffers = _unpack_head(store, at)
            stop = at + 8 + length
            if buffers or length >= 128 or stop > end:
                break
            at = stop
            count += 1
        if count < 2:
            return 0, b""
        self._start = at
        return count, store[first:at]

    def put_back(self, size: int) -> None:
        """Undoes `take_short`, of that many bytes."""
        self._start -= size

    def read(self) -> tuple[bytearray, Sequence[BytesIO]] | None:
        """Returns body and buffers of the next frame; None when the stream has ended.

        Raises:
            Problem: If the frame is beyond the limits; nothing after it can be trusted.
        """
        store = self._store
        while True:
            start, end = self._start, self._end
            have = end - start
            if have >= 8:
                length, count = _unpack_head(store, start)
                stop = start + 8 + length
                if not count and stop <= end:
                    if length > self._limits.max_frame_bytes:
                        raise LimitProblem("maxFrameBytes", length, self._limits.max_frame_bytes)
                    self._start = stop
                    return store[start + 8 : stop], ()
                if count or stop - start > READ_SIZE:
                    frame, self._start = _read_large(self._fd, self._view, start, end, length, count, self._limits)
                    # Memory given back after each call would go to the system and be faulted in again for the next: a
                    # third of the speed. So the last one stays until there is another, unless it is huge.
                    size = 0 if frame is None else sum(buffer.getbuffer().nbytes for buffer in frame[1])
                    self._kept = frame if size <= MAX_KEPT else None
                    return frame
            self.is_waiting = not have
            if self.wait is not None:
                self.wait()
                if self._start != start or self._end != end:
                    self.is_waiting = False
                    continue
            if start:
                # The rest of the store is the front of a frame; move it where a whole one has room.
                if have:
                    self._view[:have] = bytes(self._view[start:end])
                self._start, self._end = 0, have
                end = have
            got = _readv(self._fd, (self._view[end:] if end else self._view,))
            self.is_waiting = False
            if not got:
                return None
            self._end = end + got


def _read_large(
    fd: int, view: memoryview, start: int, end: int, length: int, count: int, limits: Limits
) -> tuple[tuple[bytearray, list[BytesIO]] | None, int]:
    """Reads a frame with buffers, or one larger than the store, straight into memory of its own size."""
    from _io import BytesIO

    if count > MAX_BUFFERS:
        raise Problem(f"Cannot read frame: it has {count} buffers, limit is {MAX_BUFFERS}")
    if length > limits.max_frame_bytes:
        raise LimitProblem("maxFrameBytes", length, limits.max_frame_bytes)
    table = bytearray(8 * count)
    start = _fill(fd, view, start + 8, end, [memoryview(table)])
    if start < 0:
        return None, 0
    sizes = Struct(f"<{count}Q").unpack(table)
    if length + sum(sizes) > limits.max_frame_bytes:
        raise LimitProblem("maxFrameBytes", length + sum(sizes), limits.max_frame_bytes)
    body = bytearray(length)
    # A BytesIO that alone owns its bytes lends them for writing and later gives them away without a copy.
    buffers = [BytesIO(bytes(size)) for size in sizes]
    parts = [memoryview(body), *(buffer.getbuffer() for buffer in buffers)]
    start = _fill(fd, view, start, end, [part for part in parts if len(part)])
    for part in parts:
        part.release()
    return (None, 0) if start < 0 else ((body, buffers), start)


def _fill(fd: int, view: memoryview, start: int, end: int, parts: list[memoryview]) -> int:
    """Fills all parts, first from what was read already; returns where that now starts, or -1 at end of stream."""
    at = 0
    done = 0
    while at < len(parts):
        part = parts[at]
        if start < end:
            got = min(end - start, len(part) - done)
            part[done : done + got] = view[start : start + got]
            start += got
            done += got
        elif done < len(part):
            got = os.readv(fd, [part[done:] if done else part, *parts[at + 1 : at + 16]])
            if not got:
                return -1
            done += got
        while at < len(parts) and done >= len(parts[at]):
            done -= len(parts[at])
            at += 1
    return start


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Writes everything, at most 1 MiB at a time, and waits for room."""
    size = len(data)
    done = os.write(fd, data) if size <= SLICE else 0
    if done == size:
        return
    with memoryview(data) as view:
        while done < size:
            done += os.write(fd, view[done : done + SLICE])


def write_frame(fd: int, body: bytes, buffers: Sequence[memoryview]) -> None:
    """Writes one frame; the buffers are not copied."""
    head = Struct(f"<II{len(buffers)}Q").pack(len(body), len(buffers), *map(len, buffers))
    write_all(fd, head + body)
    for buffer in buffers:
        write_all(fd, buffer)
