# The raw limit: the least a Python process can do with a request on descriptor 3, in the same language, over the same
# socket pair and with the same codec library as the worker. No dispatch, no references, no cancellation, no limits.
# Frames are a length of four bytes and a body. Replies of one read leave in one write (`together`), or in one each
# (`apart`), as the worker must do it: the host concludes from a crash that calls behind the first one without an answer
# never ran.
from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

DATA = 3
SLICE = 1 << 20
READ_SIZE = 1 << 18
RESULT = 16
ECHO, ITEMS, BYTES_IN, BYTES_OUT = range(4)


def load_codec(name: str) -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    """Returns the encoder and the decoder of the library that the worker chose."""
    if name == "msgspec":
        from msgspec import msgpack as library

        return library.Encoder().encode, library.Decoder().decode
    if name == "msgpack":
        import msgpack

        return msgpack.Packer(use_bin_type=True).pack, msgpack.unpackb
    sys.path.insert(0, str(Path(__file__).parents[2] / "python" / "src"))
    from snakebridge._internal import packing

    def decode(body: memoryview) -> Any:
        return packing.Unpacker(bytearray(body), lambda _code, data: data, 512).unpack()

    return packing.pack, decode


def write_all(data: bytes | bytearray | memoryview) -> None:
    with memoryview(data) as view:
        done = 0
        while done < len(view):
            done += os.write(DATA, view[done : done + SLICE])


def serve(encode: Callable[[Any], bytes], decode: Callable[[Any], Any], together: bool) -> None:
    """Echoes until the stream ends."""
    store = bytearray(READ_SIZE)
    view = memoryview(store)
    bulk_in = bytearray()
    bulk_out = b""
    items: Any = iter(())
    start = end = 0
    while True:
        replies: list[bytes] = []
        while end - start >= 4:
            length = int.from_bytes(store[start : start + 4], "little")
            stop = start + 4 + length
            if stop > end:
                break
            message = decode(view[start + 4 : stop])
            start = stop
            kind, args = message[4], message[7]
            if kind == ECHO:
                result = args[0]
            elif kind == ITEMS:
                if args[0]:
                    items = iter(range(args[0]))
                result = list(islice(items, args[1]))
            elif kind == BYTES_IN:
                if len(bulk_in) != args[0]:
                    bulk_in = bytearray(args[0])
                with memoryview(bulk_in) as target:
                    have = min(end - start, args[0])
                    target[:have] = view[start : start + have]
                    start += have
                    while have < args[0]:
                        have += os.readv(DATA, [target[have:]])
                result = have
            else:
                if len(bulk_out) != args[0]:
                    bulk_out = os.urandom(args[0])
                write_all(bulk_out)
                continue
            reply = encode([RESULT, message[2], result])
            frame = len(reply).to_bytes(4, "little") + reply
            if together:
                replies.append(frame)
            else:
                write_all(frame)
        if replies:
            write_all(replies[0] if len(replies) == 1 else b"".join(replies))
        if start == end:
            start = end = 0
        elif start:
            view[: end - start] = bytes(view[start:end])
            start, end = 0, end - start
        if end - start >= 4:
            need = 4 + int.from_bytes(store[start : start + 4], "little")
            if need > len(store):
                larger = bytearray(need)
                larger[:end] = view[:end]
                store, view = larger, memoryview(larger)
        got = os.readv(DATA, [view[end:]])
        if not got:
            return
        end += got


if __name__ == "__main__":
    os.set_blocking(DATA, True)
    serve(*load_codec(sys.argv[1]), together=sys.argv[2] == "together")
