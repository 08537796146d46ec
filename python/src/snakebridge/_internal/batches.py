# `next`: kind 7 of proto/PROTOCOL.md 3.1. Items are taken and encoded in chunks that grow while the producer is fast
# and its items small, so that 100,000 ints cost no clock reading each and a slow producer is not kept waiting for.
from __future__ import annotations

from itertools import islice
from time import perf_counter

from snakebridge._internal.problems import Interrupted, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.async_items import Taken
    from snakebridge._internal.refs import RefTable
    from snakebridge._internal.wire_encode import WireEncoder

MAX_BATCH_S = 0.010
MAX_BATCH_BYTES = 256 * 1024
MAX_CHUNK = 4_096
MAX_CHUNK_BYTES = 32 * 1024
FAST_CHUNK_S = 0.001
MAX_DEFERRED = 1_000
REF = 2
# Why a batch ended: there are no more, or none were asked for; it is large; it took long.
FULL, LARGE, LATE = 0, 1, 2


class Batches:
    """Takes items from iterators, and remembers what ended them until the host asks again."""

    def __init__(self, encoder: WireEncoder, refs: RefTable) -> None:
        self._encoder = encoder
        self._refs = refs
        self._deferred: dict[int, BaseException] = {}
        self._has_refs = False

    def iterator_of(self, message: list[Any]) -> tuple[Any, int]:
        """The iterator that a message names, and how many items it asks for.

        Raises:
            BaseException: What ended the iterator after the items of the batch before.
        """
        session, _, target, _, args = message[3:8]
        if type(target) is not int or type(args) is not list or len(args) != 1:
            raise Problem("Cannot take items: target is no ref id, or args are not [maxItems]")
        iterator = self._refs.get(target, session)
        most = args[0]
        if type(most) is not int or most < 1:
            raise Problem("Cannot take items: maxItems is no positive integer")
        # Items may be refs. Those of the batch before, used just now, those being read, those asked for ahead, and the
        # iterator must not push each other out.
        most = min(most, max(1, (self._refs.max_refs - 1) // 3)) if self._refs.max_refs else most
        deferred = self._deferred.pop(target, None)
        if deferred is not None:
            raise deferred
        return iterator, most

    def next(self, message: list[Any], iterator: Any, most: int) -> bytes:
        """Takes a batch and returns it encoded, as the array `[items, done, why]`.

        Raises:
            BaseException: Whatever the iterator raises before its first item.
        """
        if not hasattr(type(iterator), "__next__"):
            raise TypeError(f"{type(iterator).__name__!r} object is not an iterator")
        target = message[5]
        chunks, count, done, why = self._take(iterator, most, target, (message[9] & 3) == REF)
        if done:
            self._refs.forget([target])
        return closed(chunks, count, done, why)

    def encode_taken(self, target: int, as_refs: bool, taken: Taken) -> bytes:
        """Encodes items that were taken elsewhere, as `next` does.

        Raises:
            BaseException: What ended the iterator before its first item.
        """
        items, error, is_done = taken.items, taken.error, taken.is_done
        self._has_refs = False
        last_own = self._refs.last_own
        try:
            data = self._encode(items, as_refs) if items else b""
        except Exception as raised:
            self._undo(0, last_own)
            items, data, error = self._encode_some(items, as_refs, raised)
            is_done = False
        if error is not None:
            if not items:
                raise error
            self.defer(target, error)
        if is_done:
            self._refs.forget([target])
        return closed([data], len(items), is_done, taken.why)

    def _take(self, iterator: Any, most: int, target: int, as_refs: bool) -> tuple[list[bytes], int, bool, int]:
        begun = before = perf_counter()
        self._has_refs = False
        chunks: list[bytes] = []
        count = total = 0
        size = 1
        all_buffers = self._encoder.buffers
        seen = 0
        while True:
            want = min(size, most - count)
            items: list[Any] = []
            error: BaseException | None = None
            try:
                # On an exception the list keeps what was taken before it.
                items.extend(islice(iterator, want))
            except Interrupted:
                raise
            except BaseException as raised:
                error = raised
            ended = error is None and len(items) < want
            buffers, last_own = len(self._encoder.buffers), self._refs.last_own
            try:
                data = self._encode(items, as_refs) if items else b""
            except Exception as raised:
                self._undo(buffers, last_own)
                items, data, error = self._encode_some(items, as_refs, raised)
                ended = False
            if data:
                chunks.append(data)
                count += len(items)
                total += len(data)
                while seen < len(all_buffers):
                    total += len(all_buffers[seen])
                    seen += 1
            if error is not None:
                if not count:
                    raise error
                self.defer(target, error)
                return chunks, count, False, FULL
            now = perf_counter()
            if ended or count >= most:
                return chunks, count, ended, FULL
            if total >= MAX_BATCH_BYTES:
                return chunks, count, False, LARGE
            if now - begun >= MAX_BATCH_S:
                return chunks, count, False, LATE
            if now - before < FAST_CHUNK_S and 2 * len(data) <= MAX_CHUNK_BYTES:
                size = min(2 * size, MAX_CHUNK)
            elif size > 1:
                size //= 2
            before = now

    def _encode(self, items: list[Any], as_refs: bool) -> bytes:
        encoder = self._encoder
        tree, self._has_refs = encoder.each(items, 2, as_refs=as_refs, apart=self._has_refs)
        try:
            data = encoder.codec.pack(tree)
        except RecursionError:
            data = encoder.limits.run_deep(encoder.codec.pack, tree)
        except UnicodeEncodeError:
            from snakebridge._internal.surrogates import surrogate_problem

            raise surrogate_problem(items) from None
        return data[1 if len(items) < 16 else 3 if len(items) < 65_536 else 5 :]

    def _encode_some(
        self, items: list[Any], as_refs: bool, error: BaseException
    ) -> tuple[list[Any], bytes, BaseException]:
        """Encodes the items before the first one that has no encoding."""
        parts: list[bytes] = []
        for item in items:
            buffers, last_own = len(self._encoder.buffers), self._refs.last_own
            try:
                parts.append(self._encode([item], as_refs))
            except Exception as raised:
                self._undo(buffers, last_own)
                error = raised
                break
        return items[: len(parts)], b"".join(parts), error

    def _undo(self, buffers: int, last_own: int) -> None:
        del self._encoder.buffers[buffers:]
        self._refs.undo(last_own)

    def defer(self, target: int, error: BaseException) -> None:
        """Keeps what ended an iterator for the next time the host asks."""
        self._deferred[target] = error
        if len(self._deferred) > MAX_DEFERRED:
            del self._deferred[next(iter(self._deferred))]


def closed(chunks: list[bytes], count: int, done: bool, why: int) -> bytes:
    """The array `[items, done, why]`, of items that are encoded already."""
    head = b"\x93\xdd" + count.to_bytes(4, "big")
    return head + b"".join(chunks) + (b"\xc3" if done else b"\xc2") + bytes((why,))
