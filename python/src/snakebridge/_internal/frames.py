# Frames of proto/PROTOCOL.md 2, straight on descriptors: importing `socket` would cost more than a start may.
from __future__ import annotations

import os
from _struct import Struct

from snakebridge._internal.limits import MAX_BUFFERS
from snakebridge._internal.problems import LimitProblem, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BytesIO

    from snakebridge._internal.limits import Limits

SLICE = 1 << 20
READ_SIZE = 1 << 16
HEAD = Struct("<II")


def read_frames(fd: int, limits: Limits) -> Iterator[tuple[bytearray, Sequence[BytesIO]]]:
    """Yields body and buffers of each frame until the stream ends.

    Raises:
        Problem: If a frame is beyond the limits; nothing after it can be trusted.
    """
    store = bytearray(READ_SIZE)
    view = memoryview(store)
    unpack_head = HEAD.unpack_from
    readv = os.readv
    start = end = 0
    while True:
        have = end - start
        if have >= 8:
            length, count = unpack_head(store, start)
            stop = start + 8 + length
            if not count and stop <= end:
                if length > limits.max_frame_bytes:
                    raise LimitProblem("maxFrameBytes", length, limits.max_frame_bytes)
                body = store[start + 8 : stop]
                start = stop
                yield body, ()
                continue
            if count or stop - start > READ_SIZE:
                frame, start = _read_large(fd, view, start, end, length, count, limits)
                if frame is None:
                    return
                yield frame
                continue
        if start:
            # The rest of the store is the front of a frame; move it where a whole one has room.
            if have:
                view[:have] = bytes(view[start:end])
            start, end = 0, have
        got = readv(fd, (view[end:] if end else view,))
        if not got:
            return
        end += got


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
