# How a call is answered (proto/PROTOCOL.md 3.2, 7): its result encoded, or its failure described and what it kept
# undone. The main thread has one of these, and so has every other thread while it runs calls for a callback it made.
from __future__ import annotations

import sys

from snakebridge._internal import lifeline
from snakebridge._internal.frames import HEAD, write_all, write_frame
from snakebridge._internal.problems import Cancelled, Interrupted, LimitProblem, Problem
from snakebridge._internal.refs import type_name
from snakebridge._internal.wire_encode import AUTO, VALUE, WireEncoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from snakebridge._internal.async_items import Taken
    from snakebridge._internal.batches import Batches
    from snakebridge._internal.codecs import Codec
    from snakebridge._internal.limits import Limits
    from snakebridge._internal.refs import RefTable

RESULT, ERROR = 16, 17
RETURNS, REF, NONE, KEEP, SILENT = 3, 2, 3, 4, 8


class IsAsync(Exception):  # noqa: N818 - it says what to do, nothing went wrong
    """What was asked for has to be awaited."""

    def __init__(self, awaitable: Any) -> None:
        super().__init__()
        self.awaitable = awaitable


class Answers:
    """Encodes and sends what calls give."""

    def __init__(self, codec: Codec, limits: Limits, refs: RefTable, lock: Any, paths: list[str]) -> None:
        self.codec = codec
        self.limits = limits
        self.refs = refs
        # Frames of several threads must not mix. Its owner is asked for, hence the kind that knows.
        self.write_lock = lock
        self.paths = paths
        self.encoder = WireEncoder(codec, limits, refs)
        # Encoding may run code of the user, which may call the host, which may call back.
        self.is_encoding = False
        self.sent = 0
        self._batches: Batches | None = None

    def send(self, data: bytes, buffers: Sequence[memoryview] = ()) -> None:
        """Writes one frame on data."""
        with self.write_lock:
            if buffers:
                write_frame(lifeline.DATA, data, buffers)
            else:
                write_all(lifeline.DATA, HEAD.pack(len(data), 0) + data)

    def encode(self, call: int, session: str, flags: int, result: Any) -> tuple[bytes, Sequence[memoryview]]:
        """Encodes a result in the form that `flags` ask for, and keeps it if they say so; gives nothing when silent."""
        encoder = self.encoder
        returns = flags & RETURNS
        self.is_encoding = True
        try:
            encoder.begin(call, session, VALUE if returns == VALUE else AUTO)
            if returns == REF:
                tree = None if flags & SILENT else encoder.ref(result, 1)
                if flags & SILENT:
                    self.refs.keep(call, session, result)
            else:
                if flags & KEEP:
                    self.refs.keep(call, session, result)
                tree = None if returns == NONE or flags & SILENT else encoder.encode(result)
            if flags & SILENT:
                return b"", ()
            data = self.pack([RESULT, call, tree], result)
            self.check_frame(len(data), encoder.buffers)
            return data, encoder.buffers
        finally:
            self.is_encoding = False

    def next_batch(self, message: list[Any], taken: Taken | None = None) -> tuple[bytes, Sequence[memoryview]]:
        """Takes items from an iterator and encodes them.

        Raises:
            IsAsync: If they have to be taken by a task; `taken` is what that has got.
        """
        batches = self.batches()
        if taken is None:
            iterator, most = batches.iterator_of(message)
            if hasattr(type(iterator), "__anext__") and not hasattr(type(iterator), "__next__"):
                from snakebridge._internal.async_items import take

                raise IsAsync(take(iterator, most))
        # The producer runs in there, and may call the host: its calls must not find this encoder in use.
        self.is_encoding = True
        try:
            self.encoder.begin(0, message[3], VALUE if message[9] & RETURNS == VALUE else AUTO)
            if taken is None:
                items = batches.next(message, iterator, most)
            else:
                items = batches.encode_taken(message[5], message[9] & RETURNS == REF, taken)
            data = b"\x93\x10" + self.codec.pack(message[2]) + items
            self.check_frame(len(data), self.encoder.buffers)
            return data, self.encoder.buffers
        finally:
            self.is_encoding = False

    def batches(self) -> Batches:
        """What takes items for this thread's encoder."""
        if self._batches is None:
            from snakebridge._internal.batches import Batches

            self._batches = Batches(self.encoder, self.refs)
        return self._batches

    def pack(self, tree: Any, value: Any) -> bytes:
        """Packs a tree; `value` is what it was made of."""
        try:
            return self.codec.pack(tree)
        except RecursionError:
            return self.limits.run_deep(self.codec.pack, tree)
        except UnicodeEncodeError:
            from snakebridge._internal.surrogates import surrogate_problem

            raise surrogate_problem(value) from None

    def check_frame(self, size: int, buffers: Sequence[memoryview]) -> None:
        """Refuses a frame beyond the limit."""
        self.sent += size
        total = size + sum(map(len, buffers))
        if total > self.limits.max_frame_bytes:
            raise LimitProblem("maxFrameBytes", total, self.limits.max_frame_bytes)

    def fail(self, message: list[Any], error: BaseException, last_own: int) -> None:
        """Answers a call that failed, and undoes what it kept."""
        call, session, flags = message[2], message[3], message[9]
        refs = self.refs
        if refs.last_own != last_own:
            refs.undo(last_own)
        refs.forget([call])
        self.send_failure(call, session, flags, self.failure_of(error))
        if refs.recent:
            refs.note_error(session, call, error)

    def failure_of(self, error: BaseException) -> dict[str, Any]:
        """The failure that an exception is sent as."""
        # Not `isinstance`, which asks the exception for its `__class__`.
        if issubclass(type(error), Interrupted):
            return Cancelled(True).failure()
        if issubclass(type(error), Problem):
            failure: dict[str, Any] = error.failure()  # type: ignore[attr-defined]
            return failure
        return self.describe(error)

    def describe(self, error: BaseException) -> dict[str, Any]:
        """The failure of an exception of the user."""
        try:
            current = sys.path
            sys.path = self.paths
            try:
                from snakebridge._internal import failures
            finally:
                sys.path = current
            # Its own encoder: the one of this thread may be in the middle of a message.
            return failures.describe(error, WireEncoder(self.codec, self.limits, self.refs))
        except BaseException as worse:
            # Out of memory or stack while describing: less detail is better than no answer.
            name = type_name(type(error))
            return {
                "kind": "python",
                "message": f"<no more is known: {type_name(type(worse))} while describing it>",
                "type": name,
                "mro": [name],
                "traceback": f"{name}\n",
                "frames": [],
                "cause": None,
                "context": None,
                "suppressContext": False,
                "notes": [],
                "attributes": {},
            }

    def note_failure(self, call: int, session: str, flags: int, failure: dict[str, Any]) -> None:
        """Remembers a failure for calls that use its result."""
        if flags & KEEP or flags & RETURNS == REF:
            self.refs.fail(call, session, failure)

    def send_failure(self, call: int, session: str, flags: int, failure: dict[str, Any]) -> None:
        """Answers a call with a failure."""
        self.note_failure(call, session, flags, failure)
        self.send(self.pack_failure(ERROR, call, failure))

    def pack_failure(self, kind: int, number: int, failure: dict[str, Any]) -> bytes:
        """Packs a failure; one that cannot be packed, or is too large, gives way to less detail."""
        tree = [kind, number, failure]
        try:
            data = self.codec.pack(tree)
        except (TypeError, UnicodeEncodeError):
            from snakebridge._internal.failures import pack_anyway

            data = pack_anyway(tree)
        if len(data) <= self.limits.max_frame_bytes:
            return data
        what = {key: str(failure.get(key))[:100] for key in ("kind", "message", "type")}
        return self.codec.pack([kind, number, {"kind": "limit", "message": f"Failure does not fit a frame: {what}"}])
