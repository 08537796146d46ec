// Written by `deno task pack` from python/src/snakebridge; a test holds it in step. Edit the Python files.
//
// The Python half travels inside the package, because a package loaded from a registry has no folder on disk.

/** A Python module of the worker. */
export interface PythonModule {
  /** Dotted name. */
  readonly name: string;
  /** Whether it is a package. */
  readonly isPackage: boolean;
  /** Its source. */
  readonly source: string;
}

/** Source of the boot module. */
export const BOOT_SOURCE: string = `# The boot record of proto/PROTOCOL.md 1.2: \`python -c STUB\` reads this text from descriptor 3 and runs it as
# \`__main__\`. It is compiled at every start, so it does only what finds compiled code for the rest. It imports only
# what is built into the interpreter: the current folder, which may hold a \`random.py\` of the user, comes first.
import _imp
import marshal
import os
import sys


def read(length: int) -> bytearray:
    data = bytearray(length)
    view, done = memoryview(data), 0
    while done < length:
        got = os.readv(3, [view[done:]])
        if not got:
            os._exit(0)
        done += got
    return data


def cache_file(data: bytearray) -> "str | None":
    """Names the file for this bundle, user and interpreter; None where others may write in its folder."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(folder, "snakebridge")
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError:
        return None
    if not folder.startswith("/") or found.st_uid != os.geteuid() or found.st_mode & 0o170022 != 0o040000:
        return None
    digest = _imp.source_hash(0x534E414B45, data).hex()
    return f"{folder}/{digest}-{len(data)}-{sys.implementation.cache_tag}.bin"


def boot() -> None:
    data = read(int.from_bytes(read(4), "little"))
    name = "snakebridge._internal.compiler"
    path = cache_file(data)
    space = {"__name__": name}
    try:
        with open(path or "", "rb") as file:
            codes = marshal.load(file)
        exec(marshal.loads(codes[name]), space)
    except Exception:
        codes = None
        at = data.index(name.encode() + b"\\0") + len(name) + 5
        size = int.from_bytes(data[at - 4 : at], "little")
        exec(compile(bytes(data[at : at + size]), name, "exec"), space)
    space["start"](data, codes, path)  # type: ignore[operator]


if __name__ == "__main__":
    boot()
`;

/** Every module of the worker; a package stands before its modules. */
export const PYTHON_MODULES: readonly PythonModule[] = [
  {
    name: "snakebridge",
    isPackage: true,
    source: `"""The Python half of SnakeBridge. Nothing here needs more than the standard library."""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["HostCancelledError", "HostError", "HostTimeoutError", "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snakebridge.host_error import HostCancelledError, HostError, HostTimeoutError


def __getattr__(name: str) -> object:
    # Loaded when asked for: every worker imports this package, and few need more of it than its name.
    if name.startswith("Host") and name in __all__:
        from snakebridge import host_error

        return getattr(host_error, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
`,
  },
  {
    name: "snakebridge._internal",
    isPackage: true,
    source: `"""What the worker is made of; no name in here is promised to anybody."""
`,
  },
  {
    name: "snakebridge._internal.answers",
    isPackage: false,
    source: `# How a call is answered (proto/PROTOCOL.md 3.2, 7): its result encoded, or its failure described and what it kept
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
        """Encodes a result in the form that \`flags\` ask for, and keeps it if they say so; gives nothing when silent."""
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
            IsAsync: If they have to be taken by a task; \`taken\` is what that has got.
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
            data = b"\\x93\\x10" + self.codec.pack(message[2]) + items
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
        """Packs a tree; \`value\` is what it was made of."""
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
        # Not \`isinstance\`, which asks the exception for its \`__class__\`.
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
                "traceback": f"{name}\\n",
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
`,
  },
  {
    name: "snakebridge._internal.array_values",
    isPackage: false,
    source: `# numpy arrays and scalars (proto/PROTOCOL.md 5.3), both ways. Encoding uses numpy only where it is loaded already.
from __future__ import annotations

import re
import sys
from math import prod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.wire_encode import Handler, WireEncoder

# Codes of \`array.array\`, which stands in where there is no numpy.
_ARRAY_CODES = {
    "|i1": "b", "|u1": "B", "<i2": "h", "<u2": "H", "<i4": "i", "<u4": "I",
    "<i8": "q", "<u8": "Q", "<f4": "f", "<f8": "d",
}  # fmt: skip
_KINDS = frozenset("biufcSUmM")
_DTYPE = re.compile(
    r"[<>|=]?(?:b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[Mm]8(?:\\[[^\\]]{1,24}\\])?|[US]\\d{1,9})", re.ASCII
)


def handler_of(kind: type) -> Handler | None:
    """The handler of an exact type of numpy: the array and its scalars."""
    np: Any = sys.modules.get("numpy")
    if np is None:
        return None
    if kind is np.ndarray:
        return _ndarray
    if not issubclass(kind, np.generic):
        return None
    if issubclass(kind, (np.datetime64, np.timedelta64, np.longdouble, np.clongdouble)):
        # On some platforms a long double is a double; it has its own type all the same.
        return _long_scalar
    return next((_scalar_handler(to) for base, to in _scalar_bases(np) if issubclass(kind, base)), None)


def _scalar_bases(np: Any) -> tuple[tuple[type, type], ...]:
    return (
        (np.bool_, bool), (np.integer, int), (np.floating, float), (np.complexfloating, complex),
        (np.str_, str), (np.bytes_, bytes),
    )  # fmt: skip


def _scalar_handler(to: type) -> Handler:
    return lambda encoder, value, depth: encoder.walk(to(value), depth)


def subclass_handler(kind: type) -> Handler | None:
    """For \`returns: "value"\`: sends a matrix or a memory map as the array it is; a mask would be lost."""
    np: Any = sys.modules["numpy"]
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())
    if issubclass(kind, masked):
        return None
    return lambda encoder, value, depth: _ndarray(encoder, np.asarray(value), depth)


def _long_scalar(encoder: WireEncoder, value: Any, depth: int) -> Any:
    np: Any = sys.modules["numpy"]
    return _ndarray(encoder, np.asarray(value), depth)


def _ndarray(encoder: WireEncoder, value: Any, depth: int) -> Any:
    if not has_encoding(value.dtype):
        return encoder.leaf(value, depth)
    encoder.enter(value.ndim, depth + 1)
    encoder.check_bytes(value.nbytes)
    dtype, shape, order, data = fields_of(value)
    return encoder.fields(14, [dtype, shape, order, encoder.data(data)], depth)


def has_encoding(dtype: Any) -> bool:
    """Whether arrays of this dtype are values: no objects and no structures."""
    return dtype.kind in _KINDS and dtype.fields is None


def fields_of(value: Any) -> tuple[str, list[int], str, memoryview]:
    """Dtype, shape, order and bytes of an array; the bytes are copied only when they lie in neither order."""
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    data = memoryview(b"")
    if value.nbytes:
        # The buffer protocol knows no datetime64 and no byte order, so the bytes are viewed as what they are.
        flat = (value.T if order == "F" else value).reshape(-1)
        data = memoryview((flat if flat.flags.c_contiguous else flat.copy()).view("u1"))
    return value.dtype.str, list(value.shape), order, data


def plain(value: Any, kind: type) -> Any:
    """For tagged JSON: the fields of an array as a tuple, the plain value of a scalar, or the object itself."""
    np: Any = sys.modules["numpy"]
    if kind is np.ndarray or handler_of(kind) is _long_scalar:
        array = np.asarray(value)
        return fields_of(array) if has_encoding(array.dtype) else value
    return next((to(value) for base, to in _scalar_bases(np) if issubclass(kind, base)), value)


def make_array(dtype: Any, shape: Any, order: Any, data: memoryview) -> Any:
    """Builds a writable array on received bytes, without copying them."""
    if type(dtype) is not str or type(shape) is not list or order not in ("C", "F"):
        raise ValueError("its dtype, shape or order has the wrong type")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"its shape is {shape!r:.80}")
    try:
        import numpy as np
    except ModuleNotFoundError:
        return _plain_array(dtype, shape, data)
    # numpy itself reads much more than dtypes, down to Python literals.
    if _DTYPE.fullmatch(dtype) is None:
        raise ValueError(f"its dtype is {dtype!r:.80}")
    kind = np.dtype(dtype)
    if kind.kind not in _KINDS or kind.fields is not None:
        raise ValueError(f"its dtype is {dtype!r:.80}")
    if prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"it has {len(data)} bytes, its shape {shape!r:.80} needs {prod(shape) * kind.itemsize}")
    if not len(data):
        return np.empty(shape, kind, order)
    return np.ndarray(shape, kind, data, order=order)


def _plain_array(dtype: str, shape: list[int], data: memoryview) -> Any:
    from array import array

    code = _ARRAY_CODES.get(dtype)
    if code is None or len(shape) != 1 or sys.byteorder != "little":
        raise ValueError(f"an array of {dtype:.20} and {len(shape)} dimensions needs the package numpy")
    value = array(code)
    if shape[0] * value.itemsize != len(data):
        raise ValueError(f"it has {len(data)} bytes, its shape needs {shape[0] * value.itemsize}")
    value.frombytes(data)
    return value
`,
  },
  {
    name: "snakebridge._internal.async_items",
    isPackage: false,
    source: `# Items of asynchronous iterators: \`next\` (kind 7 of proto/PROTOCOL.md 3.1) as a task. Loaded when one is first read.
from __future__ import annotations

import asyncio
from time import perf_counter

from snakebridge._internal.batches import FULL, LATE, MAX_BATCH_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The step that an iterator has begun and not ended, by the iterator's identity: a batch is not held back by a slow
# item, and the item is not lost with the batch. The iterator stands beside it, so that no other gets its identity.
_begun: dict[int, tuple[Any, asyncio.Future[Any]]] = {}
MAX_BEGUN = 1_000


class Taken:
    """Items, and what stopped them."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.error: BaseException | None = None
        self.is_done = False
        self.why = FULL


async def take(iterator: Any, most: int) -> Taken:
    """Takes up to \`most\` items; with at least one in hand, it waits for another only a moment."""
    taken = Taken()
    begun = perf_counter()
    key = id(iterator)
    while len(taken.items) < most:
        step = _begun.pop(key, (None, None))[1] or asyncio.ensure_future(iterator.__anext__())
        if not step.done():
            _begun[key] = iterator, step
            if len(_begun) > MAX_BEGUN:
                # One that was let go of without being closed.
                _begun.pop(next(iter(_begun)))[1].cancel()
            try:
                left = max(0.0, MAX_BATCH_S - (perf_counter() - begun)) if taken.items else None
                await asyncio.wait((step,), timeout=left)
            except asyncio.CancelledError:
                # It stays there, because closing the iterator has to wait until it has ended.
                step.cancel()
                raise
            if not step.done():
                taken.why = LATE
                break
            _begun.pop(key, None)
        try:
            taken.items.append(step.result())
        except StopAsyncIteration:
            taken.is_done = True
            break
        except (Exception, asyncio.CancelledError) as error:
            taken.error = error
            break
        if perf_counter() - begun > MAX_BATCH_S:
            taken.why = LATE
            break
    return taken


async def close(iterator: Any) -> None:
    """Ends a step that was begun, and closes an asynchronous generator."""
    step = _begun.pop(id(iterator), (None, None))[1]
    if step is not None:
        step.cancel()
        await asyncio.wait((step,))
    if hasattr(type(iterator), "aclose"):
        await iterator.aclose()
`,
  },
  {
    name: "snakebridge._internal.batches",
    isPackage: false,
    source: `# \`next\`: kind 7 of proto/PROTOCOL.md 3.1. Items are taken and encoded in chunks that grow while the producer is fast
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
        """Takes a batch and returns it encoded, as the array \`[items, done, why]\`.

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
        """Encodes items that were taken elsewhere, as \`next\` does.

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
    """The array \`[items, done, why]\`, of items that are encoded already."""
    head = b"\\x93\\xdd" + count.to_bytes(4, "big")
    return head + b"".join(chunks) + (b"\\xc3" if done else b"\\xc2") + bytes((why,))
`,
  },
  {
    name: "snakebridge._internal.callbacks",
    isPackage: false,
    source: `# Functions of the host as Python callables (proto/PROTOCOL.md 3.5). Loaded when the first one arrives.
#
# A call of one waits for the host. On the main thread it goes on reading data meanwhile, and runs the calls that the
# host makes for this callback inside itself. Any other thread cannot read data, which may be in the hands of a call
# that waits for that very thread: its replies and calls come over control, and it runs the calls itself.
from __future__ import annotations

import select
import sys
from _queue import SimpleQueue
from _thread import allocate_lock, get_ident
from _weakref import ref as weak_reference

from snakebridge._internal import calls, codecs, lifeline
from snakebridge._internal.answers import ERROR, Answers, IsAsync
from snakebridge._internal.packing import Unpacker, pack
from snakebridge._internal.problems import PROTOCOL, Cancelled, Problem, VersionProblem
from snakebridge._internal.wire_decode import WireDecoder
from snakebridge._internal.wire_encode import AUTO, WireEncoder
from snakebridge.host_error import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Sequence
    from io import BytesIO
    from typing import Any

    from snakebridge._internal.worker import Worker

    Frame = tuple[bytearray, Sequence[BytesIO]]

CALLBACK, DROPPED = 18, 20
CALL, END_SESSION, RETURNED, RAISED, NESTED = 1, 2, 3, 4, 6
LANE_RETURNED, LANE_RAISED, LANE_CALL = 36, 37, 38
ON_DATA, ON_CONTROL = 0, 1
IS_ASYNC = 1
# Each level takes C stack that no limit of Python counts; deeper ones would end in a crash and not in an error.
MAX_NESTING = 200
# What a level takes of the recursion limit for itself. It is lent to it, so that a call which meets the limit, inside
# code of the user that was near it, can still be answered.
OWN_FRAMES = 80


class HostFunction:
    """A function of the host; calling it calls that, and waits for what it gives."""

    def __init__(self, callbacks: Callbacks, number: int, name: str, session: str) -> None:
        self._callbacks = callbacks
        self._number = number
        self._session = session
        self.__name__ = self.__qualname__ = name or "<anonymous>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._callbacks.call(self._number, self._session, args, kwargs)

    def __repr__(self) -> str:
        return f"<host function {self.__name__}>"

    def __reduce__(self) -> Any:
        raise TypeError(f"Cannot pickle {self!r}: it belongs to this process")

    def __copy__(self) -> HostFunction:
        return self

    def __deepcopy__(self, memo: object) -> HostFunction:
        return self


class AsyncHostFunction(HostFunction):
    """A function of the host as a coroutine function: calling it gives an awaitable, and blocks nothing."""

    def __init__(self, callbacks: Callbacks, number: int, name: str, session: str) -> None:
        super().__init__(callbacks, number, name, session)
        import asyncio.coroutines
        import inspect

        # What \`iscoroutinefunction\` looks for, in asyncio and from 3.12 on in inspect.
        self._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)
        self._is_coroutine_mark = getattr(inspect, "_is_coroutine_mark", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._callbacks.call_async(self._number, self._session, args, kwargs)

    def __repr__(self) -> str:
        return f"<async host function {self.__name__}>"


class Held(weak_reference):  # type: ignore[type-arg]
    """A function, as long as Python holds it; the standard library's table of such costs a tenth of a callback."""

    __slots__ = ("number",)

    number: int


class Callbacks:
    """The functions of the host that this worker holds, and the calls of them that have not come back."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._functions: dict[int, Held] = {}
        # How often each function was received since it was last reported as dropped: the host may have sent it again
        # meanwhile, and compares.
        self._received: dict[int, int] = {}
        self._dropped: list[int] = []
        # Replies to calls of the main thread, by number; None while it is awaited.
        self._replies: dict[int, list[Any] | None] = {}
        self._lanes: dict[int, SimpleQueue[Frame] | FutureLane] = {}
        self._lock = allocate_lock()
        self._last = 0
        self._depth = 0

    def function(self, payload: list[Any]) -> HostFunction:
        """The callable of a function that arrived: the one it had before, as long as Python holds it."""
        number, name, flags, session = payload
        if type(number) is not int or type(name) is not str or type(flags) is not int or type(session) is not str:
            raise ValueError("its number, name, flags or session has the wrong type")
        kind = AsyncHostFunction if flags & IS_ASYNC else HostFunction
        with self._lock:
            self._received[number] = self._received.get(number, 0) + 1
            held = self._functions.get(number)
            function = None if held is None else held()
            if function is None:
                function = kind(self, number, name, session)
                self._functions[number] = held = Held(function, self._on_dropped)
                held.number = number
        return function

    def _on_dropped(self, held: Held) -> None:
        # On whatever thread lets go of it, in the middle of whatever that does.
        self._dropped.append(held.number)

    def tell_dropped(self) -> None:
        """Tells the host which functions Python has let go of."""
        if not self._dropped:
            return
        lost: list[list[int]] = []
        with self._lock:
            while self._dropped:
                number = self._dropped.pop()
                # It may have been received again, and live on as another object.
                held = self._functions.get(number)
                if held is not None and held() is None:
                    del self._functions[number]
                    lost.append([number, self._received.pop(number)])
        if lost:
            self._worker.send(self._worker.codec.pack([DROPPED, lost]))

    def call(self, function: int, session: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function of the host and returns what it gives.

        Raises:
            HostError: If it threw, or cannot be called here.
            BaseException: The Python exception that it let through.
        """
        if get_ident() == self._worker.progress.main:
            return self._call_on_main(function, session, args, kwargs)
        return self._call_on_thread(function, session, args, kwargs)

    def _call_on_main(self, function: int, session: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        worker = self._worker
        progress = worker.progress
        call = progress.running
        # From here on interrupts wait: they must not tear a frame or the books apart.
        progress.running = 0
        try:
            if worker.write_lock._is_owned() or worker.decoder.is_busy:
                raise HostError("Cannot call the host in the middle of a message", "")
            if self._depth >= MAX_NESTING:
                raise RecursionError(f"calls between host and Python are nested more than {MAX_NESTING} deep")
            worker.put_off_batch()
            number = self._next_number()
            self._depth += 1
            progress.outer.append(call)
            self._replies[number] = None
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(limit + OWN_FRAMES)
            try:
                self._send(number, call, function, session, args, kwargs, ON_DATA)
                message = self._wait(number, session, call)
            finally:
                # Unless the user has set another one meanwhile.
                if sys.getrecursionlimit() == limit + OWN_FRAMES:
                    sys.setrecursionlimit(limit)
                del self._replies[number]
                progress.outer.pop()
                self._depth -= 1
        finally:
            if call:
                progress.resume(call)
        return result_of(message)

    def _wait(self, number: int, session: str, call: int) -> list[Any]:
        """Reads data until the reply comes; runs what belongs to callbacks, and puts everything else off."""
        worker = self._worker
        replies = self._replies
        while (reply := replies[number]) is None:
            if not worker.reader.has_bytes and not self._await_bytes(call):
                continue
            frame = worker.reader.read()
            if frame is None:
                raise HostError("Cannot wait for the host: it is gone", "")
            kind = message_type(frame[0])
            if kind == NESTED:
                worker.run_frame(*frame, self._replies)
            elif kind in (RETURNED, RAISED):
                message = decode_reply(worker.decoder, session, frame)
                # One that nobody waits for was interrupted.
                if message[1] in replies:
                    replies[message[1]] = message
            else:
                worker.postponed.append(frame)
                found = plain_head(frame[0], 3)[2] if kind in (CALL, END_SESSION) else None
                if type(found) is int:
                    worker.progress.hold(found)
        return reply

    def _await_bytes(self, call: int) -> bool:
        """Waits for something to read, and lets tasks of the event loop run meanwhile; false when there is nothing yet.

        Raises:
            Interrupted: If the call, or one it is inside of, is cancelled. It comes here and nowhere else, while no
                byte of the conversation is in anybody's hands.
        """
        worker = self._worker
        progress = worker.progress
        try:
            if call:
                progress.resume(call)
            if worker.has_tasks:
                progress.running = 0
                return worker.tasks().wait()
            select.select((lifeline.DATA,), (), ())
            return True
        finally:
            progress.running = 0

    def _call_on_thread(self, function: int, session: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        number = self._next_number()
        queue: SimpleQueue[Frame] = SimpleQueue()
        self._lanes[number] = queue
        lane: Lane | None = None
        try:
            self._send(number, 0, function, session, args, kwargs, ON_CONTROL)
            while True:
                frame = queue.get()
                if lane is None:
                    lane = Lane(self._worker)
                if message_type(frame[0]) != LANE_CALL:
                    return result_of(decode_reply(lane.decoder, session, frame))
                lane.run_frame(frame)
                del frame
        finally:
            del self._lanes[number]

    def call_async(self, function: int, session: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """Calls a function of the host; the future gets what it gives.

        Raises:
            RuntimeError: If no event loop is running.
        """
        from asyncio import get_running_loop

        loop = get_running_loop()
        future: Future[Any] = loop.create_future()
        number = self._next_number()
        self._lanes[number] = FutureLane(self, loop, future, session, number)
        progress = self._worker.progress
        on_main = get_ident() == progress.main
        call = progress.running if on_main else 0
        if on_main:
            progress.running = 0
        try:
            self._send(number, call, function, session, args, kwargs, ON_CONTROL)
        except BaseException:
            del self._lanes[number]
            raise
        finally:
            if call:
                progress.resume(call)
        return future

    def deliver(self, number: int, frame: Frame) -> None:
        """Hands what came over control to whoever waits for it. Runs on the control thread."""
        lane = self._lanes.get(number)
        if lane is not None:
            lane.put(frame)
        elif message_type(frame[0]) == LANE_CALL:
            refusal = [ERROR, plain_head(frame[0], 4)[3], Cancelled(False).failure()]
            self._worker.send(pack(refusal))

    def settle(self, lane: FutureLane, frame: Frame) -> None:
        """Settles the future of an asynchronous call; runs in its event loop."""
        self._lanes.pop(lane.number, None)
        future = lane.future
        if future.done():
            return
        try:
            future.set_result(result_of(decode_reply(new_decoder(self._worker), lane.session, frame)))
        except StopIteration as error:
            # A future refuses it.
            future.set_exception(HostError(str(error), "StopIteration"))
        except BaseException as error:
            future.set_exception(error)

    def _next_number(self) -> int:
        with self._lock:
            self._last += 1
            return self._last

    def _send(
        self,
        number: int,
        call: int,
        function: int,
        session: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        lane: int,
    ) -> None:
        worker = self._worker
        refs = worker.refs
        encoder = WireEncoder(worker.codec, worker.limits, refs)
        encoder.begin(0, session, AUTO)
        last_own = refs.last_own
        given = [list(args), kwargs or None]
        try:
            data = worker.pack([CALLBACK, number, call, function, lane, *encoder.encode(given)], given)
            worker.check_frame(len(data), encoder.buffers)
        except Problem as problem:
            refs.undo(last_own)
            raise HostError(f"Cannot send the arguments: {problem.message}", "") from None
        worker.send(data, encoder.buffers)


class FutureLane:
    """Where the reply to an asynchronous call goes."""

    def __init__(
        self, callbacks: Callbacks, loop: AbstractEventLoop, future: Future[Any], session: str, number: int
    ) -> None:
        self._callbacks = callbacks
        self._loop = loop
        self.future = future
        self.session = session
        self.number = number

    def put(self, frame: Frame) -> None:
        """Takes the reply to the loop that waits for it."""
        try:
            self._loop.call_soon_threadsafe(self._callbacks.settle, self, frame)
        except RuntimeError:
            # The loop was closed; nobody waits.
            self._callbacks._lanes.pop(self.number, None)


class Lane(Answers):
    """Runs calls on a thread that waits for the host."""

    def __init__(self, worker: Worker) -> None:
        self.decoder = new_decoder(worker)
        super().__init__(self.decoder.codec, worker.limits, worker.refs, worker.write_lock, worker.paths)

    def run_frame(self, frame: Frame) -> None:
        """Runs one call that came over control, and answers it on data."""
        decoder = self.decoder
        try:
            message = decoder.decode(*frame)
            if decoder.problem is not None:
                raise decoder.problem
            for ref in decoder.used:
                self.refs.get(ref, message[4])
        except Problem as problem:
            call = plain_head(frame[0], 4)[3]
            self.refs.fail(call, "", problem.failure())
            self.send(self.pack_failure(ERROR, call, problem.failure()))
        else:
            # From \`[38, n, v, id, ...]\` to \`[6, v, id, ...]\`, the form of calls on data.
            self.run_call([NESTED, *message[2:]])

    def run_call(self, message: list[Any]) -> None:
        """Runs one call, and answers it."""
        call, flags = message[2], message[9]
        last_own = self.refs.last_own
        try:
            if message[1] != PROTOCOL:
                raise VersionProblem(message[1], message[1])
            if message[4] == calls.NEXT:
                try:
                    data, buffers = self.next_batch(message)
                except IsAsync as later:
                    from snakebridge._internal.tasks import run_apart

                    data, buffers = self.next_batch(message, run_apart(later.awaitable))
            else:
                result = calls.invoke(self.refs, message)
                if hasattr(type(result), "__await__") and type(result).__name__ in ("coroutine", "Future", "Task"):
                    from snakebridge._internal.tasks import run_apart

                    result = run_apart(result)
                data, buffers = self.encode(call, message[3], flags, result)
        except BaseException as error:
            return self.fail(message, error, last_own)
        if data:
            self.send(data, buffers)
        return None


def new_decoder(worker: Worker) -> WireDecoder:
    """A decoder for another thread, or for another message while one is being decoded."""
    decoder = WireDecoder(worker.limits, worker.refs)
    decoder.codec = codecs.load(worker.codec.name, decoder.hook)
    decoder.codec.max_depth = worker.codec.max_depth
    decoder.functions = worker.function
    return decoder


def message_type(body: bytearray) -> int:
    """Element 0 of a message, read from its first bytes; -1 where it is no small integer."""
    if len(body) < 2:
        return -1
    at = 1 if body[0] & 0xF0 == 0x90 else 3 if body[0] == 0xDC else 5
    return body[at] if len(body) > at and body[at] < 0x80 else -1


def decode_reply(decoder: WireDecoder, session: str, frame: Frame) -> list[Any]:
    """Decodes a reply; one whose value cannot be used says so in its place."""
    try:
        message: list[Any] = decoder.decode(*frame)
        if decoder.problem is not None:
            raise decoder.problem
        for ref in decoder.used:
            decoder.refs.get(ref, session)
    except Problem as problem:
        text = f"Cannot use what the host gave: {problem.message}"
        return [LANE_RAISED, plain_head(frame[0], 2)[1], {"kind": "host", "name": "", "message": text}]
    return message


def plain_head(body: bytearray, wanted: int) -> list[Any]:
    """The first elements of a message, which are numbers."""
    return Unpacker(body, codecs.raw_ext, 1).read_head(wanted)


def result_of(message: list[Any]) -> Any:
    """What a reply says: the value, or the exception."""
    if message[0] in (RETURNED, LANE_RETURNED):
        return message[2]
    raise to_exception(message[2])


def to_exception(failure: Any) -> BaseException:
    """The exception that stands for a failure of the host."""
    if type(failure) is not dict:
        failure = {}
    message = str(failure.get("message", ""))
    stack = str(failure.get("stack", ""))
    if failure.get("kind") == "python":
        kind = find_exception(failure.get("mro"))
        if kind is not None:
            args = failure.get("args")
            members = failure.get("exceptions")
            if type(members) is list:
                args = (message, [to_exception(member) for member in members])
            try:
                # Not its constructor, which may want anything.
                passed: BaseException = kind.__new__(kind, *(args if type(args) in (list, tuple) else (message,)))
            except Exception:
                # A class with a \`__new__\` of its own, or a group none of whose members came.
                passed = HostError(message, str(failure.get("type", "")), stack)
            add_note(passed, f"It went through the host:\\n{stack}" if stack else "It went through the host")
            return passed
    error = HostError(message, str(failure.get("name", "Error")), stack)
    thrown = failure.get("thrown")
    if type(thrown) is int:
        # By this number the host finds what was thrown.
        error.thrown = thrown  # type: ignore[attr-defined]
    if stack:
        add_note(error, f"In the host:\\n{stack}")
    return error


def find_exception(mro: Any) -> type[BaseException] | None:
    """The most derived of the named classes that is loaded here."""
    from snakebridge._internal.host_errors import find_class

    for name in mro if type(mro) is list else ():
        if type(name) is not str:
            continue
        found = find_class(name)
        if found is not None:
            return found
    return None


def add_note(error: BaseException, note: str) -> None:
    """Adds a note, where Python knows notes (from 3.11 on)."""
    if hasattr(error, "add_note"):
        error.add_note(note)
`,
  },
  {
    name: "snakebridge._internal.calls",
    isPackage: false,
    source: `# What each kind of call does (proto/PROTOCOL.md 3.1). Names are real Python names; Python's own errors come back.
from __future__ import annotations

import sys

from snakebridge._internal.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.refs import RefTable

FUNCTION, METHOD, GET_ATTR, SET_ATTR, DEL_ATTR, MODULE_ATTR, OPERATION, NEXT, VALUE, EVALUATE, EXECUTE = range(11)

_ModuleType = type(sys)
# As it was before the worker put folders of the user in front.
_PATH = list(sys.path)


# Modules seen to be imported to their end.
_whole: dict[str, Any] = {}
_modules = sys.modules
_MISSING = object()


def import_module(name: str) -> Any:
    """Imports a module by its dotted name."""
    module = _modules.get(name)
    if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
        __import__(name)
        module = _modules[name]
    _whole[name] = module
    return module


def walk(value: Any, name: str) -> Any:
    """Follows a dotted name; a submodule that is not imported yet is imported."""
    for step in name.split(".") if "." in name else (name,):
        try:
            value = getattr(value, step)
        except AttributeError as error:
            if not isinstance(value, _ModuleType):
                add_suggestion(error, value, step)
                raise
            value = _submodule(value, step, error)
    return value


def _submodule(module: Any, step: str, error: AttributeError) -> Any:
    if not hasattr(module, "__path__"):
        add_suggestion(error, module, step)
        raise error
    name = f"{module.__name__}.{step}"
    try:
        __import__(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        add_suggestion(error, module, step)
        raise error from None
    return sys.modules[name]


def _expressions() -> Any:
    module = sys.modules.get("snakebridge._internal.expressions")
    if module is None:
        # Of the standard library it needs more than is loaded, and no folder of the user may stand in for that.
        current = sys.path
        sys.path = _PATH
        try:
            from snakebridge._internal import expressions as module
        finally:
            sys.path = current
    return module


def add_suggestion(error: BaseException, value: Any, step: str) -> None:
    from snakebridge._internal.failures import suggest

    suggest(error, value, step)


def invoke(refs: RefTable, message: list[Any]) -> Any:
    """Runs one call and returns its result.

    Raises:
        Problem: If the message or its target is not usable.
        BaseException: Whatever Python raises.
    """
    if len(message) != 10:
        message = message[:10]
    _, _, _, session, kind, target, name, args, kwargs, _ = message
    if type(args) is not list or type(name) is not str or not (kwargs is None or type(kwargs) is dict):
        raise Problem("Cannot run call: name, args or kwargs have the wrong type")
    if kind == METHOD and type(target) is int:
        value = refs.get(target, session)
        if name:
            if "." in name or (found := getattr(value, name, _MISSING)) is _MISSING:
                found = walk(value, name)
            value = found
        return value(*args, **kwargs) if kwargs else value(*args)
    if kind == FUNCTION or kind == MODULE_ATTR:  # noqa: SIM109 -- a tuple of globals is built at every call
        if type(target) is not str or not target:
            raise Problem("Cannot run call: target is no module name")
        value = _modules.get(target)
        if value is None or value is not _whole.get(target):
            value = import_module(target)
        if name:
            if "." in name or (found := getattr(value, name, _MISSING)) is _MISSING:
                found = walk(value, name)
            value = found
        if kind == MODULE_ATTR:
            return value
        return value(*args, **kwargs) if kwargs else value(*args)
    if kind == EVALUATE or kind == EXECUTE:  # noqa: SIM109
        # Code of the host's choice: the one place where a policy can refuse it.
        if kind == EVALUATE:
            return _expressions().evaluate(session, target, args, kwargs)
        return _expressions().execute(session, target, args, kwargs)
    if type(target) is not int:
        raise Problem("Cannot run call: target is no ref id")
    value = refs.get(target, session)
    if kind == GET_ATTR:
        return walk(value, name)
    if kind in (SET_ATTR, DEL_ATTR):
        path, _, last = name.rpartition(".")
        holder = walk(value, path) if path else value
        if kind == DEL_ATTR:
            delattr(holder, last)
        else:
            setattr(holder, last, *args)
        return None
    if kind == OPERATION:
        if name in ("enter", "exit"):
            from snakebridge._internal import contexts

            return contexts.operate(refs, session, value, name, args)
        from snakebridge._internal.operations import operate

        return operate(value, name, args)
    if kind == VALUE:
        return value
    raise Problem(f"Cannot run call: kind is {kind!r}, expected 0 to 10")
`,
  },
  {
    name: "snakebridge._internal.codecs",
    isPackage: false,
    source: `# One interface over three MessagePack libraries. They get plain trees only (see wire_encode.py), because msgspec and
# msgpack would encode tuples, sets, subclasses and datetimes silently, each in its own way.
from __future__ import annotations

import sys

from snakebridge._internal import packing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Hook = Callable[[int, memoryview], Any]

is_cpython = sys.implementation.name == "cpython"


class Codec:
    """MessagePack in plain Python; the base of the faster ones."""

    name = "builtin"
    is_slow = True
    # Whether it refuses subclasses and unknown objects, so that trees of lists, dicts and plain values may go to it as
    # they are once those are known to be nothing else.
    takes_trees = False
    # How many extension values inside each other it decodes on the C stack that the main thread has.
    max_nesting = 1 << 30

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.pack: Callable[[Any], bytes] = packing.pack
        self.ext: Callable[[int, bytes], Any] = packing.Ext
        # Marks bytes as encoded already; only where \`takes_trees\`.
        self.encoded: Callable[[bytes], Any] = bytes
        self.max_depth = 512

    def unpack(self, body: bytes | bytearray) -> Any:
        """Decodes one value; the hook gets its extension values."""
        return packing.Unpacker(body, self.hook, self.max_depth).unpack()

    def unpack_nested(self, body: bytes | bytearray, depth: int) -> Any:
        """Decodes the payload of an extension value inside \`depth\` of them."""
        return self.unpack(body) if depth <= self.max_nesting else Codec.unpack(self, body)

    def unpack_raw(self, body: bytes | bytearray | memoryview) -> Any:
        """Decodes a small payload with its extension values left as they are."""
        return packing.Unpacker(body, raw_ext, self.max_depth).unpack()


def raw_ext(code: int, data: memoryview) -> packing.Ext:
    return packing.Ext(code, bytes(data))


class MsgspecCodec(Codec):
    """MessagePack by msgspec."""

    name = "msgspec"
    is_slow = False
    takes_trees = is_cpython  # \`plain_values\` relies on what its collector sees

    def __init__(self, hook: Hook) -> None:
        from msgspec import Raw, msgpack

        super().__init__(hook)
        self.encoded = Raw
        self.pack = msgpack.Encoder().encode
        self.ext = msgpack.Ext
        self.unpack = msgpack.Decoder(ext_hook=hook).decode  # type: ignore[method-assign, assignment]


class MsgpackCodec(Codec):
    """MessagePack by msgpack."""

    name = "msgpack"
    is_slow = False
    max_nesting = 32  # each level takes some 40 kB of stack

    def __init__(self, hook: Hook) -> None:
        import msgpack

        super().__init__(hook)
        self._pack = msgpack.Packer(use_bin_type=True, strict_types=True).pack
        self._unpack = msgpack.unpackb
        self._too_deep = msgpack.exceptions.StackError
        self._ext_type = msgpack.ExtType
        self.pack = self._pack_tree
        self.ext = self._make_ext

    def _pack_tree(self, value: Any) -> bytes:
        try:
            data: bytes = self._pack(value)
        except (TypeError, ValueError, OverflowError):
            # A negative extension code, or nesting beyond the library's own 511.
            return packing.pack(value)
        return data

    def _make_ext(self, code: int, data: bytes) -> Any:
        return self._ext_type(code, data) if code >= 0 else packing.Ext(code, data)

    def unpack(self, body: bytes | bytearray) -> Any:
        try:
            return self._unpack(body, ext_hook=self.hook, raw=False, strict_map_key=False, timestamp=3)
        except self._too_deep:
            raise RecursionError from None
        except TypeError as error:
            raise ValueError(f"a map has a bad key: {error}") from None


def best_name(find_spec: Callable[[str], object]) -> str:
    """Names the fastest codec there is, without the cost of importing it."""
    return next((name for name in ("msgspec", "msgpack") if find_spec(name) is not None), "builtin")


def load(name: str, hook: Hook) -> Codec:
    """Makes the codec of that name.

    Raises:
        ImportError: If its library is not there or broken.
    """
    if name == "msgspec":
        return MsgspecCodec(hook)
    if name == "msgpack":
        return MsgpackCodec(hook)
    return Codec(hook)
`,
  },
  {
    name: "snakebridge._internal.compiler",
    isPackage: false,
    source: `# Makes the bundle of proto/PROTOCOL.md 1.2 importable: compiles its modules, keeps their code, loads them from memory.
# The boot module runs this one, compiled or as text, before anything of ours can be imported, so it imports only what
# is built into the interpreter.
import marshal
import os
import sys

TYPE_CHECKING = False  # what type checkers read as true; importing \`typing\` would double the time to start
if TYPE_CHECKING:
    from _frozen_importlib import ModuleSpec
    from types import CodeType, ModuleType

# Not of the form \`<...>\`, which linecache takes for text that nobody can show.
FOLDER = "<snakebridge>/"

# \`from __future__ import annotations\` imports a real file, \`__future__.py\`, which the current folder may shadow. The
# flag has the same effect.
FUTURE_IMPORT = b"from __future__ import annotations\\n"
FUTURE_FLAG = 0x1000000

# A month: longer than a script that is run now and then may rest.
KEPT_S = 30 * 86_400


class BundleImporter:
    """Finds and loads the modules of the bundle from memory."""

    def __init__(self, sources: "dict[str, tuple[bool, bytes]]", codes: "dict[str, bytes]") -> None:
        self._sources = sources
        self._codes = codes

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        entry = self._sources.get(name)
        if entry is None:
            return None
        spec: ModuleSpec = type(sys.__spec__)(name, self, origin=FOLDER + name, is_package=entry[0])  # type: ignore[arg-type]
        return spec

    def create_module(self, spec: object) -> None:
        return None

    def exec_module(self, module: "ModuleType") -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> "CodeType":
        code: CodeType = marshal.loads(self._codes[name])
        return code

    def get_source(self, name: str) -> str:
        return self._sources[name][1].decode()

    def is_package(self, name: str) -> bool:
        return self._sources[name][0]


def read_sources(data: bytearray) -> "dict[str, tuple[bool, bytes]]":
    """Takes the bundle apart: whether each module is a package, and its text."""
    sources: dict[str, tuple[bool, bytes]] = {}
    at = 0
    while at < len(data):
        split = at + 2 + int.from_bytes(data[at : at + 2], "little")
        start = split + 5
        end = start + int.from_bytes(data[split + 1 : start], "little")
        sources[data[at + 2 : split].decode()] = (bool(data[split]), bytes(data[start:end]))
        at = end
    return sources


def compile_all(sources: "dict[str, tuple[bool, bytes]]") -> "dict[str, bytes]":
    """Compiles every module; happens once for each version, interpreter and user."""
    codes = {}
    for name, (_, text) in sources.items():
        code = compile(text.replace(FUTURE_IMPORT, b"\\n", 1), FOLDER + name, "exec", FUTURE_FLAG, dont_inherit=True)
        codes[name] = marshal.dumps(code)
    return codes


def save(path: str, data: bytes) -> None:
    """Writes the file whole or not at all; a cache that cannot be written costs time, never a failure."""
    draft = f"{path}.{os.getpid()}"
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            os.replace(draft, path)
        except OSError:
            os.unlink(draft)
    except OSError:
        pass


def prune(folder: str) -> None:
    """Removes what versions left behind that were not started for long; drafts of killed writers, too."""
    from time import time

    try:
        for entry in os.scandir(folder):
            if entry.stat(follow_symlinks=False).st_atime < time() - KEPT_S:
                os.unlink(entry.path)
    except OSError:
        pass


def start(data: bytearray, codes: "dict[str, bytes] | None", path: "str | None") -> None:
    """Installs the importer and enters the worker; returns when the host says bye."""
    sources = read_sources(data)
    if codes is None or codes.keys() != sources.keys():
        codes = compile_all(sources)
        if path is not None:
            save(path, marshal.dumps(codes))
            prune(os.path.dirname(path))
    sys.meta_path.insert(0, BundleImporter(sources, codes))
    # What the stub and the boot module defined is not the user's.
    space = vars(sys.modules["__main__"])
    for name in [name for name in space if not name.startswith("__")]:
        del space[name]
    # \`python -c\` has the current folder first; until the worker is up, nothing of ours may come from there.
    in_folder = sys.path[:1] == [""]
    if in_folder:
        del sys.path[0]
    from snakebridge._internal import worker

    worker.main(in_folder)
`,
  },
  {
    name: "snakebridge._internal.contexts",
    isPackage: false,
    source: `# Context managers entered for the host: operations \`enter\` and \`exit\` of proto/PROTOCOL.md 3.1.
#
# \`__exit__\` must get the very exception that ended the body, for managers tell them apart by type and identity. So
# while a manager of a session is entered, the last exceptions of that session's calls are kept. An exception keeps the
# frames it came through, and they their variables: the worker's own are cut off, the rest goes with the last manager.
from __future__ import annotations

from _weakref import ref as weak

from snakebridge._internal.problems import Problem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

    from snakebridge._internal.refs import RefTable

MAX_RECENT = 16

_MRO = type.__dict__["__mro__"].__get__
_TRACEBACK = BaseException.__dict__["__traceback__"]
_MISSING = object()


class Recent:
    """The last exceptions of one session by the ids of their calls; lives as long as a manager is entered."""

    __slots__ = ("__weakref__", "errors")

    def __init__(self) -> None:
        self.errors: dict[int, BaseException] = {}

    def note(self, call: int, error: BaseException) -> None:
        from snakebridge._internal.failures import is_ours

        trace = _TRACEBACK.__get__(error)
        while trace is not None and is_ours(trace.tb_frame.f_code.co_filename):
            trace = trace.tb_next
        _TRACEBACK.__set__(error, trace)
        self.errors[call] = error
        if len(self.errors) > MAX_RECENT:
            del self.errors[next(iter(self.errors))]


class Entered:
    """A manager between its \`__enter__\` and its \`__exit__\`."""

    __slots__ = ("__weakref__", "_leave", "_recent", "_type", "is_async", "value")

    def __init__(self, leave: Any, recent: Recent, kind: str, is_async: bool) -> None:
        self._leave = leave
        self._recent: Recent | None = recent
        self._type = kind
        self.is_async = is_async
        self.value: Any = None

    def exit(self, description: Any) -> Any:
        """Leaves it: whether the exception was suppressed, or an awaitable of that.

        Args:
            description: The error of the host that ended the body (proto/PROTOCOL.md 7.1); None when none did.

        Raises:
            Problem: If it was left before.
            BaseException: Whatever \`__exit__\` raises, with the exception of the body as its context.
        """
        leave, recent = self._leave, self._recent
        if recent is None:
            raise Problem(f"Cannot exit {self._type}: it was left before")
        error: BaseException | None = None
        if description is not None:
            from snakebridge._internal.host_errors import to_exception

            error = to_exception(description, recent.errors.get)
        self._leave = self._recent = self.value = None
        del recent
        return _exit_async(leave, error) if self.is_async else _exit(leave, error)


def _exit(leave: Any, error: BaseException | None) -> bool:
    if error is None:
        leave(None, None, None)
        return False
    trace = _TRACEBACK.__get__(error)
    try:
        try:
            # Raised, so that it is the one being handled: what \`__exit__\` raises gets it for its context.
            raise error
        except BaseException as raised:
            return bool(leave(type(raised), raised, _TRACEBACK.__get__(raised)))
    except BaseException as raised:
        if raised is error:
            return False
        raise
    finally:
        _TRACEBACK.__set__(error, trace)
        # The exception knows this frame, which must not know it in turn.
        del error, trace, leave


async def _exit_async(leave: Any, error: BaseException | None) -> bool:
    if error is None:
        await leave(None, None, None)
        return False
    trace = _TRACEBACK.__get__(error)
    try:
        try:
            raise error
        except BaseException as raised:
            return bool(await leave(type(raised), raised, _TRACEBACK.__get__(raised)))
    except BaseException as raised:
        if raised is error:
            return False
        raise
    finally:
        _TRACEBACK.__set__(error, trace)
        del error, trace, leave


def enter(refs: RefTable, session: str, manager: Any, mode: str | None) -> Any:
    """Enters a manager and gives it as an {@link Entered}, or an awaitable of one.

    Args:
        refs: Where the session keeps what it may need.
        session: Session of the call.
        manager: The context manager.
        mode: \`with\` or \`async with\`; None for the one it has, the former when it has both.
    """
    is_async = mode == "async with" or (
        mode is None and not _has(manager, "__enter__", "__exit__") and _has(manager, "__aenter__", "__aexit__")
    )
    names = ("__aenter__", "__aexit__") if is_async else ("__enter__", "__exit__")
    begin, leave = (_special(manager, name) for name in names)
    for name, method in zip(names, (begin, leave), strict=True):
        if method is _MISSING:
            raise _not_a_manager(manager, name, is_async)
    entered = Entered(leave, _recent_of(refs, session), type_name(type(manager)), is_async)
    if is_async:
        return _enter_async(entered, begin)
    entered.value = begin()
    return entered


def _recent_of(refs: RefTable, session: str) -> Recent:
    known = refs.recent.get(session)
    recent = None if known is None else known()
    if recent is None:
        recent = Recent()
        refs.recent[session] = weak(recent, lambda dead: refs.forget_errors(session, dead))
    return recent


async def _enter_async(entered: Entered, begin: Any) -> Entered:
    entered.value = await begin()
    return entered


def _special(value: Any, name: str) -> Any:
    """A special method as Python finds it: on the type alone, and bound."""
    kind = type(value)
    for base in _MRO(kind):
        found = base.__dict__.get(name, _MISSING)
        if found is not _MISSING:
            bind = getattr(type(found), "__get__", None)
            return found if bind is None else bind(found, value, kind)
    return _MISSING


def _has(value: Any, *names: str) -> bool:
    return all(any(name in base.__dict__ for base in _MRO(type(value))) for name in names)


def _not_a_manager(value: Any, missing: str, is_async: bool) -> TypeError:
    kind = "asynchronous context manager" if is_async else "context manager"
    message = f"{type_name(type(value)).removeprefix('builtins.')!r} object does not support the {kind} protocol"
    if is_async and _has(value, "__enter__", "__exit__"):
        return TypeError(f"{message} (missed {missing} method); leave the option \`async\` out")
    return TypeError(f"{message} (missed {missing} method)")


def operate(refs: RefTable, session: str, value: Any, name: str, args: list[Any]) -> bool | Entered | Awaitable[Any]:
    """Runs \`enter\` or \`exit\`.

    Raises:
        Problem: If the operand makes no sense, or what is to be left was never entered.
    """
    if len(args) != 1:
        raise Problem(f"Cannot run operation: {name} takes 1 operand, got {len(args)}")
    if name == "enter":
        if args[0] not in (None, "with", "async with"):
            raise Problem(f"Cannot enter: mode is {args[0]!r:.80}, expected 'with', 'async with' or nil")
        entered: Entered | Awaitable[Any] = enter(refs, session, value, args[0])
        return entered
    if type(value) is not Entered:
        raise Problem(f"Cannot exit {type_name(type(value))}: it is no entered context manager")
    left: bool | Awaitable[Any] = value.exit(args[0])
    return left
`,
  },
  {
    name: "snakebridge._internal.control",
    isPackage: false,
    source: `# The control thread: answers while a call runs, as far as the interpreter lock allows (proto/PROTOCOL.md 3.3, 3.4).
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
            os.write(2, f"snakebridge: Cannot read control stream: {error}\\n".encode("utf-8", "replace"))
        if not self.is_closing:
            # A host may close everything behind \`bye\`, which the main thread is about to read.
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
    """Memory of this process that is in RAM; 0 where the system has no \`/proc\`."""
    try:
        fd = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(fd, 128).split()[1]) * os.sysconf("SC_PAGE_SIZE")
        finally:
            os.close(fd)
    except (OSError, ValueError, IndexError):
        return 0
`,
  },
  {
    name: "snakebridge._internal.cycles",
    isPackage: false,
    source: `# Values that contain themselves, looked at once a limit was met: tells them from values that are merely large, and cuts
# them where they close. Nothing here recurses, and each container is visited once.
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_CONTAINERS = (list, tuple, dict, set, frozenset, slice)
# In \`auto\` only exact types are walked. A set holds what has a hash, so no cycle leads through one.
_CUT = frozenset((list, tuple, dict, slice))


def has_cycle(root: Any) -> bool:
    """Whether a container is inside itself. Each container is visited once, without recursion."""
    done: set[int] = set()
    on_path: set[int] = set()
    stack: list[tuple[int, Iterator[Any]]] = []

    def open_container(value: Any) -> None:
        on_path.add(id(value))
        stack.append((id(value), iter(_children(value))))

    if isinstance(root, _CONTAINERS):
        open_container(root)
    while stack:
        key, children = stack[-1]
        for child in children:
            if not isinstance(child, _CONTAINERS) or id(child) in done:
                continue
            if id(child) in on_path:
                return True
            open_container(child)
            break
        else:
            stack.pop()
            on_path.discard(key)
            done.add(key)
    return False


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    if isinstance(value, slice):
        return [value.start, value.stop, value.step]
    return list(value)


class Closing:
    """Stands where a value would go on into a container that it is inside of."""

    __slots__ = ("target",)

    def __init__(self, target: Any) -> None:
        self.target = target


class _Visit:
    """A container whose items are being copied."""

    __slots__ = ("copies", "index", "items", "keys", "low", "value")

    def __init__(self, value: Any, index: int) -> None:
        self.value = value
        # Keys have a hash, so no cycle leads through one.
        self.keys = list(value) if type(value) is dict else []
        self.items = iter(list(value.values()) if type(value) is dict else _children(value))
        self.copies: list[Any] = []
        self.index = index
        # The outermost container that something in here leads back to.
        self.low = index


def cut(root: Any, max_elements: int) -> Any:
    """Copies a value that contains itself and puts a \`Closing\` where each cycle closes.

    A container of a knot of cycles is written once as long as the knot is open; met again, it is a \`Closing\`. So the
    copy is finite and no larger than what it is made of, and every path of it leads to the object it leads to in
    Python. Without a cycle the value itself is returned, and also where it has more items than may be sent.
    """
    if type(root) not in _CUT:
        return root
    finished: dict[int, Any] = {}  # copies, by \`id\` of the original
    open_knot: dict[int, _Visit] = {}  # begun, and reachable from something that is not finished
    order: list[_Visit] = []
    stack: list[_Visit] = []
    count = 0
    found = False

    def begin(value: Any) -> None:
        visit = _Visit(value, len(order))
        open_knot[id(value)] = visit
        order.append(visit)
        stack.append(visit)

    begin(root)
    while stack:
        top = stack[-1]
        for item in top.items:
            count += 1
            if count > max_elements:
                return root
            if type(item) not in _CUT:
                top.copies.append(item)
            elif id(item) in finished and id(item) not in open_knot:
                top.copies.append(finished[id(item)])
            elif id(item) in open_knot:
                found = True
                top.low = min(top.low, open_knot[id(item)].index)
                top.copies.append(Closing(item))
            else:
                begin(item)
                break
        else:
            stack.pop()
            made = _rebuild(top)
            finished[id(top.value)] = made
            if top.low == top.index:
                for visit in order[top.index :]:
                    del open_knot[id(visit.value)]
                del order[top.index :]
            if not stack:
                return made if found else root
            stack[-1].low = min(stack[-1].low, top.low)
            stack[-1].copies.append(made)
    return root


def _rebuild(visit: _Visit) -> Any:
    value, copies = visit.value, visit.copies
    if type(value) is dict:
        return dict(zip(visit.keys, copies, strict=True))
    return copies if type(value) is list else slice(*copies) if type(value) is slice else tuple(copies)
`,
  },
  {
    name: "snakebridge._internal.expressions",
    isPackage: false,
    source: `# Expressions and statements of the host (proto/PROTOCOL.md 3.1, kinds 9 and 10). Loaded with the first of them.
#
# A hole of an expression never becomes text. The text is parsed with a placeholder in its place: an identifier that the
# text does not contain and that is as long as \`\${0}\`, so that columns of errors stay true. In the tree it is then
# renamed to \`\${0}\`, which no text can spell. The expression becomes the body of a function whose parameters are the
# holes: comprehensions and lambdas see them as they see any variable around them, and keep them.
from __future__ import annotations
import __future__

import ast
import builtins
import keyword
import linecache
import re
import sys
import tokenize
from io import StringIO
from types import CodeType, FunctionType, ModuleType

from snakebridge._internal.calls import import_module
from snakebridge._internal.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

HOLE = "\\0"
# Compiled code and the lines that tracebacks show; what was used least recently goes first.
MAX_CODES = 256
MAX_CHARS = 1 << 20

# Flags of the code of generators, coroutines and asynchronous generators.
_SUSPENDS = 0x20 | 0x80 | 0x200
_LETTERS = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Compiled:
    """One text, ready to run."""

    __slots__ = ("file", "last", "main", "size")

    def __init__(self, file: str, size: int, main: CodeType, last: CodeType | None) -> None:
        self.file = file
        self.size = size
        # The function of an expression, or statements.
        self.main = main
        # The expression that the statements end with.
        self.last = last


_codes: dict[tuple[str, ...], Compiled] = {}
_chars = 0
_number = 0
_spaces: dict[str, ModuleType] = {}
# Sessions that ran statements.
_used: set[str] = set()


def evaluate(session: str, text: Any, args: list[Any], imports: dict[str, Any] | None) -> Any:
    """Evaluates an expression with \`args\` in its holes and modules under the names that \`imports\` gives.

    Raises:
        Problem: If the message makes no sense.
        SyntaxError: If the text is no expression, or a hole stands where no value can.
        BaseException: Whatever the expression raises.
    """
    if type(text) is not str or text.count(HOLE) != len(args):
        raise Problem("Cannot evaluate: target is no text with as many holes as there are arguments")
    names = {} if imports is None else imports
    for module in names.values():
        if type(module) is not str or not module:
            raise Problem(f"Cannot evaluate: an import names {module!r:.100}, expected a module name")
    key = ("eval", text, *names)
    compiled = _codes.get(key)
    if compiled is None:
        check_names(names)
        compiled = _add(key, *_compile_expression(text, tuple(names)))
    else:
        _codes[key] = _codes.pop(key)
    space = space_of(session)
    modules = [import_module(module) for module in names.values()]
    try:
        return FunctionType(compiled.main, space)(*args, *modules)
    except NameError as error:
        _explain_name(error, session)
        raise


def execute(session: str, text: Any, args: list[Any], variables: dict[str, Any] | None) -> Any:
    """Runs statements in the names of the session, and gives the value of the expression they end with, else None.

    Raises:
        Problem: If the message makes no sense.
        SyntaxError: If the text is no Python, or a variable has no usable name.
        BaseException: Whatever the statements raise.
    """
    if type(text) is not str or args:
        raise Problem("Cannot execute: target is no text, or there are positional arguments")
    key = ("exec", text)
    compiled = _codes.get(key)
    if compiled is None:
        compiled = _add(key, *_compile_statements(text))
    else:
        _codes[key] = _codes.pop(key)
    space = space_of(session)
    _used.add(session)
    if variables:
        check_names(variables)
        space.update(variables)
    exec(compiled.main, space)
    return None if compiled.last is None else eval(compiled.last, space)


def space_of(session: str) -> dict[str, Any]:
    """The names of a session. They are those of a module, because classes and pickles look theirs up."""
    module = _spaces.get(session)
    if module is None:
        name = base = "__exec__" if session == "default" else f"__exec_{re.sub(r'[^a-zA-Z0-9_]', '_', session)}__"
        number = 1
        while name in sys.modules:
            number += 1
            name = f"{base}{number}"
        module = _spaces[session] = sys.modules[name] = ModuleType(name, None)
        vars(module)["__builtins__"] = builtins
    return vars(module)


def forget(session: str) -> None:
    """Lets go of the names of a session that has ended."""
    module = _spaces.pop(session, None)
    if module is None:
        return
    if sys.modules.get(module.__name__) is module:
        del sys.modules[module.__name__]
    del module
    if session in _used:
        _used.discard(session)
        # A function refers to the names it was made among, so these form cycles; what they hold may be large.
        import gc

        gc.collect()


def check_names(names: dict[str, Any]) -> None:
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name == "__builtins__":
            raise SyntaxError(f"{name!r} is no name that a variable can have")


def _add(key: tuple[str, ...], file: str, shown: str, main: CodeType, last: CodeType | None) -> Compiled:
    global _chars
    compiled = _codes[key] = Compiled(file, len(key[1]), main, last)
    _chars += compiled.size
    # No time stands in the entry, so nobody checks it against a file.
    linecache.cache[file] = (len(shown), None, shown.splitlines(True), file)
    while len(_codes) > 1 and (len(_codes) > MAX_CODES or _chars > MAX_CHARS):
        old = _codes.pop(next(iter(_codes)))
        _chars -= old.size
        linecache.cache.pop(old.file, None)
    return compiled


def _next_file(kind: str) -> str:
    global _number
    _number += 1
    return f"<{kind} {_number}>"


class Marks:
    """The placeholders of the holes of one text."""

    def __init__(self, text: str) -> None:
        self.parts = text.split(HOLE)
        self.count = len(self.parts) - 1
        shape = self._free_shape(text)
        self.names = {f"{shape[0]}{index}{shape[1]}": f"\${{{index}}}" for index in range(self.count)}
        self._pattern = re.compile("|".join(sorted(self.names, key=len, reverse=True))) if self.names else None
        self.source = "".join(part for pair in zip(self.parts, [*self.names, ""], strict=True) for part in pair).strip()

    def _free_shape(self, text: str) -> tuple[str, str]:
        for first in _LETTERS:
            for second in _LETTERS:
                for last in _LETTERS:
                    if not re.search(f"{first}{second}[0-9]+{last}", text):
                        return first + second, last
        raise Problem("Cannot evaluate: the text uses up all names that could stand for its holes")

    def show(self, text: str) -> str:
        """The text with holes as the host's programmer wrote them."""
        return text if self._pattern is None else self._pattern.sub(lambda found: self.names[found[0]], text)

    def places(self) -> Iterator[tuple[str, int]]:
        """The placeholders in the source, and where each begins."""
        if self._pattern is not None:
            for found in self._pattern.finditer(self.source):
                yield found[0], found.start()


class Renamer(ast.NodeTransformer):
    """Gives holes their real names, and refuses what the body of a function would take and an expression must not."""

    def __init__(self, marks: Marks, file: str) -> None:
        self.marks = marks
        self.file = file
        self.found: set[str] = set()
        self.inner = 0

    def visit_Name(self, node: ast.Name) -> ast.AST:
        shown = self.marks.names.get(node.id)
        if shown is not None:
            if not isinstance(node.ctx, ast.Load):
                self.refuse(node, f"{shown} is a value, and cannot be assigned to")
            self.found.add(node.id)
            node.id = shown
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        # \`f"{x = }"\` shows the text of the expression.
        for part in node.values:
            if isinstance(part, ast.Constant) and type(part.value) is str and "=" in part.value:
                part.value = self.marks.show(part.value)
        return self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self.visit_inner(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self.visit_inner(node)

    def visit_inner(self, node: ast.AST) -> ast.AST:
        self.inner += 1
        self.generic_visit(node)
        self.inner -= 1
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        if not self.inner:
            self.refuse(node, "'yield' is not possible in an expression")
        return self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        if not self.inner:
            self.refuse(node, "'yield from' is not possible in an expression")
        return self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        if not self.inner:
            self.refuse(
                node,
                "'await' is not possible in an expression: leave it out at its front, where a coroutine is awaited "
                "anyway, or define an async function by exec() and call that",
            )
        return self.generic_visit(node)

    def visit(self, node: ast.AST) -> Any:
        # From 3.14 on, an interpolation of a t-string keeps its text.
        if type(node).__name__ == "Interpolation":
            node.str = self.marks.show(node.str)  # type: ignore[attr-defined]
        return super().visit(node)

    def refuse(self, node: ast.expr, message: str) -> NoReturn:
        lines = self.marks.source.splitlines()
        line = lines[node.lineno - 1]
        begin = len(line.encode()[: node.col_offset].decode())
        end_line = node.end_lineno or node.lineno
        end = len(lines[end_line - 1].encode()[: node.end_col_offset].decode())
        place = (self.file, node.lineno, begin + 1, self.marks.show(line), end_line, end + 1)
        raise SyntaxError(message, place)


def _compile_expression(text: str, names: Sequence[str]) -> tuple[str, str, CodeType, None]:
    marks = Marks(text)
    file = "<py>"
    try:
        if not marks.source:
            raise SyntaxError("the expression is empty", (file, 1, 1, "", 1, 1))
        tree = _parse_expression(marks.source, file)
        renamer = Renamer(marks, file)
        body = renamer.visit(tree.body)
        if len(renamer.found) < marks.count:
            _refuse_lost_hole(marks, renamer.found, file)
        file = _next_file("py")
        module = _tree("def expression(): return 0", file, "exec")
        function = module.body[0]
        assert isinstance(function, ast.FunctionDef)
        function.name = "<expression>"
        function.args.args = [ast.arg(arg=name) for name in (*marks.names.values(), *names)]
        function.body = [ast.copy_location(ast.Return(value=body), body)]
        ast.fix_missing_locations(module)
        code = compile(module, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        _show(error, marks.source, marks)
        # Where in here, or in \`ast\`, it was found is nobody's business.
        raise error.with_traceback(None) from None
    main = next(part for part in code.co_consts if isinstance(part, CodeType))
    # What the renamer refuses by name, in the places that belong to the function though they stand in a lambda.
    if main.co_flags & _SUSPENDS:
        raise SyntaxError("'yield' is not possible in an expression", (file, 1, 1, marks.show(marks.source), 1, 1))
    return file, marks.show(marks.source), main, None


def _tree(source: str, file: str, mode: str) -> Any:
    """\`ast.parse\`, which would leave a frame of its own in the tracebacks of syntax errors."""
    return compile(source, file, mode, ast.PyCF_ONLY_AST, dont_inherit=True)


def _parse_expression(source: str, file: str) -> Any:
    """Parses an expression, which may go over several lines without being in brackets."""
    try:
        return _tree(source, file, "eval")
    except SyntaxError as error:
        first = error
    if "\\n" in source:
        wrapped = f"(\\n{source}\\n)"
        try:
            tree = _tree(wrapped, file, "eval")
        except SyntaxError as error:
            # An error at one of our brackets says nothing about the text.
            if 1 < (error.lineno or 0) <= wrapped.count("\\n"):
                error.lineno = (error.lineno or 0) - 1
                if error.end_lineno is not None:
                    error.end_lineno -= 1
                raise error from None
        else:
            if not _leaves_brackets(wrapped):
                ast.increment_lineno(tree, -1)
                return tree
    else:
        _hint_statement(first, source)
    raise first


def _leaves_brackets(wrapped: str) -> bool:
    """Whether the text closes the bracket put before it, as \`1) + (2\` does."""
    depth = 0
    tokens = [text for kind, text in _tokens(wrapped) if kind == "OP" and text in "()[]{}"]
    for text in tokens[:-1]:
        depth += 1 if text in "([{" else -1
        if depth == 0:
            return True
    return False


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    for token in tokenize.generate_tokens(StringIO(source).readline):
        yield tokenize.tok_name[token.type], token.string


def _hint_statement(error: SyntaxError, source: str) -> None:
    try:
        _tree(source, "", "exec")
    except SyntaxError:
        return
    add_note(error, "The template takes an expression; statements go to exec().")


def _refuse_lost_hole(marks: Marks, found: set[str], file: str) -> NoReturn:
    """Says why a hole did not become a variable."""
    source = marks.source
    name, place = next((name, place) for name, place in marks.places() if name not in found)
    line = source.count("\\n", 0, place) + 1
    column = place - (source.rfind("\\n", 0, place) + 1)
    shown = marks.names[name]
    why = "stands where Python expects a name or a keyword"
    # In brackets, where indentation means nothing to the tokenizer; they put every line one further down.
    for token in tokenize.generate_tokens(StringIO(f"(\\n{source}\\n)").readline):
        if token.start <= (line + 1, column) and (line + 1, column + len(name)) <= token.end:
            kind = tokenize.tok_name[token.type]
            if kind == "COMMENT":
                why = "is inside a comment"
            elif "STRING" in kind:
                why = 'is inside a string, where values are never filled in: put the two together by + or f"{...}"'
            elif kind == "NAME" and token.string != name:
                why = "touches a name"
            break
    text = source.splitlines()[line - 1]
    raise SyntaxError(f"{shown} {why}", (file, line, column + 1, marks.show(text), line, column + len(name) + 1))


def _show(error: SyntaxError, source: str, marks: Marks | None) -> None:
    """Gives a syntax error the line it speaks of, with holes as they were written."""
    lines = source.splitlines()
    if error.lineno is not None and 0 < error.lineno <= len(lines) and error.text is None:
        error.text = lines[error.lineno - 1]
    if marks is not None:
        error.text = error.text and marks.show(error.text)
        if type(error.msg) is str:
            error.msg = marks.show(error.msg)
            error.args = (error.msg, *error.args[1:])


def _compile_statements(text: str) -> tuple[str, str, CodeType, CodeType | None]:
    source = dedent(text)
    file = _next_file("exec")
    try:
        tree = _tree(source, file, "exec")
        last: ast.Expression | None = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        main = compile(tree, file, "exec", dont_inherit=True)
        end = None if last is None else compile(last, file, "eval", main.co_flags & _FUTURE_FLAGS, True)
    except SyntaxError as error:
        _show(error, source, None)
        raise
    return file, source, main, end


def _future_flags() -> int:
    flags = 0
    for name in __future__.all_feature_names:
        flags |= getattr(__future__, name).compiler_flag
    return flags


_FUTURE_FLAGS = _future_flags()


def dedent(text: str) -> str:
    """Takes the indentation of the first line that has text off all lines that begin with it."""
    found = re.search(r"^([ \\t]+)[^ \\t\\r\\n]", text, re.MULTILINE)
    first = re.search(r"^[ \\t]*[^\\s]", text, re.MULTILINE)
    if found is None or first is None or found.start() != first.start():
        return text
    return re.sub(f"^{found[1]}", "", text, flags=re.MULTILINE)


def add_note(error: BaseException, note: str) -> None:
    """\`add_note\`, which Python 3.10 does not have."""
    notes = vars(error).setdefault("__notes__", [])
    if type(notes) is list:
        notes.append(note)


def _explain_name(error: NameError, session: str) -> None:
    if session not in _used and type(error) is NameError:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None and trace.tb_frame.f_globals is space_of(session):
            add_note(
                error,
                "Names come from exec() in the same session, which has run nothing in this worker, "
                "and modules from the option \`imports\`.",
            )
`,
  },
  {
    name: "snakebridge._internal.failures",
    isPackage: false,
    source: `# From exceptions to failures (proto/PROTOCOL.md 7). Loaded when the first one appears. An exception is an object of
# the user and may be hostile: each question to it may raise, and none may keep the failure from being sent.
from __future__ import annotations

import linecache
import traceback

from snakebridge._internal import packing
from snakebridge._internal.problems import Problem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any

    from snakebridge._internal.wire_encode import WireEncoder

# From 3.13 on, \`python -c\` leaves its program here, which is our stub; it would be shown as the source of whatever
# the user runs by \`exec\`.
linecache.cache.pop("<string>", None)

MAX_CHAIN = 20
MAX_EXCEPTIONS = 100
MAX_TEXT = 65_536
MAX_BYTES = 4 * 1_048_576
MAX_FRAMES = 1_000
MAX_ATTRIBUTES = 32
MAX_NOTES = 32

_MRO = type.__dict__["__mro__"].__get__
_MEMBERS = type.__dict__["__dict__"].__get__
# Straight from the base class: a subclass may put a property that raises over any of them.
_DICT = BaseException.__dict__["__dict__"].__get__
_Slot: type = type(StopIteration.__dict__["value"])
_Getter: type = type(BaseException.__dict__["args"])
_ARGS = BaseException.__dict__["args"].__get__
_CAUSE = BaseException.__dict__["__cause__"].__get__
_CONTEXT = BaseException.__dict__["__context__"].__get__
_SUPPRESS = BaseException.__dict__["__suppress_context__"].__get__
_TRACEBACK = BaseException.__dict__["__traceback__"].__get__


# Python 3.10 has groups only from a package of this name.
_GROUPS = ("builtins.BaseExceptionGroup", "exceptiongroup.BaseExceptionGroup")


class _Budget:
    """What one failure may hold, however the exceptions in it are tied together."""

    __slots__ = ("bytes", "exceptions", "seen")

    def __init__(self) -> None:
        self.exceptions = MAX_EXCEPTIONS
        self.bytes = MAX_BYTES
        self.seen: set[int] = set()

    def text(self, text: Any, keep_end: bool = False) -> str:
        """Text as it may be sent, out of what is left."""
        cleaned = clean(text, keep_end, min(MAX_TEXT, self.bytes))
        self.bytes = max(0, self.bytes - len(cleaned))
        return cleaned


def describe(error: BaseException, encoder: WireEncoder) -> dict[str, Any]:
    """The failure of an exception, as a plain tree."""
    return _describe(error, encoder, _Budget(), 1)


def _describe(error: BaseException, encoder: WireEncoder, budget: _Budget, depth: int) -> dict[str, Any]:
    budget.seen.add(id(error))
    budget.exceptions -= 1
    kind = type(error)
    names = [type_name(base) for base in _MRO(kind) if base is not object]
    failure: dict[str, Any] = {
        "kind": "python",
        "message": budget.text(_ask(lambda: str(error), "<exception str() failed>")),
        "type": type_name(kind),
        "mro": names,
        # The first text holds the whole chain as Python prints it, those of causes and members only their own part.
        "traceback": _traceback_text(error, depth == 1, budget),
        "frames": _frames(_TRACEBACK(error), budget),
        "suppressContext": bool(_SUPPRESS(error)),
        "notes": _notes(error, budget),
        "attributes": _attributes(error, encoder, budget),
    }

    def follow(other: BaseException | None) -> dict[str, Any] | None:
        if other is None or id(other) in budget.seen or budget.exceptions <= 0 or depth >= MAX_CHAIN:
            return None
        return _describe(other, encoder, budget, depth + 1)

    failure["cause"] = follow(_CAUSE(error))
    failure["context"] = follow(_CONTEXT(error))
    if any(name in _GROUPS for name in names):
        members = _members(error)
        # One exception may stand in a group twice; whole chains of it need not.
        found = [follow(member) for member in members]
        failure["exceptions"] = [member for member in found if member is not None]
        failure["omitted"] = len(members) - len(failure["exceptions"])
    return failure


def _members(group: BaseException) -> list[BaseException]:
    for base in _MRO(type(group)):
        if type_name(base) in _GROUPS:
            # The member of the base class: that of a subclass may be anything.
            found = _read(_MEMBERS(base).get("exceptions"), group)
            if type(found) in (tuple, list):
                return [item for item in found if isinstance(item, BaseException)]
    return []


_OWN_FOLDER = describe.__code__.co_filename.rpartition("failures")[0]


def _ask(question: Callable[[], Any], default: Any) -> Any:
    try:
        return question()
    except BaseException:
        return default


def _read(descriptor: Any, error: BaseException) -> Any:
    return _ask(lambda: descriptor.__get__(error, type(error)), None)


def clean(text: Any, keep_end: bool = False, most: int = MAX_TEXT) -> str:
    """Text as it may be sent: no lone surrogates, at most \`most\` bytes."""
    try:
        data = str.encode(text, "utf-8", "backslashreplace")
    except BaseException:
        return ""
    if len(data) > most:
        data = data[len(data) - most :] if keep_end else data[:most]
    return data.decode("utf-8", "ignore")


def is_ours(file: str) -> bool:
    return file.startswith((_OWN_FOLDER, "<frozen importlib"))


def _walk(trace: TracebackType | None) -> Iterator[tuple[Any, int]]:
    while trace is not None:
        if not is_ours(trace.tb_frame.f_code.co_filename):
            yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _frames(trace: TracebackType | None, budget: _Budget) -> list[list[Any]]:
    found = list(_walk(trace))[-MAX_FRAMES:]
    frames: list[list[Any]] = []
    for frame, line in found:
        code = frame.f_code
        text = _source_line(code.co_filename, line, frame.f_globals)
        name = getattr(code, "co_qualname", code.co_name)
        frames.append([budget.text(code.co_filename), line, budget.text(name), budget.text(text) or None])
    return frames


def _source_line(file: str, line: int, space: dict[str, Any]) -> str:
    try:
        linecache.lazycache(file, space)
        return linecache.getline(file, line).strip()
    except BaseException:
        return ""


def _traceback_text(error: BaseException, with_chain: bool, budget: _Budget) -> str:
    try:
        printed = traceback.TracebackException(type(error), error, _TRACEBACK(error), compact=True)
        _drop_our_frames(printed, set())
        return budget.text("".join(printed.format(chain=with_chain)), keep_end=True)
    except BaseException:
        return f"{type_name(type(error))}\\n"


def _drop_our_frames(printed: Any, seen: set[int]) -> None:
    stack = [printed]
    while stack:
        part = stack.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        if part.stack is not None:
            part.stack[:] = [frame for frame in part.stack if not is_ours(frame.filename)]
        stack += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]


def _notes(error: BaseException, budget: _Budget) -> list[str]:
    notes = _ask(lambda: _DICT(error).get("__notes__"), None)
    if type(notes) not in (list, tuple):
        return []
    return [budget.text(note) for note in notes[:MAX_NOTES] if type(note) is str]


def _attributes(error: BaseException, encoder: WireEncoder, budget: _Budget) -> dict[str, Any]:
    """What has an encoding and is small: \`args\`, then slots and fields of builtin classes, then the instance's own."""
    found: dict[str, Any] = {"args": _ARGS(error)}
    for base in _MRO(type(error)):
        if base in (BaseException, object):
            continue
        # Slots may be anybody's; what else C code computes on demand is asked for where the code is known.
        kinds: tuple[type, ...] = (_Slot, _Getter) if type_name(base).startswith("builtins.") else (_Slot,)
        for name, member in _MEMBERS(base).items():
            if type(member) in kinds and not name.startswith("_"):
                value = _read(member, error)
                if value is not None:
                    found.setdefault(name, value)
    own = _ask(lambda: list(_DICT(error).items()), [])
    found.update((name, value) for name, value in own if type(name) is str and not name.startswith("__"))
    trees: dict[str, Any] = {}
    for name, value in found.items():
        if len(trees) == MAX_ATTRIBUTES:
            break
        encoder.begin(0, "", 1)
        encoder.elements_left = min(encoder.elements_left, 10_000)
        encoder.bytes_left = min(encoder.bytes_left, MAX_TEXT, budget.bytes)
        try:
            tree = encoder.encode(value)
            packed = packing.pack([name, tree])
        except (Problem, Exception):
            continue
        if not encoder.buffers and len(packed) <= budget.bytes:
            budget.bytes -= len(packed)
            trees[name] = tree
    return trees


def suggest(error: BaseException, value: Any, step: str) -> None:
    """Adds a note with a near name to an \`AttributeError\` of the last step; the message stays Python's own."""
    if getattr(error, "name", None) != step or getattr(error, "obj", None) is not value:
        return
    from difflib import get_close_matches

    near = _ask(lambda: get_close_matches(step, [name for name in dir(value) if type(name) is str], 1, 0.75), [])
    if near:
        notes = _DICT(error).setdefault("__notes__", [])
        if type(notes) is list:
            notes.append(f"Did you mean: {near[0]!r}?")


def pack_anyway(tree: Any) -> bytes:
    """Packs a failure that holds extension values of a codec used before, or text that is no Unicode."""
    try:
        return packing.pack(tree)
    except UnicodeEncodeError:
        return packing.pack(_clean_tree(tree))


def _clean_tree(tree: Any) -> Any:
    if type(tree) is str:
        return clean(tree)
    if type(tree) is list:
        return [_clean_tree(item) for item in tree]
    if type(tree) is dict:
        return {clean(key): _clean_tree(item) for key, item in tree.items()}
    return tree
`,
  },
  {
    name: "snakebridge._internal.frames",
    isPackage: false,
    source: `# Frames of proto/PROTOCOL.md 2, straight on descriptors: importing \`socket\` would cost more than a start may.
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
        """Undoes \`take_short\`, of that many bytes."""
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
`,
  },
  {
    name: "snakebridge._internal.host_errors",
    isPackage: false,
    source: `# Errors of the host as Python exceptions (proto/PROTOCOL.md 7.1). An error that began as an exception in this worker is
# that very exception again, where it was kept; one of another worker is made anew by type, as well as can be.
from __future__ import annotations

import sys

from snakebridge._internal.problems import Problem
from snakebridge.host_error import HostError, HostTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

MAX_CHAIN = 20
MAX_FRAMES = 100
_ATTRIBUTES = BaseException.__dict__["__dict__"].__get__


def to_exception(description: Any, find: Callable[[int], BaseException | None]) -> BaseException:
    """The exception that an error of the host is, or becomes.

    Args:
        description: The map of proto/PROTOCOL.md 7.1.
        find: Gives the exception of a call, where it was kept.

    Raises:
        Problem: If the description makes no sense.
    """
    made = _to_exception(description, find, MAX_CHAIN)
    if made is None:
        raise Problem("Cannot read error of the host: it is no map with a kind that is known")
    return made


def _to_exception(description: Any, find: Callable[[int], BaseException | None], depth: int) -> BaseException | None:
    if type(description) is not dict or depth == 0:
        return None
    kind, call = description.get("kind"), description.get("call")
    if type(call) is int:
        kept = find(call)
        if kept is not None:
            return kept
    made: BaseException
    name, message, stack = (_text(description.get(key)) for key in ("name", "message", "stack"))
    if kind == "python":
        made = _rebuild(description)
    elif kind == "error":
        made = HostError(message, name, stack)
    elif kind == "timeout":
        made = HostTimeoutError(message, name, stack)
    elif kind == "cancelled":
        made = _cancelled()(message, name, stack)
    elif kind == "left":
        made = GeneratorExit(message)
    else:
        return None
    made.__traceback__ = traceback_of(description.get("frames"))
    made.__cause__ = _to_exception(description.get("cause"), find, depth - 1)
    return made


def _cancelled() -> Callable[[str, str, str], BaseException]:
    from snakebridge.host_error import HostCancelledError

    return HostCancelledError


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _rebuild(description: dict[str, Any]) -> BaseException:
    """An exception like one that lives elsewhere: of the nearest type that is known here and can be made."""
    given = description.get("attributes")
    attributes: dict[str, Any] = given if type(given) is dict else {}
    args = attributes.get("args")
    if type(args) is not tuple:
        args = (_text(description.get("message")),)
    names = description.get("mro")
    for name in names if type(names) is list else ():
        kind = find_class(name) if type(name) is str else None
        if kind is None:
            continue
        made = _make(kind, args)
        if made is not None:
            for key, value in attributes.items():
                if key != "args" and key not in _ATTRIBUTES(made):
                    try:
                        setattr(made, key, value)
                    except Exception:
                        continue
            return made
    return HostError(_text(description.get("message")), _text(description.get("type")), "")


def find_class(name: str) -> type[BaseException] | None:
    """The exception class of that qualified name, where its module is loaded here."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:length]))
        if found is None:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    return None


def _make(kind: type[BaseException], args: tuple[Any, ...]) -> BaseException | None:
    try:
        if kind.__module__ == "builtins":
            return kind(*args)
        # Not its constructor, which may take something else than what it leaves in \`args\`.
        made = kind.__new__(kind, *args)
        made.args = args
        return made if type(made) is kind else None
    except Exception:
        return None


def _traceback_type() -> Any:
    # Not from \`types\`: that may be a file of the user in the current folder.
    try:
        raise TypeError
    except TypeError as error:
        return type(error.__traceback__)


_make_traceback: Callable[[TracebackType | None, Any, int, int], TracebackType] = _traceback_type()


def _no_columns(units: int) -> bytes:
    """A table of positions that has none: columns of our expression would underline the wrong part of that line."""
    return b"".join(bytes([0xF8 | min(units - start, 8) - 1]) for start in range(0, units, 8))


def traceback_of(frames: Any) -> TracebackType | None:
    """A traceback that shows where in TypeScript an error was thrown.

    Args:
        frames: \`[[file, line, function], …]\`, outermost first.
    """
    trace: TracebackType | None = None
    for frame in reversed(frames[-MAX_FRAMES:]) if type(frames) is list else ():
        try:
            file, line, name = frame[:3]
            code = compile("frame()", file, "eval").replace(co_name=name, co_firstlineno=line)
            if sys.version_info >= (3, 11):
                code = code.replace(co_qualname=name, co_linetable=_no_columns(len(code.co_code) // 2))
            made = eval(code, {"frame": sys._getframe})
            trace = _make_traceback(trace, made, made.f_lasti, line)
        except (TypeError, ValueError, OverflowError):
            continue
    return trace
`,
  },
  {
    name: "snakebridge._internal.legacy_payload",
    isPackage: false,
    source: `# Calls in the dictionary form of Snakepit's tools (proto/PROTOCOL.md 8), checked field by field and turned into calls
# of this protocol. Loaded when the first one comes.
from __future__ import annotations

import os

from snakebridge._internal import calls
from snakebridge._internal.problems import MIN_PROTOCOL, PROTOCOL, Problem, VersionProblem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ALLOW_LEGACY = "SNAKEBRIDGE_ALLOW_LEGACY_PROTOCOL"

# Call type: kind, the fields it needs, the fields it may have beside those.
_CALL_TYPES: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "function": (calls.FUNCTION, ("function",), ("args", "kwargs")),
    "class": (calls.FUNCTION, (), ("class", "function", "args", "kwargs")),
    "method": (calls.METHOD, ("instance", "function"), ("args", "kwargs")),
    "dynamic": (calls.FUNCTION, ("function",), ("args", "kwargs")),
    "dynamic_stream": (calls.FUNCTION, ("function",), ("args", "kwargs")),
    "get_attr": (calls.GET_ATTR, ("instance", "attr"), ()),
    "set_attr": (calls.SET_ATTR, ("instance", "attr", "args"), ()),
    "module_attr": (calls.MODULE_ATTR, ("attr",), ()),
    "stream_next": (calls.NEXT, ("stream_ref",), ()),
}
_EVERYWHERE = frozenset(
    ("call_type", "protocol_version", "min_supported_version", "session_id", "library", "python_module", "idempotent")
)
_TYPES: dict[str, tuple[type, str]] = {
    "call_type": (str, "a string"),
    "protocol_version": (int, "an integer"),
    "min_supported_version": (int, "an integer"),
    "session_id": (str, "a string"),
    "library": (str, "a string"),
    "python_module": (str, "a string"),
    "function": (str, "a string"),
    "class": (str, "a string"),
    "attr": (str, "a string"),
    "args": (list, "an array"),
    "kwargs": (dict, "a map"),
    "idempotent": (bool, "true or false"),
}


class PayloadCall:
    """A call read from a payload."""

    __slots__ = ("args", "as_stream", "idempotent", "kind", "kwargs", "name", "session", "target")

    def __init__(self, payload: dict[str, Any], call_type: str, kind: int) -> None:
        self.kind = kind
        self.session: str = payload.get("session_id", "default")
        self.idempotent: bool = payload.get("idempotent", False)
        self.args: list[Any] = payload.get("args", [])
        self.kwargs: dict[str, Any] | None = payload.get("kwargs") or None
        # A module by name, or the object itself.
        self.target: Any = payload.get("python_module") or payload.get("library")
        self.name: str = payload.get("attr") or payload.get("class") or payload.get("function") or ""
        self.as_stream = call_type == "dynamic_stream"
        if "instance" in payload:
            self.target = payload["instance"]
        elif "stream_ref" in payload:
            self.target = payload["stream_ref"]


class _Held:
    """Stands for the table of refs where the object is at hand already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, _ref: int, _session: str) -> Any:
        return self._value


def legacy_is_allowed() -> bool:
    """Whether payloads without versions are accepted: the variable is \`1\`, \`true\` or \`yes\`."""
    return os.environ.get(ALLOW_LEGACY, "").strip().lower() in ("1", "true", "yes")


def to_call(payload: object, allow_legacy: bool = False) -> PayloadCall:
    """Reads a payload.

    Args:
        payload: The dictionary.
        allow_legacy: Whether the fields for versions may be missing; they then count as 1 and 0.

    Raises:
        VersionProblem: If it speaks no version that this worker speaks.
        Problem: If a field is missing, of a wrong type, or not known for this type of call.
    """
    if type(payload) is not dict:
        raise Problem(f"Cannot read payload: it is a {type(payload).__name__}, expected a map")
    for name, value in payload.items():
        expected = _TYPES.get(name)
        if expected is not None and type(value) is not expected[0]:
            raise Problem(f"Cannot read payload: {name} is {value!r:.80}, expected {expected[1]}")
    _check_versions(payload, allow_legacy)
    call_type = payload.get("call_type", "function")
    if call_type == "helper":
        raise Problem("Cannot run payload: this worker has no helpers; call the function by its module instead")
    if call_type not in _CALL_TYPES:
        raise Problem(f"Cannot read payload: call_type is {call_type!r:.80}, expected one of {', '.join(_CALL_TYPES)}")
    kind, needed, optional = _CALL_TYPES[call_type]
    for name in needed:
        if name not in payload:
            raise Problem(f"Cannot read payload: a call of type {call_type} needs {name}")
    for name in payload:
        if name not in _EVERYWHERE and name not in needed and name not in optional:
            raise Problem(f"Cannot read payload: a call of type {call_type} has no field {name!r:.80}")
    call = PayloadCall(payload, call_type, kind)
    if kind in (calls.FUNCTION, calls.MODULE_ATTR):
        if not call.target:
            raise Problem(f"Cannot read payload: a call of type {call_type} needs python_module or library")
        if not call.name:
            raise Problem(f"Cannot read payload: a call of type {call_type} needs the name of what it calls")
    if kind == calls.SET_ATTR and len(call.args) != 1:
        raise Problem(f"Cannot read payload: set_attr takes one value in args, got {len(call.args)}")
    return call


def _check_versions(payload: dict[str, Any], allow_legacy: bool) -> None:
    version, oldest = payload.get("protocol_version"), payload.get("min_supported_version")
    if version is None or oldest is None:
        if not allow_legacy:
            missing = "protocol_version" if version is None else "min_supported_version"
            raise Problem(
                f"Cannot read payload: it has no {missing} (this worker speaks {MIN_PROTOCOL} to {PROTOCOL}); "
                f"set {ALLOW_LEGACY}=1 to accept payloads without versions"
            )
        version, oldest = 1 if version is None else version, 0 if oldest is None else oldest
    if version < MIN_PROTOCOL or oldest > PROTOCOL:
        raise VersionProblem(version, oldest)


def run(payload: object) -> Any:
    """Reads a payload and makes its call."""
    call = to_call(payload, legacy_is_allowed())
    if call.kind == calls.NEXT:
        if not hasattr(type(call.target), "__next__"):
            raise TypeError(f"{type(call.target).__name__!r} object is not an iterator")
        for item in call.target:
            return [[item], False]
        return [[], True]
    is_module = call.kind in (calls.FUNCTION, calls.MODULE_ATTR)
    target = call.target if is_module else 0
    message = [1, PROTOCOL, 0, call.session, call.kind, target, call.name, call.args, call.kwargs, 0]
    # The way of every other call, so that a policy holds for this one, too.
    result = calls.invoke(_Held(call.target), message)  # type: ignore[arg-type]
    return iter(result) if call.as_stream else result
`,
  },
  {
    name: "snakebridge._internal.lifeline",
    isPackage: false,
    source: `# The descriptors of proto/PROTOCOL.md 1.1, and dying with the host. No thread can act while a C call holds the
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
    # the open file and not to the descriptor: a long \`print\` would then fail. Opened anew it is ours alone. Not for
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
`,
  },
  {
    name: "snakebridge._internal.limits",
    isPackage: false,
    source: `# Limits of proto/PROTOCOL.md 6.
from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

MAX_BUFFERS = 65_536
SAFE_INT = 2**53 - 1

# Before 3.11 each Python frame takes C stack, of which the main thread mostly has 8 MiB.
MAX_FRAMES = 12_000


class Limits:
    """Limits of one conversation; hello may change them."""

    __slots__ = ("max_depth", "max_elements", "max_frame_bytes", "repr_max_chars", "small_body")

    def __init__(self) -> None:
        self.max_frame_bytes = 1_073_741_824
        self.max_depth = 512
        self.max_elements = 10_000_000
        self.repr_max_chars = 200
        # A message of so few bytes cannot go beyond the limits above.
        self.small_body = 512

    def update(self, hello: dict[str, object]) -> None:
        """Takes over what the host's hello sets; what is missing or no positive int stays as it is."""
        given = hello.get("limits")
        if isinstance(given, dict):
            self.max_frame_bytes = _positive(given.get("maxFrameBytes"), self.max_frame_bytes)
            self.max_depth = _positive(given.get("maxDepth"), self.max_depth)
            self.max_elements = _positive(given.get("maxElements"), self.max_elements)
            self.small_body = min(self.max_depth, self.max_elements)
        self.repr_max_chars = _positive(hello.get("reprMaxChars"), self.repr_max_chars)

    def run_deep(self, function: Callable[..., T], *args: object) -> T:
        """Runs our own code again that met Python's recursion limit before \`max_depth\`.

        A container takes up to 17 frames. The limit is raised for us alone: raised for good, it would let Python
        code overflow the C stack.
        """
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(max(usual, min(usual + 18 * self.max_depth, MAX_FRAMES)))
        try:
            return function(*args)
        finally:
            sys.setrecursionlimit(usual)


def _positive(value: object, default: int) -> int:
    return value if type(value) is int and value > 0 else default
`,
  },
  {
    name: "snakebridge._internal.operations",
    isPackage: false,
    source: `# Operations on refs: kind 6 of proto/PROTOCOL.md 3.1.
from __future__ import annotations

import _operator as op

from snakebridge._internal.problems import Problem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _to_arrow(value: Any) -> Any:
    from snakebridge._internal import table_values

    return table_values.to_arrow(value)


def _iter(value: Any) -> Any:
    kind = type(value)
    if hasattr(kind, "__aiter__") and not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
        return value.__aiter__()
    return iter(value)


def _close(iterator: Any) -> Any:
    """Closes a generator that was left in the middle; any other iterator is let go of."""
    if hasattr(type(iterator), "__anext__"):
        from snakebridge._internal.async_items import close

        return close(iterator)
    close_it = getattr(iterator, "close", None) if type(iterator).__name__ == "generator" else None
    return None if close_it is None else close_it()


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, left: function(left, value)


def _class_of(kinds: Any) -> Any:
    """The classes that \`isinstance\` is to look for: texts name them, as \`module.QualName\` or a builtin."""
    if type(kinds) is tuple or type(kinds) is list:
        return tuple(map(_class_of, kinds))
    if type(kinds) is not str:
        return kinds
    from snakebridge._internal.calls import import_module, walk

    module, _, name = kinds.partition(".")
    return walk(import_module(module), name) if name else walk(import_module("builtins"), kinds)


OPERATIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "len": (len, 0),
    "str": (str, 0),
    "repr": (repr, 0),
    "bool": (bool, 0),
    "hash": (hash, 0),
    "dir": (lambda value: [name for name in dir(value) if isinstance(name, str)], 0),
    "type": (lambda value: type_name(type(value)), 0),
    "iter": (_iter, 0),
    "close": (_close, 0),
    "contains": (op.contains, 1),
    "getitem": (op.getitem, 1),
    "setitem": (op.setitem, 2),
    "delitem": (op.delitem, 1),
    "eq": (op.eq, 1),
    "ne": (op.ne, 1),
    "lt": (op.lt, 1),
    "le": (op.le, 1),
    "gt": (op.gt, 1),
    "ge": (op.ge, 1),
    "add": (op.add, 1),
    "sub": (op.sub, 1),
    "mul": (op.mul, 1),
    "truediv": (op.truediv, 1),
    "floordiv": (op.floordiv, 1),
    "mod": (op.mod, 1),
    "pow": (op.pow, 1),
    "matmul": (op.matmul, 1),
    "and": (op.and_, 1),
    "or": (op.or_, 1),
    "xor": (op.xor, 1),
    "lshift": (op.lshift, 1),
    "rshift": (op.rshift, 1),
    "neg": (op.neg, 0),
    "pos": (op.pos, 0),
    "invert": (op.invert, 0),
    "abs": (op.abs, 0),
    "to_arrow": (_to_arrow, 0),
    "equals": (lambda value, other: bool(value == other), 1),
    "is": (op.is_, 1),
    "class": (type, 0),
    "isinstance": (lambda value, kinds: isinstance(value, _class_of(kinds)), 1),
}
_FIRST, _LAST = "add", "rshift"
_names = list(OPERATIONS)
for _name in _names[_names.index(_FIRST) : _names.index(_LAST) + 1]:
    OPERATIONS[f"r{_name}"] = (_reflected(OPERATIONS[_name][0]), 1)
    OPERATIONS[f"i{_name}"] = (getattr(op, f"i{_name}"), 1)


def operate(value: Any, name: str, args: list[Any]) -> Any:
    """Runs one operation.

    Raises:
        Problem: If there is none of that name, or it takes another number of operands.
    """
    if name == "call":
        return value(*args)
    entry = OPERATIONS.get(name)
    if entry is None:
        raise Problem(f"Cannot run operation: {name!r:.80} is not known")
    function, operands = entry
    if len(args) != operands:
        raise Problem(f"Cannot run operation: {name} takes {operands} operands, got {len(args)}")
    return function(value, *args)
`,
  },
  {
    name: "snakebridge._internal.packing",
    isPackage: false,
    source: `# MessagePack in plain Python: what the worker speaks where neither msgspec nor msgpack is installed, and in its first
# milliseconds everywhere, because importing either of them takes longer than many calls.
from __future__ import annotations

from _struct import pack as struct_pack
from _struct import unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Ext:
    """An extension value: its code and its payload."""

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: bytes) -> None:
        self.code = code
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ext) and (self.code, self.data) == (other.code, other.data)

    def __hash__(self) -> int:
        return hash((self.code, self.data))


def pack(value: Any) -> bytes:
    """Encodes a tree of plain values and extension values."""
    out = bytearray()
    _pack(value, out)
    return bytes(out)


def _pack(value: Any, out: bytearray) -> None:
    kind = type(value)
    if kind is str:
        data = value.encode()
        size = len(data)
        if size < 32:
            out.append(0xA0 | size)
        else:
            out += _head(size, b"\\xd9", b"\\xda", b"\\xdb")
        out += data
    elif kind is int:
        _pack_int(value, out)
    elif value is None:
        out.append(0xC0)
    elif kind is bool:
        out.append(0xC3 if value else 0xC2)
    elif kind is float:
        out += struct_pack(">Bd", 0xCB, value)
    elif kind is list:
        size = len(value)
        out += bytes((0x90 | size,)) if size < 16 else _head(size, None, b"\\xdc", b"\\xdd")
        for item in value:
            _pack(item, out)
    elif kind is dict:
        size = len(value)
        out += bytes((0x80 | size,)) if size < 16 else _head(size, None, b"\\xde", b"\\xdf")
        for key, item in value.items():
            _pack(key, out)
            _pack(item, out)
    elif kind is bytes or kind is bytearray or kind is memoryview:
        out += _head(len(value), b"\\xc4", b"\\xc5", b"\\xc6")
        out += value
    else:
        _pack_ext(value.code, value.data, out)


def _head(size: int, small: bytes | None, middle: bytes, large: bytes) -> bytes:
    if small is not None and size < 256:
        return small + bytes((size,))
    if size < 65_536:
        return middle + size.to_bytes(2, "big")
    return large + size.to_bytes(4, "big")


def _pack_int(value: int, out: bytearray) -> None:
    if 0 <= value < 128:
        out.append(value)
    elif -32 <= value < 0:
        out.append(value & 0xFF)
    elif value >= 0:
        code, size = (
            (0xCC, 1) if value < 2**8 else (0xCD, 2) if value < 2**16 else (0xCE, 4) if value < 2**32 else (0xCF, 8)
        )
        out.append(code)
        out += value.to_bytes(size, "big")
    else:
        code, size = (
            (0xD0, 1) if value >= -(2**7) else (0xD1, 2) if value >= -(2**15) else (0xD2, 4)
            if value >= -(2**31) else (0xD3, 8)
        )  # fmt: skip
        out.append(code)
        out += value.to_bytes(size, "big", signed=True)


_FIXED_EXT = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}


def _pack_ext(code: int, data: bytes, out: bytearray) -> None:
    size = len(data)
    if size in _FIXED_EXT:
        out.append(_FIXED_EXT[size])
    else:
        out += _head(size, b"\\xc7", b"\\xc8", b"\\xc9")
    out.append(code & 0xFF)
    out += data


class Unpacker:
    """Decodes one value from bytes, with every length checked against what is there."""

    __slots__ = ("_at", "_data", "_end", "_hook", "_max_depth")

    def __init__(self, data: bytes | bytearray | memoryview, hook: Callable[[int, memoryview], Any], max_depth: int):
        self._data = memoryview(data)
        self._end = len(data)
        self._at = 0
        self._hook = hook
        self._max_depth = max_depth

    def unpack(self) -> Any:
        value = self.read(0)
        if self._at != self._end:
            raise ValueError(f"{self._end - self._at} bytes follow the value")
        return value

    def read_head(self, wanted: int) -> list[Any]:
        """Reads only the first items of an array of scalars."""
        code = self._data[0] if self._end else 0
        if code & 0xF0 == 0x90:
            self._at = 1
        elif code == 0xDC:
            self._at = 3
        else:
            return []
        return [self.read(self._max_depth) for _ in range(wanted)]

    def _take(self, size: int) -> memoryview:
        start = self._at
        stop = start + size
        if stop > self._end:
            raise ValueError("data ends inside a value")
        self._at = stop
        return self._data[start:stop]

    def _size(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def read(self, depth: int) -> Any:
        code = self._take(1)[0]
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 256
        if code < 0x90:
            return self._map(code & 15, depth)
        if code < 0xA0:
            return self._array(code & 15, depth)
        if code < 0xC0:
            return str(self._take(code & 31), "utf-8")
        reader = _READERS.get(code)
        if reader is None:
            raise ValueError(f"byte 0x{code:02x} starts no value")
        return reader(self, depth)

    def _array(self, size: int, depth: int) -> list[Any]:
        if size > self._end - self._at:
            raise ValueError("data ends inside an array")
        if depth >= self._max_depth:
            raise RecursionError("arrays and maps are nested too deep")
        read = self.read
        return [read(depth + 1) for _ in range(size)]

    def _map(self, size: int, depth: int) -> dict[Any, Any]:
        if 2 * size > self._end - self._at:
            raise ValueError("data ends inside a map")
        if depth >= self._max_depth:
            raise RecursionError("arrays and maps are nested too deep")
        read = self.read
        value = {}
        for _ in range(size):
            key = read(depth + 1)
            item = read(depth + 1)
            try:
                value[key] = item
            except TypeError:
                raise ValueError(f"a map has a key that cannot be one: {type(key).__name__}") from None
        return value

    def _float(self, form: str, size: int) -> float:
        value: float = unpack_from(form, self._take(size))[0]
        return value

    def _int(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big", signed=True)

    def _ext(self, size: int) -> Any:
        code = self._take(1)[0]
        return self._hook(code - 256 if code > 127 else code, self._take(size))


_READERS: dict[int, Callable[[Unpacker, int], Any]] = {
    0xC0: lambda u, d: None,
    0xC2: lambda u, d: False,
    0xC3: lambda u, d: True,
    0xC4: lambda u, d: bytes(u._take(u._size(1))),
    0xC5: lambda u, d: bytes(u._take(u._size(2))),
    0xC6: lambda u, d: bytes(u._take(u._size(4))),
    0xC7: lambda u, d: u._ext(u._size(1)),
    0xC8: lambda u, d: u._ext(u._size(2)),
    0xC9: lambda u, d: u._ext(u._size(4)),
    0xCA: lambda u, d: u._float(">f", 4),
    0xCB: lambda u, d: u._float(">d", 8),
    0xCC: lambda u, d: u._size(1),
    0xCD: lambda u, d: u._size(2),
    0xCE: lambda u, d: u._size(4),
    0xCF: lambda u, d: u._size(8),
    0xD0: lambda u, d: u._int(1),
    0xD1: lambda u, d: u._int(2),
    0xD2: lambda u, d: u._int(4),
    0xD3: lambda u, d: u._int(8),
    0xD4: lambda u, d: u._ext(1),
    0xD5: lambda u, d: u._ext(2),
    0xD6: lambda u, d: u._ext(4),
    0xD7: lambda u, d: u._ext(8),
    0xD8: lambda u, d: u._ext(16),
    0xD9: lambda u, d: str(u._take(u._size(1)), "utf-8"),
    0xDA: lambda u, d: str(u._take(u._size(2)), "utf-8"),
    0xDB: lambda u, d: str(u._take(u._size(4)), "utf-8"),
    0xDC: lambda u, d: u._array(u._size(2), d),
    0xDD: lambda u, d: u._array(u._size(4), d),
    0xDE: lambda u, d: u._map(u._size(2), d),
    0xDF: lambda u, d: u._map(u._size(4), d),
}
`,
  },
  {
    name: "snakebridge._internal.plain_values",
    isPackage: false,
    source: `# Tells whether a large container holds nothing but plain values, without a loop in Python: the collector lists what
# containers refer to, and whole levels are compared by their types in C. msgspec encodes tuples, sets, subclasses of
# containers, enums, dates and dataclasses silently as something else, so it must not meet any. Subclasses of text and
# numbers it refuses by itself, but those have other types and are found here, too.
from __future__ import annotations

from gc import get_referents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_PLAIN = frozenset((str, int, float, bool, type(None), list, dict))
# Records give their values in one order, so that a level is columns of one type each, which are cheaper to look at.
MAX_COLUMNS = 64
# Of so many dicts of a column the keys are measured: records share theirs.
SAMPLE = 256
# A level of so many containers that are mostly the same ones belongs to a tangle that would grow without end.
MANY_CONTAINERS = 20_000
MOSTLY = 4


class Tangled(Exception):  # noqa: N818 - it says what was met, nothing went wrong
    """There are more values than may be sent, or containers lead back to each other."""


def measure(items: Sequence[Any], levels: int, most: int) -> tuple[int, int] | None:
    """Counts values and the least bytes of their texts; None if any is no plain value, or there are too many levels.

    Raises:
        Tangled: If there are more than \`most\` values, or would be.

    Keys of dicts are no values, except in dicts with keys other than text: there the collector gives them, too.
    """
    rows = len(items)
    level: Sequence[Any] = items
    count = size = 0
    while level:
        if levels <= 0:
            return None
        columns, rest = divmod(len(level), rows)
        if rest or not 1 < columns <= MAX_COLUMNS:
            columns = 1
        for start in range(columns):
            column = level[start::columns] if columns > 1 else level
            types = list(map(type, column))
            kind = types[0]
            if types.count(kind) == len(types):
                if kind is str:
                    size += sum(map(len, column))
                elif kind is dict:
                    size += _keys_size(column)
                elif kind not in _PLAIN:
                    return None
            else:
                kinds = set(types)
                if not kinds <= _PLAIN:
                    return None
                if str in kinds:
                    size += sum([len(value) for value in column if type(value) is str])
        count += len(level)
        levels -= 1
        if count > most:
            raise Tangled
        if len(level) >= MANY_CONTAINERS:
            containers = [id(value) for value in level if type(value) is list or type(value) is dict]
            if len(containers) >= MANY_CONTAINERS and len(set(containers)) * MOSTLY < len(containers):
                raise Tangled
        level = get_referents(*level)
    return count, size


def _keys_size(dicts: Sequence[dict[Any, Any]]) -> int:
    """About what the keys take when every dict is like the first ones."""
    sample = dicts[:SAMPLE]
    return sum(len(key) for each in sample for key in each if type(key) is str) * len(dicts) // len(sample)
`,
  },
  {
    name: "snakebridge._internal.policy",
    isPackage: false,
    source: `# What the host may reach (proto/PROTOCOL.md 4.1). Loaded only when hello brings a policy; it then stands in the place
# of the functions through which calls reach anything: without a policy no call pays for one.
#
# What decides is the object that is reached, not the words it is reached by: \`posix.system\`, \`platform.os.system\` and a
# bound method kept somewhere else are known by what they are. The words count only in addition.
from __future__ import annotations

import sys
from functools import partial
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType, TracebackType

from snakebridge._internal import calls
from snakebridge._internal.problems import Problem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from snakebridge._internal.refs import RefTable

# Attributes that lead from an object to the code, names and classes behind it.
# fmt: off
INTROSPECTION = frozenset((
    "__base__", "__bases__", "__builtins__", "__closure__", "__code__", "__delattr__", "__dict__", "__getattr__",
    "__getattribute__", "__globals__", "__loader__", "__mro__", "__reduce__", "__reduce_ex__", "__setattr__",
    "__spec__", "__subclasses__", "ag_code", "ag_frame", "cell_contents", "cr_code", "cr_frame", "f_back",
    "f_builtins", "f_code", "f_globals", "f_locals", "func_code", "func_globals", "gi_code", "gi_frame", "tb_frame",
))

# Functions that run code given as data, or look up a name given as data: with one of them every other rule is void. An
# \`allow\` entry of the same name, or of one below it, gives them free; wider ones such as \`builtins\` or \`*\` do not.
GATEWAYS = (
    "builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__", "builtins.getattr",
    "builtins.setattr", "builtins.delattr", "builtins.vars", "builtins.globals", "builtins.locals",
    "builtins.breakpoint", "builtins.help", "builtins.function", "builtins.code", "builtins.str.format",
    "builtins.str.format_map", "string.Formatter", "collections.UserString.format",
    "collections.UserString.format_map", "operator.attrgetter", "operator.methodcaller", "sys.modules",
    "sys._getframe", "sys._current_frames", "sys._getframemodulename", "sys.settrace", "sys.setprofile",
    "sys.meta_path", "functools.update_wrapper", "functools.wraps", "logging.StrFormatStyle",
    "typing.get_type_hints", "typing.ForwardRef", "typing.evaluate_forward_ref", "annotationlib", "importlib",
    "_frozen_importlib", "_frozen_importlib_external", "imp", "zipimport", "pkgutil", "pydoc", "runpy", "site",
    "modulefinder", "code", "codeop", "rlcompleter", "timeit", "trace", "profile", "cProfile", "_lsprof", "bdb",
    "pdb", "doctest", "unittest", "test", "inspect", "gc", "ctypes", "_ctypes", "cffi", "_cffi_backend", "_testcapi",
    "_testinternalcapi", "_testlimitedcapi", "tkinter", "_tkinter", "_interpreters", "_xxsubinterpreters",
    "concurrent.interpreters", "pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib.load", "numexpr",
    "pandas.eval", "pandas.core.computation", "pandas.core.frame.DataFrame.eval",
    "pandas.core.frame.DataFrame.query", "pandas.io.pickle", "pandas.read_pickle", "pandas.DataFrame.eval",
    "pandas.DataFrame.query", "xmlrpc", "multiprocessing.managers", "idlelib", "multiprocessing.reduction",
    "logging.config", "__main__", "snakebridge._internal",
)
# fmt: on

# Modules that others wrap: a name in the one stands for the same in the other. \`_socket\` and its like are \`socket\`.
TWINS = {
    "posix": "os",
    "nt": "os",
    "posixpath": "os.path",
    "ntpath": "os.path",
    "genericpath": "os.path",
    "_collections_abc": "collections.abc",
    "_frozen_importlib": "importlib._bootstrap",
    "_frozen_importlib_external": "importlib._bootstrap_external",
    "_posixsubprocess": "subprocess",
    "_pydatetime": "datetime",
    "_pydecimal": "decimal",
    "_pyio": "io",
    "_thread": "threading",
}

# Bases that only mark a class; a class does not become what they are.
MARKERS = frozenset(("builtins", "abc", "typing", "_collections_abc", "collections.abc", "typing_extensions"))
# Their identity says nothing: equal ones are one object.
INTERNED = frozenset((int, str, float, bool, bytes, tuple, complex, frozenset, type(None)))
KINDS = range(9)
EXPRESSION_KINDS = (9, 10)
NAMED_KINDS = (calls.FUNCTION, calls.METHOD, calls.GET_ATTR, calls.SET_ATTR, calls.DEL_ATTR, calls.MODULE_ATTR)

_MODULE_DICT = vars(ModuleType)["__dict__"].__get__
_CLASS_MRO = type.__dict__["__mro__"].__get__
_CLASS_DICT = type.__dict__["__dict__"].__get__
_PARTIAL_FUNC = vars(partial)["func"].__get__
_METHOD_DESCRIPTORS = (
    type(list.append),
    type(object.__init__),
    type(vars(int)["real"]),
    type(vars(FunctionType)["__globals__"]),
    type(vars(dict)["fromkeys"]),
)
_METHOD_WRAPPER = type(object().__str__)
_GENERIC_ALIAS = type(list[int])


class PolicyProblem(Problem):
    """The policy keeps the host from reaching something."""

    kind = "policy"

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"Cannot reach {name}: the policy refuses it ({rule})", name=name, rule=rule)


class Pattern:
    """\`a.b\`: that and everything below it; \`a.b.*\`: only what is below; \`*\`: everything."""

    __slots__ = ("below_only", "exact", "prefix", "text")

    def __init__(self, text: object) -> None:
        if type(text) is not str or not text:
            raise Problem(f"Cannot use policy: pattern is {text!r:.80}, expected a dotted name")
        name = text[:-2] if text.endswith(".*") else text
        if text != "*" and not all(step.isidentifier() for step in name.split(".")):
            raise Problem(f"Cannot use policy: pattern is {text!r:.80}, expected a dotted name, which may end in .*")
        self.text = text
        self.exact = name
        self.below_only = name != text
        self.prefix = name + "."

    def matches(self, name: str) -> bool:
        if self.exact == "*" or name.startswith(self.prefix):
            return True
        return not self.below_only and name == self.exact

    def is_below(self, name: str) -> bool:
        """Whether what it means lies at or below \`name\`, so that one passes \`name\` on the way to it."""
        return self.exact == name or self.prefix.startswith(name + ".")


class Held:
    """Stands for a table of refs where the object is at hand already."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, _ref: int, _session: str) -> Any:
        return self._value


class Policy:
    """Decides what the host may reach."""

    def __init__(self, given: object) -> None:
        if type(given) is not dict:
            raise Problem(f"Cannot use policy: it is {given!r:.80}, expected a map")
        self.allow = self._patterns(given, "allow")
        self.deny = self._patterns(given, "deny") or []
        self.expressions = given.get("expressions") is True
        named = self.allow or []
        gateways = map(Pattern, GATEWAYS)
        self.gateways = [gate for gate in gateways if not any(pattern.exact == gate.exact for pattern in named)]
        self._exceptions = {
            gate.text: [pattern for pattern in named if pattern.exact.startswith(gate.prefix)] for gate in self.gateways
        }
        # Objects that patterns name exactly, by id, with the object so that no other one takes its id.
        self._named: dict[int, tuple[Any, set[str]]] = {}
        self._modules_seen = 0

    @staticmethod
    def _patterns(given: dict[str, Any], name: str) -> list[Pattern] | None:
        texts = given.get(name)
        if texts is None:
            return None
        if type(texts) is not list:
            raise Problem(f"Cannot use policy: {name} is {texts!r:.80}, expected an array of patterns")
        return [Pattern(text) for text in texts]

    # Questions

    def check_name(self, name: str) -> None:
        """Checks a module name before anything of that name is imported."""
        names = with_twins([name])
        self._refuse_denied(names, name)
        if self.allow is not None and not self._leads(names):
            raise PolicyProblem(name, "no entry of allow matches it")

    def check_object(self, value: Any, paths: Iterable[str] = (), *, passing: bool = False) -> None:
        """Checks an object that was reached.

        Args:
            value: The object.
            paths: The words it was reached by, such as \`os.environ\`.
            passing: Whether it is only passed on the way to something else.

        Raises:
            PolicyProblem: If it may not be reached.
        """
        paths = with_twins(paths)
        if type(value) in (FrameType, CodeType, TracebackType):
            raise PolicyProblem(type_name(type(value)), "introspection")
        own = with_twins(own_names(value))
        also = [*own, *paths, *with_twins(further_names(value))]
        shown = paths[0] if paths else own[0] if own else type_name(type(value))
        self._refuse_denied(also, shown, value)
        if self.allow is None or is_data(value):
            return
        exact = self._exact_patterns(value)
        if any(pattern.text in exact for pattern in self.allow):
            return
        known = own if has_name(value) else [*own, *paths]
        if not any(pattern.matches(name) for pattern in self.allow for name in known) and not (
            passing and isinstance_raw(value, (ModuleType, type)) and self._leads([*own, *paths])
        ):
            raise PolicyProblem(shown, "no entry of allow matches it")

    def check_attribute(self, holder: Any, name: str) -> None:
        """Checks the name of an attribute before it is looked at."""
        if name in INTROSPECTION or (name == "mro" and isinstance_raw(holder, (type,))):
            raise PolicyProblem(f"{type_name(type(holder))}.{name}", f"introspection {name!r}")
        if isinstance_raw(holder, (ModuleType,)):
            # Before a submodule of that name is imported.
            for module in (*module_names(holder), *module_aliases(holder)):
                self._refuse_denied(with_twins([f"{module}.{name}"]), f"{module}.{name}")

    def check_change(self, name: str) -> None:
        """Checks the name of an attribute that is to be set or deleted: what an object is known by stays as it is."""
        if name.startswith("__") and name.endswith("__"):
            raise PolicyProblem(name, f"introspection {name!r}")

    def check_kind(self, kind: object) -> None:
        """Checks the kind of a call.

        Expression templates are code, which no rule about names can hold; kinds that are not known here may be, too.
        """
        if kind in EXPRESSION_KINDS:
            if not self.expressions:
                raise PolicyProblem("expression templates", "expressions is not true")
        elif kind not in KINDS:
            raise PolicyProblem(f"calls of kind {kind!r:.20}", "unknown kind")

    def _refuse_denied(self, names: list[str], shown: str, value: Any = None) -> None:
        exact = self._exact_patterns(value)
        # Lists and texts are not what is meant by a rule about builtins; one that names their type means them.
        ignored = "builtins" if value is not None and is_data(value) else None
        for pattern in self.deny:
            if pattern.exact != ignored and (pattern.text in exact or any(map(pattern.matches, names))):
                raise PolicyProblem(shown, f"deny {pattern.text!r}")
        for gate in self.gateways:
            if gate.text in exact or any(map(gate.matches, names)):
                exceptions = self._exceptions[gate.text]
                if not any(pattern.matches(name) or pattern.is_below(name) for pattern in exceptions for name in names):
                    raise PolicyProblem(shown, f"gateway {gate.text!r}")

    def _leads(self, names: list[str]) -> bool:
        return any(pattern.matches(name) or pattern.is_below(name) for pattern in self.allow or () for name in names)

    def _exact_patterns(self, value: Any) -> set[str]:
        """The patterns that name this very object, whatever it calls itself."""
        if type(value) in INTERNED:
            return set()
        # What is not imported yet has no object; nothing is imported and no code runs to find one.
        if len(sys.modules) != self._modules_seen:
            self._modules_seen = len(sys.modules)
            for pattern in (*self.deny, *self.gateways, *(self.allow or ())):
                found = None if pattern.below_only else find_object(pattern.exact)
                if found is not None:
                    self._named.setdefault(id(found), (found, set()))[1].add(pattern.text)
        entry = self._named.get(id(bare(value)))
        return set() if entry is None else entry[1]

    # In the place of the functions of \`calls\` and of a ref table

    def install(self, refs: RefTable) -> None:
        """Puts itself between the calls and what they reach."""
        from snakebridge._internal import worker

        import_module, walk, invoke = calls.import_module, calls.walk, calls.invoke
        get, describe = refs.get, refs.describe

        def checked_import(name: str) -> Any:
            self.check_name(name)
            module = import_module(name)
            self.check_object(module, [name], passing=True)
            return module

        def checked_walk(value: Any, name: str) -> Any:
            steps = name.split(".")
            for index, step in enumerate(steps):
                self.check_attribute(value, step)
                paths = [f"{owner}.{step}" for owner in path_names(value)]
                value = walk(value, step)
                self.check_object(value, paths, passing=index < len(steps) - 1)
            return value

        def checked_invoke(refs: RefTable, message: list[Any]) -> Any:
            _, _, _, session, kind, target, name, args, kwargs, _ = message[:10]
            self.check_kind(kind)
            value: Any
            if kind not in NAMED_KINDS or type(name) is not str:
                return invoke(refs, message)
            if type(target) is str and target and kind in (calls.FUNCTION, calls.MODULE_ATTR):
                value = checked_import(target)
            elif type(target) is int and kind not in (calls.FUNCTION, calls.MODULE_ATTR):
                value = refs.get(target, session)
            else:
                return invoke(refs, message)
            if not name:
                return invoke(refs, message)
            path, _, last = name.rpartition(".")
            if kind in (calls.SET_ATTR, calls.DEL_ATTR):
                self.check_change(last)
                value = checked_walk(value, path) if path else value
            else:
                value, last = checked_walk(value, name), ""
                kind = calls.VALUE if kind in (calls.MODULE_ATTR, calls.GET_ATTR) else calls.METHOD
            # Every step was checked: what is left concerns the object at the end of the way.
            return invoke(Held(value), [*message[:4], kind, 0, last, args, kwargs, message[9]])  # type: ignore[arg-type]

        def checked_get(ref: int, session: str) -> Any:
            value = get(ref, session)
            self.check_object(value)
            return value

        def checked_describe(ref: int, value: Any) -> list[Any]:
            try:
                self.check_object(value)
            except PolicyProblem:
                # Its text may hold what the policy is to keep, such as the environment.
                return [ref, type_name(type(value)), None, 0]
            return describe(ref, value)

        calls.import_module, calls.walk, calls.invoke = checked_import, checked_walk, checked_invoke
        vars(worker)["invoke"] = checked_invoke
        refs.get, refs.describe = checked_get, checked_describe  # type: ignore[method-assign]


def isinstance_raw(value: Any, kinds: tuple[type, ...]) -> bool:
    """\`isinstance\` by the true type: an object may lie about its \`__class__\`."""
    return any(kind in _CLASS_MRO(type(value)) for kind in kinds)


def bare(value: Any) -> Any:
    """What a bound or wrapped callable calls."""
    while True:
        if type(value) is MethodType or isinstance_raw(value, (staticmethod, classmethod)):
            value = value.__func__
        elif isinstance_raw(value, (partial,)):
            value = _PARTIAL_FUNC(value)
        elif type(value) is _GENERIC_ALIAS:
            value = attribute(value, "__origin__")
        else:
            return value


def is_data(value: Any) -> bool:
    """Whether it is an instance of a builtin data type such as \`list\`, or a method of one."""
    kind = type(value)
    if kind in (BuiltinFunctionType, _METHOD_WRAPPER):
        value = value.__self__
        kind = type(value)
        if value is None:
            return False
    return type_name(kind).startswith("builtins.") and not has_name(value)


def has_name(value: Any) -> bool:
    """Whether it is a module, class or function: known by its own name, however it is reached."""
    kind = type(value)
    return (
        isinstance_raw(value, (ModuleType, type, partial, staticmethod, classmethod))
        or kind in (FunctionType, BuiltinFunctionType, MethodType, _METHOD_WRAPPER, _GENERIC_ALIAS)
        or kind in _METHOD_DESCRIPTORS
        or is_compiled_function(kind)
    )


def is_compiled_function(kind: type) -> bool:
    return type_name(kind).rpartition(".")[2] in ("cython_function_or_method", "fused_cython_function")


def own_names(value: Any) -> Iterator[str]:
    """The names that a thing is truly known by, best first."""
    kind = type(value)
    if isinstance_raw(value, (ModuleType,)):
        yield from module_names(value)
    elif isinstance_raw(value, (type,)):
        yield type_name(value)
    elif kind is FunctionType or is_compiled_function(kind):
        yield from function_names(value)
    elif kind is MethodType:
        yield from own_names(value.__func__)
        yield from (f"{owner}.{text(value.__func__, '__name__')}" for owner in own_names(value.__self__))
    elif kind is BuiltinFunctionType or kind is _METHOD_WRAPPER:
        owner, name = value.__self__, value.__name__
        if owner is None or isinstance_raw(owner, (ModuleType,)):
            module = text(value, "__module__") or (text(owner, "__name__") if owner is not None else "")
            yield f"{module or 'builtins'}.{name}"
        elif has_name(owner):
            yield from (f"{each}.{name}" for each in own_names(owner))
        else:
            yield from member_names(type(owner), name)
    elif kind in _METHOD_DESCRIPTORS:
        yield from member_names(value.__objclass__, value.__name__)
    elif bare(value) is not value:
        yield from own_names(bare(value))
    else:
        yield type_name(kind)


def further_names(value: Any) -> Iterator[str]:
    """More names under which a thing may be denied, but which do not make it allowed."""
    kind = type(value)
    if isinstance_raw(value, (ModuleType,)):
        yield from module_aliases(value)
        return
    if kind in (MethodType, BuiltinFunctionType, _METHOD_WRAPPER) and value.__self__ is not None:
        owner = value.__self__
        if not isinstance_raw(owner, (ModuleType,)):
            yield from own_names(owner)
            yield from further_names(owner)
    if kind is MethodType:
        yield from further_names(value.__func__)
    if isinstance_raw(value, (partial,)) or kind is _GENERIC_ALIAS:
        yield from further_names(bare(value))
    # A class is what its bases are, and an object what its class is.
    for base in _CLASS_MRO(value if isinstance_raw(value, (type,)) else kind):
        if not is_marker(base):
            yield type_name(base)
    if not has_name(value):
        # \`__call__ = os.system\` in a class makes its objects what that is.
        called = next(
            (_CLASS_DICT(base)["__call__"] for base in _CLASS_MRO(kind) if "__call__" in _CLASS_DICT(base)), None
        )
        if called is not None:
            yield from own_names(called)
    module, name = text(value, "__module__"), text(value, "__qualname__") or text(value, "__name__")
    if module and name:
        yield f"{module}.{name}"
    wrapped = attribute(value, "__wrapped__")
    if wrapped is not None and wrapped is not value and has_name(wrapped):
        yield from own_names(wrapped)
        yield from further_names(wrapped)


def function_names(value: Any) -> Iterator[str]:
    name = text(value, "__qualname__") or text(value, "__name__")
    # A decorator may give a function another module's name; its globals are where it was written.
    space = attribute(value, "__globals__")
    written = space.get("__name__") if type(space) is dict else None
    for module in (text(value, "__module__"), written):
        if type(module) is str and module:
            yield f"{module}.{name}"


def member_names(owner: type, name: str) -> Iterator[str]:
    """The names of a method: by the class that it was looked up in, and by the one that defines it."""
    yield f"{type_name(owner)}.{name}"
    for base in _CLASS_MRO(owner):
        if name in _CLASS_DICT(base):
            yield f"{type_name(base)}.{name}"
            return


def module_names(module: Any) -> list[str]:
    name = _MODULE_DICT(module).get("__name__")
    return [name] if type(name) is str else []


def module_aliases(module: Any) -> list[str]:
    return [name for name, other in list(sys.modules.items()) if other is module and type(name) is str]


def path_names(holder: Any) -> list[str]:
    """What stands before the dot in the words for an attribute: the module, or the class and its bases."""
    if isinstance_raw(holder, (ModuleType,)):
        return [*module_names(holder), *module_aliases(holder)]
    kind = holder if isinstance_raw(holder, (type,)) else type(holder)
    return [type_name(base) for base in _CLASS_MRO(kind) if base is kind or not is_marker(base)]


def is_marker(kind: type) -> bool:
    return type_name(kind).rpartition(".")[0] in MARKERS


def attribute(value: Any, name: str) -> Any:
    """An attribute that the object holds itself, asked without its own \`__getattr__\`."""
    try:
        if isinstance_raw(value, (type,)):
            return _CLASS_DICT(value).get(name)
        return object.__getattribute__(value, name)
    except Exception:
        return None


def text(value: Any, name: str) -> str:
    found = _MODULE_DICT(value).get(name) if isinstance_raw(value, (ModuleType,)) else attribute(value, name)
    return found if type(found) is str else ""


def with_twins(names: Iterable[str]) -> list[str]:
    """Names, and the same in the modules that wrap theirs."""
    found = dict.fromkeys(names)
    for name in list(found):
        head, dot, rest = name.partition(".")
        twin = TWINS.get(head) or (head[1:] if head[:1] == "_" and head[1:2] not in ("", "_") else None)
        if twin is not None:
            found[twin + dot + rest] = None
    return list(found)


def find_object(name: str) -> Any:
    steps = name.split(".")
    for end in range(len(steps), 0, -1):
        value: Any = sys.modules.get(".".join(steps[:end]))
        if value is None:
            continue
        for step in steps[end:]:
            if isinstance_raw(value, (ModuleType,)):
                value = _MODULE_DICT(value).get(step)
            elif isinstance_raw(value, (type,)):
                value = next((_CLASS_DICT(base)[step] for base in _CLASS_MRO(value) if step in _CLASS_DICT(base)), None)
            else:
                value = None
        return None if value is None or type(value) in INTERNED else bare(value)
    return None
`,
  },
  {
    name: "snakebridge._internal.problems",
    isPackage: false,
    source: `# Failures that are not Python exceptions of the user: values without encoding, limits, refs, malformed messages
# (proto/PROTOCOL.md 7). Each is raised where it is found and turned into its map where the reply is made.
from __future__ import annotations

PROTOCOL = 1
MIN_PROTOCOL = 1


class Problem(Exception):  # noqa: N818 - its kinds say what went wrong, not all are errors
    """A failure with a kind of its own."""

    kind = "protocol"

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def failure(self) -> dict[str, object]:
        return {"kind": self.kind, "message": self.message, **self.fields}


class ValueProblem(Problem):
    """A value has no encoding, or bytes have no value. \`steps\` grows from the inside out."""

    kind = "value"

    def __init__(self, message: str, type_name: str) -> None:
        super().__init__(message, type=type_name)
        self.steps: list[str] = []

    def failure(self) -> dict[str, object]:
        path = "$" + "".join(reversed(self.steps))
        return {"kind": "value", "message": f"{self.message} at {path}", "path": path, **self.fields}


class LimitProblem(Problem):
    """A value or message is beyond a limit."""

    kind = "limit"

    def __init__(self, limit: str, value: int | None, maximum: int | None) -> None:
        seen = "" if value is None else f" is {value},"
        message = (
            "Cannot encode value: it contains itself"
            if limit == "cycle"
            else f"Cannot carry value: {limit}{seen} limit is {maximum}"
        )
        super().__init__(message, limit=limit, value=value, max=maximum)


class RefProblem(Problem):
    """A ref is not usable in this call."""

    kind = "ref"

    def __init__(self, reason: str, ref: int, limit: float | None = None) -> None:
        text = {
            "released": "was released",
            "unknown": "was never given",
            "session": "belongs to another session",
            "expired": f"was not used for {limit} seconds",
            "evicted": f"was used least recently when its session had {limit} refs",
        }
        fields = {} if limit is None else {"limit": limit}
        super().__init__(f"Cannot use ref {ref}: it {text[reason]}", reason=reason, id=ref, **fields)


class EarlierFailure(Problem):
    """A call uses the result of one that failed."""

    def __init__(self, failure: dict[str, object], origin: int) -> None:
        super().__init__(str(failure.get("message")))
        self._failure = failure
        self._origin = origin

    def failure(self) -> dict[str, object]:
        return {"origin": self._origin, **self._failure}


class NotYet(Problem):
    """A call uses the result of a task that has not ended; it is put off, so nobody sees this."""

    def __init__(self, ref: int) -> None:
        super().__init__(f"Cannot use ref {ref} yet")
        self.ref = ref


class Cancelled(Problem):
    """A call was withdrawn before it started, or interrupted."""

    kind = "cancelled"

    def __init__(self, started: bool) -> None:
        super().__init__(
            "Call was interrupted while it ran" if started else "Call was withdrawn before it started", started=started
        )


class VersionProblem(Problem):
    """The two sides speak no common version."""

    def __init__(self, host: object, host_min: object) -> None:
        super().__init__(
            f"Cannot talk to host: it speaks protocol {host_min} to {host}, this worker {MIN_PROTOCOL} to {PROTOCOL}",
            hostProtocol=host,
            hostMinProtocol=host_min,
            workerProtocol=PROTOCOL,
            workerMinProtocol=MIN_PROTOCOL,
        )


class Interrupted(BaseException):
    """Raised in a running call that the host cancelled; not an \`Exception\`, so that \`except Exception\` lets it by."""

    def __init__(self, call: int = 0) -> None:
        super().__init__("the host cancelled this call")
        # The call it is meant for, which may stand below the one it was raised in.
        self.call = call
`,
  },
  {
    name: "snakebridge._internal.progress",
    isPackage: false,
    source: `# Which call runs, shared by the main thread, which runs calls, and the control thread, which is asked about them
# (proto/PROTOCOL.md 3.3). Ids only grow, so two ints say of every call whether it waits, runs or is done; calls that
# wait for the host inside each other stand in \`outer\`, tasks of the event loop in \`tasks\`.
#
# Calls that are put off stand in \`held\`.
#
# Withdrawing a call that has not started is a race between the threads, decided by who pops the claim:
#
#   control: claims[id] = True ; started >= id? then pop: popped = too late, not there = main took it, so withdrawn
#   main:    started = id      ; claims?        then pop: popped = withdrawn, not there = runs
#
# An interrupt is raised only while \`running\` is set: everything that must not be torn apart (reading, writing, the
# books of a call) runs with \`running\` at 0. Who sets it again looks at \`target\` first.
from __future__ import annotations

import _signal
from _thread import get_ident

from snakebridge._internal.problems import Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Progress:
    """The state of the calls of one conversation."""

    def __init__(self) -> None:
        self.running = 0
        self.started = 0
        self.claims: dict[int, bool] = {}
        # Calls that were received and put off, while later ones started.
        self.held: set[int] = set()
        # Calls below the running one that wait for the host, outermost first.
        self.outer: list[int] = []
        # How to cancel the task that a call has become; filled where there is an event loop.
        self.tasks: dict[int, Callable[[], object]] = {}
        self.target = 0
        # Lets an event loop that waits for data look at \`target\`.
        self.nudge: Callable[[], object] | None = None
        self.main = get_ident()
        self._when_idle: Callable[[], None] | None = None

    def listen(self, when_idle: Callable[[], None]) -> None:
        """Installs the handler that interrupts a call, or runs \`when_idle\` on the main thread between calls."""
        self._when_idle = when_idle
        _signal.signal(_signal.SIGUSR1, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        running = self.running
        target = self.target
        if not running:
            if self._when_idle is not None:
                self._when_idle()
        elif target and (running == target or target in self.outer):
            self.target = 0
            raise Interrupted(target)

    def start(self, call: int) -> None:
        """Notes that a call has been looked at, on the main thread."""
        self.held.discard(call)
        if call > self.started:
            self.started = call

    def hold(self, call: int) -> None:
        """Notes that a call was received and is put off, so that later ones start before it."""
        self.held.add(call)

    @property
    def all_started(self) -> int:
        """The last id up to which every call has started."""
        held = self.held
        if not held:
            return self.started
        return min(min(list(held), default=self.started + 1) - 1, self.started)

    def resume(self, call: int) -> None:
        """Lets interrupts reach the main thread again, which runs \`call\`.

        Raises:
            Interrupted: If one came for this call, or one it is inside of, while it could not be raised.
        """
        self.running = call
        target = self.target
        if target and (target == call or target in self.outer):
            self.target = 0
            raise Interrupted(target)

    def withdraw(self, call: int) -> str:
        """Takes a call back that has not started; returns the outcome of proto/PROTOCOL.md 3.4."""
        if self.started < call or (call in self.held and call not in self.tasks):
            self.claims[call] = True
            if self.started < call or call in self.held or self.claims.pop(call, None) is None:
                return "withdrawn"
        return "running" if self.running == call or call in self.outer or call in self.tasks else "done"

    def cancel(self, call: int) -> str:
        """Takes a call back or interrupts it; returns the outcome of proto/PROTOCOL.md 3.4."""
        outcome = self.withdraw(call)
        if outcome != "running":
            return outcome
        cancel_task = self.tasks.get(call)
        if cancel_task is not None:
            cancel_task()
        if cancel_task is None or self.running == call or call in self.outer:
            # The handler runs on the main thread and looks again: it cannot hit the next call.
            self.target = call
            self.wake()
            if self.nudge is not None:
                self.nudge()
        return "interrupting"

    def wake(self) -> None:
        """Lets the handler run soon on the main thread, out of a blocking system call if need be."""
        _signal.pthread_kill(self.main, _signal.SIGUSR1)
`,
  },
  {
    name: "snakebridge._internal.ref_expiry",
    isPackage: false,
    source: `# Refs that nobody uses are forgotten (proto/PROTOCOL.md 4 \`refTtlSeconds\`). A thread of its own, started only when
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
`,
  },
  {
    name: "snakebridge._internal.refs",
    isPackage: false,
    source: `# Objects kept for the host (proto/PROTOCOL.md 3.1 "Refs and ids", 3.3 \`release\`, 5.5). The main thread adds entries;
# the control thread takes them out while a call runs. Objects themselves die on the main thread only, because a
# finaliser may be slow or bound to its thread.
from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from time import monotonic, perf_counter

from snakebridge._internal.problems import EarlierFailure, Interrupted, LimitProblem, NotYet, Problem, RefProblem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import OrderedDict
    from typing import Any
    from weakref import ReferenceType

    from snakebridge._internal.contexts import Recent
    from snakebridge._internal.progress import Progress
else:
    # The same class without the module around it, which a first call does not need.
    from _collections import OrderedDict

# The first text of a type may import what makes it, so one slow one is forgiven.
SLOW_REPR_S = 0.05
SLOW_REPRS = 2
LARGE_CONTAINER = 1_000
MAX_FAILURES = 10_000
# Refs of one session, unless the host or the environment says otherwise. What the host has dropped counts until its
# garbage collector looks, and quick chains drop ten thousands in a second: a cap of that order would push out objects
# that are held and not used for a moment. This one only ends what is surely a leak.
MAX_REFS = 1_000_000
# Why refs are gone is remembered until the host gives up its own hold, which it does for each; this bounds a host
# that never does.
MAX_GONE = 100_000

_TYPE_NAME = type.__dict__["__qualname__"].__get__
_TYPE_MODULE = type.__dict__["__module__"].__get__
_TRAITS = ((2, "__iter__"), (4, "__next__"), (64, "__await__"), (128, "__len__"), (256, "__aiter__"))
_ModuleType = type(sys)
_CONTAINERS = (list, dict, set, frozenset, tuple, str, bytes)


def type_name(kind: type) -> str:
    """The name of a type as \`module.QualName\`, whatever its metaclass does."""
    try:
        return f"{_TYPE_MODULE(kind)}.{_TYPE_NAME(kind)}"
    except Exception:
        return "builtins.object"


def reprs_in(value: Any, left: int, path: list[int]) -> int:
    """What is left of \`left\` after one for each object that a container's repr would ask, those met again included.

    In a tangle of containers they are more than time suffices for.
    """
    left -= len(value)
    if left <= 0 or isinstance(value, (str, bytes)) or id(value) in path:
        return left
    path.append(id(value))
    for item in dict.values(value) if isinstance(value, dict) else value:
        if isinstance(item, _CONTAINERS):
            left = reprs_in(item, left, path)
            if left <= 0:
                return left
    path.pop()
    return left


def traits_of(value: Any) -> int:
    """The trait bits of an object; 0 where asking raises."""
    kind = type(value)
    bits = 1 if callable(value) else 0
    try:
        for bit, name in _TRAITS:
            if getattr(kind, name, None) is not None:
                bits |= bit
        if hasattr(kind, "__enter__") and hasattr(kind, "__exit__"):
            bits |= 8
        if hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__"):
            bits |= 512
        if issubclass(kind, type):
            bits |= 16
        if issubclass(kind, _ModuleType):
            bits |= 32
    except Exception:
        return bits
    return bits


class RefTable:
    """The refs of all sessions of one worker."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        # Each with its session, its object, and the refs of that session.
        self.entries: dict[int, tuple[str, Any, OrderedDict[int, float]]] = {}
        # By session, least recently used first, with the time of the last use where age matters.
        self._sessions: dict[str, OrderedDict[int, float]] = {}
        self._failures: dict[int, tuple[str, dict[str, object]]] = {}
        self._gone: dict[int, str] = {}
        self._lock = allocate_lock()
        self._waiting: list[tuple[int, list[int]]] = []
        # Ids released while their call runs: what it makes is not to be kept.
        self.dropped: set[int] = set()
        # Ids of calls that have become tasks: what they give is not there yet.
        self.pending: set[int] = set()
        self.last_own = 0
        # Last own id before the message that is being encoded.
        self.mark = 0
        self._slow_types: dict[str, int] = {}
        self.has_waiting = False
        self.graveyard: list[Any] = []
        # Exceptions by session, where a context manager is entered; see contexts.py.
        self.recent: dict[str, ReferenceType[Recent]] = {}
        self.repr_max_chars = 200
        # Time that is left for the texts of one message.
        self.repr_s_left = SLOW_REPR_S
        # Most refs of one session, 0 for no limit; and the same as a number to compare with.
        self.max_refs = self._room = MAX_REFS
        self.ttl_s = 0.0
        # Refs used since calls last came to rest, where age matters.
        self.touched: dict[int, None] = {}
        self.clock = monotonic

    def configure(self, hello: dict[str, Any]) -> None:
        """Takes over how many refs a session may have and how long they live: from hello, else the environment."""
        self.max_refs = int(_number(hello, "maxRefs", "SNAKEBRIDGE_REF_MAX", MAX_REFS))
        self._room = self.max_refs or sys.maxsize
        self.ttl_s = _number(hello, "refTtlSeconds", "SNAKEBRIDGE_REF_TTL_SECONDS", 0)

    def keep(self, ref: int, session: str, value: Any) -> None:
        """Keeps an object under the id of the call that made it."""
        with self._lock:
            if ref in self.dropped:
                return
            order = self._sessions.get(session)
            if order is None:
                order = self._open(session)
            if len(order) >= self._room and ref not in order:
                self._evict(order)
            order[ref] = self.clock() if self.ttl_s else 0.0
            self.entries[ref] = (session, value, order)

    def add(self, session: str, value: Any) -> int:
        """Keeps an object under an id of the worker's own, which are negative and never used twice.

        Raises:
            LimitProblem: If the message being encoded has more refs than a session may have.
        """
        with self._lock:
            order = self._sessions.get(session)
            if order is None:
                order = self._open(session)
            if len(order) >= self._room:
                self._evict(order)
            self.last_own -= 1
            ref = self.last_own
            order[ref] = self.clock() if self.ttl_s else 0.0
            self.entries[ref] = (session, value, order)
        return ref

    def _open(self, session: str) -> OrderedDict[int, float]:
        order = self._sessions[session] = OrderedDict()
        return order

    def _evict(self, order: OrderedDict[int, float]) -> None:
        """Makes room for one ref by forgetting the one not used for longest; its object dies later."""
        # In one step: another thread may note a use between two.
        oldest, used = order.popitem(last=False)
        if oldest < self.mark:
            order[oldest] = used
            order.move_to_end(oldest, last=False)
            raise LimitProblem("maxRefs", self.mark - self.last_own + 1, self.max_refs)
        self._lose(oldest, "evicted")

    def _lose(self, ref: int, reason: str) -> None:
        self.graveyard.append(self.entries.pop(ref)[1])
        self._gone[ref] = reason
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]

    def get(self, ref: int, session: str) -> Any:
        """Looks an object up for a call of that session.

        Raises:
            RefProblem: If it is not, or no longer, or not in this session.
            EarlierFailure: If the call that should have made it failed.
            NotYet: If that call is a task that has not ended.
        """
        entry = self.entries.get(ref)
        if entry is not None:
            if entry[0] != session:
                raise RefProblem("session", ref)
            if self.ttl_s:
                self._note_time(ref, entry[2])
            elif self.max_refs:
                try:
                    # Without the lock, which would cost more; where refs expire, another thread walks the order.
                    entry[2].move_to_end(ref)
                except KeyError:
                    # The control thread has taken it out meanwhile; this call still gets the object.
                    return entry[1]
            return entry[1]
        failed = self._failures.get(ref)
        if failed is not None:
            if failed[0] != session:
                raise RefProblem("session", ref)
            raise EarlierFailure(failed[1], ref)
        if ref in self.pending:
            raise NotYet(ref)
        reason = self._gone.get(ref)
        if reason is not None:
            raise RefProblem(reason, ref, self.max_refs if reason == "evicted" else self.ttl_s)
        was_given = 0 < ref <= self._progress.started or self.last_own <= ref < 0
        raise RefProblem("released" if was_given else "unknown", ref)

    def _note_time(self, ref: int, order: OrderedDict[int, float]) -> None:
        with self._lock:
            if ref in order:
                order[ref] = self.clock()
                order.move_to_end(ref)
                self.touched[ref] = None

    def settle(self) -> None:
        """Notes that the calls that used \`touched\` have ended, which is when their age begins."""
        now = self.clock()
        with self._lock:
            for ref in self.touched:
                entry = self.entries.get(ref)
                if entry is not None:
                    entry[2][ref] = now
                    entry[2].move_to_end(ref)
            self.touched.clear()

    def expire(self, now: float) -> float:
        """Forgets what was not used for longer than the TTL and returns when the next may be due."""
        due = now + self.ttl_s
        with self._lock:
            for order in self._sessions.values():
                while order:
                    oldest = next(iter(order))
                    used = order[oldest]
                    if now - used <= self.ttl_s:
                        due = min(due, used + self.ttl_s)
                        break
                    del order[oldest]
                    self._lose(oldest, "expired")
        return due

    def fail(self, ref: int, session: str, failure: dict[str, object]) -> None:
        """Remembers why a call whose result was to be kept has none."""
        with self._lock:
            if ref in self.dropped:
                return
            self._failures[ref] = (session, failure)
            if len(self._failures) > MAX_FAILURES:
                del self._failures[next(iter(self._failures))]

    def forget(self, ids: list[int]) -> None:
        """Takes refs out at once; their objects die when the main thread gets to it."""
        with self._lock:
            self._forget(ids)

    def _forget(self, ids: list[int]) -> None:
        for ref in ids:
            entry = self.entries.pop(ref, None)
            if entry is not None:
                entry[2].pop(ref, None)
                self.graveyard.append(entry[1])
            elif self._gone.pop(ref, None) is not None:
                continue
            elif self._failures.pop(ref, None) is None and self._is_running(ref):
                self.dropped.add(ref)

    def _is_running(self, call: int) -> bool:
        progress = self._progress
        return call == progress.running or call in self.pending or call in progress.outer

    def release(self, after: int, ids: list[int]) -> None:
        """Forgets refs once every call up to \`after\` has started."""
        with self._lock:
            if after > self._progress.all_started:
                self._waiting.append((after, ids))
                self.has_waiting = True
                # The main thread may have started that call between the two lines above without seeing the entry.
            else:
                self._forget(ids)
        if self.has_waiting:
            self.release_due()

    def release_due(self) -> None:
        """Forgets what waited for calls that have started by now."""
        with self._lock:
            started = self._progress.all_started
            due = [ids for after, ids in self._waiting if after <= started]
            self._waiting = [entry for entry in self._waiting if entry[0] > started]
            self.has_waiting = bool(self._waiting)
            for ids in due:
                self._forget(ids)

    def bury(self) -> None:
        """Lets forgotten objects die. Only the main thread may call this."""
        graveyard = self.graveyard
        while graveyard:
            try:
                graveyard.pop()
            except IndexError:
                return

    def undo(self, last_own: int) -> None:
        """Forgets the refs made since \`last_own\` was the last id, because their message is not sent."""
        self.forget(list(range(self.last_own, last_own)))

    def end_session(self, session: str) -> int:
        """Forgets all refs of a session and returns how many there were."""
        with self._lock:
            ids = self._sessions.pop(session, OrderedDict())
            for ref in ids:
                entry = self.entries.pop(ref, None)
                if entry is not None:
                    self.graveyard.append(entry[1])
            for ref in [ref for ref, failed in self._failures.items() if failed[0] == session]:
                del self._failures[ref]
            return len(ids)

    def note_error(self, session: str, call: int, error: BaseException) -> None:
        """Keeps an exception of a call, where a context manager of the session may be asked about it."""
        entry = self.recent.get(session)
        recent = None if entry is None else entry()
        # What is not the user's is told by other means.
        if recent is not None and not issubclass(type(error), (Problem, Interrupted)):
            recent.note(call, error)

    def forget_errors(self, session: str, entry: ReferenceType[Recent]) -> None:
        """The last context manager of a session is gone."""
        if self.recent.get(session) is entry:
            del self.recent[session]

    def describe(self, ref: int, value: Any) -> list[Any]:
        """The payload of a ref as the host sees it: id, type, repr and traits."""
        name = type_name(type(value))
        if not name.isascii():
            name = name.encode("utf-8", "backslashreplace").decode()
        return [ref, name, self._repr(value, name), traits_of(value)]

    def _repr(self, value: Any, name: str) -> str | None:
        if self.repr_s_left <= 0 or self._slow_types.get(name, 0) >= SLOW_REPRS:
            return None
        begun = perf_counter()
        try:
            if isinstance(value, _CONTAINERS) and reprs_in(value, LARGE_CONTAINER, []) <= 0:
                return None
            text: str | None = repr(value)[: self.repr_max_chars]
            if text and not text.isascii():
                text = text.encode("utf-8", "backslashreplace").decode()
        except Exception:
            text = None
        took = perf_counter() - begun
        self.repr_s_left -= took
        if took > SLOW_REPR_S:
            self._slow_types[name] = self._slow_types.get(name, 0) + 1
        return text


def _number(hello: dict[str, Any], name: str, variable: str, default: float) -> float:
    """What hello says, else the environment; no number, or one below 0, counts as nothing said."""
    given = hello.get(name)
    if given is None:
        try:
            given = float(os.environ.get(variable, ""))
        except ValueError:
            return default
    if type(given) not in (int, float) or not given >= 0:
        return default
    # Endless is what 0 says, too.
    return 0 if given == float("inf") else given
`,
  },
  {
    name: "snakebridge._internal.subclassing",
    isPackage: false,
    source: `# Python classes whose methods are functions of the host. They come as callables in the arguments of \`make_class\`, so
# nothing here knows how a callable reaches the host, and tests give plain functions.
from __future__ import annotations

import ast
import inspect
import sys
import types

from snakebridge._internal.calls import import_module, walk
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

MODULE = "snakebridge.host"
# Python calls these where no function of the host can be waited for, or where there is no object yet.
REFUSED = {
    "__new__": "it runs before there is an object; write __init__",
    "__del__": "it may run at any moment, in any thread; write a close method, or __exit__",
    "__reduce_ex__": "its functions cannot leave this process",
}


def make_class(
    name: str,
    bases: Sequence[Any],
    methods: Mapping[str, Callable[..., Any]],
    *,
    attributes: Mapping[str, Any] | None = None,
    properties: Mapping[str, Mapping[str, Callable[..., Any]]] | None = None,
    static_methods: Mapping[str, Callable[..., Any]] | None = None,
    class_methods: Mapping[str, Callable[..., Any]] | None = None,
    signatures: Mapping[str, str] | None = None,
    keywords: Mapping[str, Any] | None = None,
    doc: str | None = None,
) -> type:
    """Makes a class.

    Args:
        name: Its name.
        bases: Classes, or their dotted names.
        methods: Called with the object first. What \`__init__\` returns is dropped.
        attributes: Attributes of the class.
        properties: By name, functions under \`get\`, \`set\` and \`delete\`.
        static_methods: Called without an object.
        class_methods: Called with the class first.
        signatures: Parameters of methods by name, as they stand between the brackets of a \`def\`, without the first one.
            Arguments arrive in that order then, with defaults filled in, and \`inspect.signature\` gives it. One for
            \`__init__\` without a method of that name makes one that keeps each argument as an attribute.
        keywords: Keywords of the class statement, such as \`metaclass\`.
        doc: Its documentation.

    Raises:
        TypeError: If something is of a wrong type, or a method cannot be a function of the host.
        SyntaxError: If a signature is none.
    """
    if type(name) is not str or not name.isidentifier():
        raise TypeError(f"Cannot make class: its name is {name!r:.80}, expected an identifier")
    parents = tuple(_find_base(base, name) for base in bases)
    given = dict(signatures or {})
    space: dict[str, Any] = {"__module__": MODULE, "__doc__": doc, **(attributes or {})}
    groups: tuple[tuple[Mapping[str, Callable[..., Any]] | None, Any], ...] = (
        (methods, None),
        (static_methods, staticmethod),
        (class_methods, classmethod),
    )
    for group, wrap in groups:
        for member, call in (group or {}).items():
            _check_member(name, member, call)
            is_bound = wrap is not staticmethod
            signature = _signature(name, member, given.pop(member, None), is_bound)
            function = _function(name, member, call, signature, is_bound)
            space[member] = function if wrap is None else wrap(function)
    for member, parts in (properties or {}).items():
        space[member] = _property(name, member, parts)
    # The class does not exist yet; what needs it for \`super\` looks here.
    own: list[type] = []
    init = _signature(name, "__init__", given.pop("__init__", None), True)
    if init is not None:
        space["__init__"] = _named(_storing_init(init, own), name, "__init__", init)
    if given:
        raise TypeError(f"Cannot make class {name}: there is a signature for {next(iter(given))!r}, but no such method")
    space.setdefault("__reduce_ex__", _named(_reducer(own), name, "__reduce_ex__", None))
    made = types.new_class(name, parents, dict(keywords or {}), lambda body: body.update(space))
    own.append(made)
    return made


def _find_base(base: Any, name: str) -> Any:
    if type(base) is str:
        module, _, rest = base.partition(".")
        base = walk(import_module(module), rest) if rest else walk(import_module("builtins"), module)
    if isinstance(base, type) or hasattr(base, "__mro_entries__"):
        return base
    raise TypeError(f"Cannot make class {name}: a base is of type {type_name(type(base))}, expected a class")


def _check_member(name: str, member: str, call: Any) -> None:
    if not member.isidentifier():
        raise TypeError(f"Cannot make class {name}: {member!r:.80} is no name of a method")
    if member in REFUSED:
        raise TypeError(f"Cannot make class {name}: {member} cannot be a function of the host: {REFUSED[member]}")
    if not callable(call):
        raise TypeError(f"Cannot make class {name}: {member} is of type {type_name(type(call))}, expected a function")


def _signature(name: str, member: str, text: str | None, is_bound: bool) -> inspect.Signature | None:
    if text is None:
        return None
    first = "self, " if is_bound else ""
    try:
        tree = ast.parse(f"def given({first}{text}): pass")
        definition = tree.body[0]
        if len(tree.body) != 1 or type(definition) is not ast.FunctionDef or type(definition.body[0]) is not ast.Pass:
            raise SyntaxError("more than parameters")
        code = compile(tree, f"<signature of {name}.{member}>", "exec")
    except SyntaxError as error:
        message = f"Cannot make class {name}: the signature of {member} is {text!r:.200}: {error.msg}"
        raise SyntaxError(message) from None
    space: dict[str, Any] = {}
    exec(code, space)
    return inspect.signature(space["given"])


def _named(function: Any, name: str, member: str, signature: inspect.Signature | None) -> Any:
    function.__name__ = member
    function.__qualname__ = f"{name}.{member}"
    function.__module__ = MODULE
    if signature is not None:
        function.__signature__ = signature
    return function


def _function(
    name: str, member: str, call: Callable[..., Any], signature: inspect.Signature | None, is_bound: bool
) -> Callable[..., Any]:
    """A true function: whatever the callable is, it is bound like one."""
    # Python wants None of these, and functions of the host give what their last expression happens to be.
    drops = member in ("__init__", "__init_subclass__", "__set_name__")

    def arrange(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if signature is None:
            return args, kwargs
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def method(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = arrange(args, kwargs)
        result = call(*args, **kwargs)
        return None if drops else result

    async def async_method(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = arrange(args, kwargs)
        return await call(*args, **kwargs)

    shown = signature
    if shown is None:
        every = inspect.Parameter
        kinds = [every("args", every.VAR_POSITIONAL), every("kwargs", every.VAR_KEYWORD)]
        shown = inspect.Signature([*([every("self", every.POSITIONAL_ONLY)] if is_bound else []), *kinds])
    made: Callable[..., Any] = _named(async_method if _is_async(call) else method, name, member, shown)
    return made


def _is_async(call: Callable[..., Any]) -> bool:
    # The module of functions of the host is there if one is.
    callbacks = sys.modules.get("snakebridge._internal.callbacks")
    return inspect.iscoroutinefunction(call) or (callbacks is not None and type(call) is callbacks.AsyncHostFunction)


def _property(name: str, member: str, parts: Mapping[str, Callable[..., Any]]) -> property:
    functions: dict[str, Callable[..., Any]] = {}
    for part, call in parts.items():
        if part not in ("get", "set", "delete"):
            raise TypeError(f"Cannot make class {name}: {member} has {part!r:.80}, expected get, set or delete")
        _check_member(name, member, call)
        functions[part] = _function(name, member, call, None, True)
    return property(functions.get("get"), functions.get("set"), functions.get("delete"))


def _storing_init(signature: inspect.Signature, own: list[type]) -> Callable[..., None]:
    """An \`__init__\` that keeps its arguments as attributes, as scikit-learn wants of its estimators."""

    def store(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        (_, this), *rest = bound.arguments.items()
        super(own[0], this).__init__()  # type: ignore[arg-type]
        for key, value in rest:
            setattr(this, key, value)

    return store


class _Here:
    """Stands in the recipe of a copy: can be copied, and refuses to be pickled."""

    def __init__(self, make: Callable[..., Any], kind: str) -> None:
        self.make = make
        self.kind = kind

    def __call__(self, *args: Any) -> Any:
        return self.make(*args)

    def __deepcopy__(self, _memo: object) -> _Here:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        from pickle import PicklingError

        raise PicklingError(f"Cannot pickle {self.kind!r} object: its methods are functions of the TypeScript program")


def _reducer(own: list[type]) -> Callable[..., Any]:
    def reduce(this: Any, protocol: Any) -> Any:
        recipe = super(own[0], this).__reduce_ex__(protocol)  # type: ignore[arg-type]
        if type(recipe) is not tuple:
            return recipe
        return _call, (_Here(recipe[0], type(this).__name__), recipe[1]), *recipe[2:]

    return reduce


def _call(make: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    return make(*args)
`,
  },
  {
    name: "snakebridge._internal.surrogates",
    isPackage: false,
    source: `# Finds the text with a lone surrogate that made a result fail to encode. Such text is no Unicode and has no bytes.
from __future__ import annotations

from snakebridge._internal.problems import ValueProblem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_STEPS = 100_000


def surrogate_problem(root: Any) -> ValueProblem:
    """The failure for a value that holds text with a lone surrogate, with the path to it where it is found."""
    problem = ValueProblem("Cannot encode text: it has a lone surrogate", "builtins.str")
    stack: list[tuple[Any, tuple[str, ...]]] = [(root, ())]
    for _ in range(MAX_STEPS):
        if not stack:
            break
        value, path = stack.pop()
        if isinstance(value, str):
            if has_surrogate(value):
                problem.steps = list(reversed(path))
                break
        elif isinstance(value, dict):
            for key, item in dict.items(value):
                if isinstance(key, str) and not has_surrogate(key):
                    stack.append((item, (*path, f".{key}" if key.isidentifier() else f"[{key!r}]")))
                else:
                    stack.append((key, (*path, "{key}")))
                    stack.append((item, (*path, "[key]")))
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend((item, (*path, f"[{index}]")) for index, item in enumerate(value))
    return problem


def has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
`,
  },
  {
    name: "snakebridge._internal.table_values",
    isPackage: false,
    source: `# Tables as Arrow IPC streams (proto/PROTOCOL.md 5.4), both ways.
from __future__ import annotations

import sys

from snakebridge._internal.problems import ValueProblem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.wire_encode import WireEncoder


class ArrowTable:
    """A result that is sent as a table."""

    __slots__ = ("library", "table")

    def __init__(self, library: str, table: Any) -> None:
        self.library = library
        self.table = table


def _pyarrow(type_text: str) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != "pyarrow":
            raise
        problem = ValueProblem("Cannot carry table: the worker's Python lacks the package pyarrow", type_text)
        problem.fields["package"] = "pyarrow"
        raise problem from None
    return pyarrow


def to_arrow(value: Any) -> ArrowTable:
    """Makes a table of a DataFrame, Series or Arrow object.

    Raises:
        ValueProblem: If the value is no table, or pyarrow is not installed.
    """
    name = type_name(type(value))
    root = name.partition(".")[0]
    if root not in ("pandas", "polars", "pyarrow"):
        raise ValueProblem(f"Cannot make table: {name} is no table", name)
    pa = _pyarrow(name)
    if root == "pandas":
        if hasattr(value, "to_frame"):
            value = value.to_frame() if value.name is not None else value.to_frame("0")
        if isinstance(value, sys.modules["pandas"].DataFrame):
            return ArrowTable(root, pa.Table.from_pandas(value))
    elif root == "polars":
        if hasattr(value, "to_frame"):
            value = value.to_frame()
        if hasattr(value, "to_arrow"):
            return ArrowTable(root, value.to_arrow())
    elif isinstance(value, pa.Table):
        return ArrowTable(root, value)
    elif isinstance(value, pa.RecordBatch):
        return ArrowTable(root, pa.Table.from_batches([value]))
    raise ValueProblem(f"Cannot make table: {name} is no table", name)


def encode_table(encoder: WireEncoder, value: ArrowTable, depth: int) -> Any:
    """Writes a table as an Arrow stream into a buffer of its own."""
    encoder.check_bytes(value.table.nbytes)
    return encoder.fields(19, [value.library, encoder.data(stream(value))], depth)


def stream(value: ArrowTable) -> memoryview:
    """The table as the bytes of an Arrow stream."""
    pa = _pyarrow("pyarrow.Table")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, value.table.schema) as writer:
        writer.write_table(value.table)
    return memoryview(sink.getvalue()).cast("B")


def make_table(library: Any, data: memoryview) -> Any:
    """Builds what \`library\` calls a table from an Arrow stream."""
    if library not in ("pandas", "polars", "pyarrow"):
        raise ValueError(f"its library is {library!r:.40}")
    pa = _pyarrow(f"{library}.Table")
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        table = reader.read_all()
    if library == "pandas":
        return table.to_pandas()
    if library == "polars":
        import polars

        return polars.from_arrow(table)
    return table
`,
  },
  {
    name: "snakebridge._internal.tagged_json",
    isPackage: false,
    source: `# Values as tagged JSON (proto/PROTOCOL.md 5): the encoding of carriers that frame text. Same model as the extension
# types, same limits; no buffers, so bytes are base64.
from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from math import copysign, isfinite

from snakebridge._internal import array_values, cycles, table_values, time_values
from snakebridge._internal.limits import SAFE_INT, Limits
from snakebridge._internal.problems import LimitProblem, ValueProblem
from snakebridge._internal.refs import type_name
from snakebridge._internal.wire_decode import bad_value, check_distinct, parse_decimal
from snakebridge.atoms import Atom, decodes_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


class Opaque:
    """A tag this version does not know, kept so that it can be sent back."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]


def refuse_leaf(value: Any) -> list[Any]:
    """Makes no ref of an object, but the failure that says so."""
    name = type_name(type(value))
    raise ValueProblem(f"Cannot encode value: {name} has no encoding", name)


def dumps(
    value: Any,
    limits: Limits,
    leaf: Callable[[Any], list[Any]] = refuse_leaf,
    atoms: frozenset[str] = frozenset(),
) -> str:
    """Encodes a value as JSON text.

    Args:
        value: The value.
        limits: What it may be at most.
        leaf: Gives \`[id, type, repr, traits]\` for an object that has no encoding, and for a container in which a
            cycle closes. Objects met twice are given to it once.
        atoms: The names of an \`Atom\` that are written as an atom; others are text.

    Raises:
        ValueProblem: If something in it has no encoding.
        LimitProblem: If it is too deep or too large, or cyclic where there are no refs.
    """
    try:
        return _run(limits, _dump, value, limits, leaf, atoms)
    except LimitProblem:
        if leaf is refuse_leaf:
            if cycles.has_cycle(value):
                raise LimitProblem("cycle", None, None) from None
            raise
        finite = cycles.cut(value, limits.max_elements)
        if finite is value:
            raise
    return _run(limits, _dump, finite, limits, leaf, atoms)


def _run(limits: Limits, function: Callable[..., T], *args: Any) -> T:
    """Runs code that recurses, deeper than Python's usual limit where that is what it takes."""
    try:
        return function(*args)
    except RecursionError:
        pass
    try:
        return limits.run_deep(function, *args)
    except RecursionError:
        raise LimitProblem("maxDepth", None, limits.max_depth) from None


def _dump(value: Any, limits: Limits, leaf: Callable[[Any], list[Any]], atoms: frozenset[str]) -> str:
    tree = _Encoder(limits, leaf, atoms).walk(value, 1)
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        from snakebridge._internal.surrogates import surrogate_problem

        raise surrogate_problem(value) from None
    if size > limits.max_frame_bytes:
        raise LimitProblem("maxFrameBytes", size, limits.max_frame_bytes)
    return text


def loads(text: str | bytes, limits: Limits, find_ref: Callable[[int], Any]) -> Any:
    """Decodes JSON text.

    Raises:
        ValueProblem: If it is no JSON, or a tag has the wrong fields.
        LimitProblem: If it is too deep or too large.
    """
    if len(text) > limits.max_frame_bytes:
        raise LimitProblem("maxFrameBytes", len(text), limits.max_frame_bytes)
    try:
        return _run(limits, _load, text, limits, find_ref)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise bad_value(str(error)) from None


def _load(text: str | bytes, limits: Limits, find_ref: Callable[[int], Any]) -> Any:
    return _Decoder(limits, find_ref).walk(json.loads(text, parse_constant=_refuse_constant), 1)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _tag(name: str, **fields: Any) -> dict[str, Any]:
    return {"__type__": name, "__schema__": 1, **fields}


class _Encoder:
    def __init__(self, limits: Limits, leaf: Callable[[Any], list[Any]], atoms: frozenset[str]) -> None:
        self._limits = limits
        self._leaf = leaf
        self._atoms = atoms
        self._left = limits.max_elements - 4
        self._made: dict[int, tuple[Any, dict[str, Any]]] = {}

    def _enter(self, size: int, depth: int) -> int:
        if depth >= self._limits.max_depth:
            raise LimitProblem("maxDepth", depth + 1, self._limits.max_depth)
        self._left -= size
        if self._left < 0:
            limit = self._limits.max_elements
            raise LimitProblem("maxElements", limit - self._left, limit)
        return depth + 1

    def _items(self, values: Any, depth: int) -> list[Any]:
        inside = self._enter(len(values), depth)
        out: list[Any] = []
        try:
            for value in values:
                out.append(self.walk(value, inside))
        except ValueProblem as problem:
            problem.steps.append(f"[{len(out)}]")
            raise
        return out

    def _data(self, data: Any) -> str:
        if len(data) > self._limits.max_frame_bytes:
            raise LimitProblem("maxFrameBytes", len(data), self._limits.max_frame_bytes)
        return b64encode(data).decode()

    def walk(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -SAFE_INT <= value <= SAFE_INT else _tag("int", value=decimal_text(value))
        if kind is float:
            return value if isfinite(value) and (value or copysign(1, value) > 0) else _special(value)
        if kind is list:
            return self._items(value, depth)
        if kind is dict:
            return self._dict(value, depth)
        if kind is tuple:
            return _tag("tuple", items=self._items(value, depth))
        if kind is set or kind is frozenset:
            return _tag(kind.__name__, items=self._items(list(value), depth))
        if kind is bytes or kind is bytearray:
            return _tag("bytes", data=self._data(value))
        if kind is memoryview:
            return _tag("bytes", data=self._data(value.tobytes()))
        if kind is complex:
            return _tag("complex", real=self.walk(value.real, depth), imag=self.walk(value.imag, depth))
        if kind is slice:
            start, stop, step = self._items([value.start, value.stop, value.step], depth)
            return _tag("slice", start=start, stop=stop, step=step)
        if value is ...:
            return _tag("ellipsis")
        if kind is Opaque:
            return value.fields
        return self._rich(value, kind, depth)

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str for key in value) and "__type__" not in value and not has_reordered_key(value):
            return dict(zip(value, self._items(value.values(), depth)))  # noqa: B905 - both are of the same dict
        inside = self._enter(2 * len(value), depth)
        return _tag("dict", pairs=[[self.walk(key, inside), self.walk(item, inside)] for key, item in value.items()])

    def _rich(self, value: Any, kind: type, depth: int) -> Any:
        root = type_name(kind).partition(".")[0]
        if root in ("datetime", "pandas"):
            tag = time_values.tagged(value, kind)
            if tag is not None:
                return _tag(*tag[:1], **tag[1])
        elif root == "decimal" and kind is sys.modules["decimal"].Decimal:
            return _tag("decimal", value=str(value))
        elif root == "numpy":
            plain = array_values.plain(value, kind)
            if type(plain) is tuple:
                dtype, shape, order, data = plain
                return _tag("ndarray", dtype=dtype, shape=shape, order=order, data=self._data(data))
            if plain is not value:
                return self.walk(plain, depth)
        elif kind is Atom:
            text = str.__str__(value)
            return _tag("atom", value=text) if text in self._atoms else text
        elif kind is table_values.ArrowTable:
            return _tag("arrow", library=value.library, data=self._data(table_values.stream(value)))
        return self._ref(value.target if kind is cycles.Closing else value)

    def _ref(self, value: Any) -> dict[str, Any]:
        made = self._made.get(id(value))
        if made is None:
            fields = zip(("id", "type", "repr", "traits"), self._leaf(value), strict=True)
            made = self._made[id(value)] = (value, _tag("ref", **dict(fields)))
        return made[1]


def has_reordered_key(value: dict[str, Any]) -> bool:
    from snakebridge._internal.wire_encode import is_reordered_key

    return any(map(is_reordered_key, value))


def _special(value: float) -> dict[str, Any]:
    return _tag("special_float", value=str(value))


def decimal_text(value: int) -> str:
    """Decimal digits of an int of any size; Python limits \`str\` to 4,300 of them."""
    try:
        return str(value)
    except ValueError:
        from decimal import MAX_EMAX, MAX_PREC, Context, Decimal

        return format(Context(prec=MAX_PREC, Emax=MAX_EMAX).create_decimal(Decimal(value)), "f")


_SPECIAL = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "-0.0": -0.0}


class _Decoder:
    def __init__(self, limits: Limits, find_ref: Callable[[int], Any]) -> None:
        self._limits = limits
        self._find_ref = find_ref
        self._left = limits.max_elements
        self.atom = decodes_to()

    def _enter(self, size: int, depth: int) -> int:
        if depth >= self._limits.max_depth:
            raise LimitProblem("maxDepth", depth + 1, self._limits.max_depth)
        self._left -= size
        if self._left < 0:
            raise LimitProblem("maxElements", self._limits.max_elements - self._left, self._limits.max_elements)
        return depth + 1

    def walk(self, tree: Any, depth: int) -> Any:
        if type(tree) is str:
            tree.encode()
            return tree
        if type(tree) is list:
            return self._items(tree, depth)
        if type(tree) is not dict:
            return tree
        name = tree.get("__type__")
        if name is not None:
            return self._tagged(name, tree, depth)
        inside = self._enter(len(tree), depth)
        return {key: self.walk(value, inside) for key, value in tree.items()}

    def _items(self, tree: Any, depth: int) -> list[Any]:
        if type(tree) is not list:
            raise ValueError("its items are no list")
        inside = self._enter(len(tree), depth)
        return [self.walk(item, inside) for item in tree]

    def _tagged(self, name: Any, tree: dict[str, Any], depth: int) -> Any:
        reader = _TAGS.get(name) if type(name) is str else None
        return Opaque(tree) if reader is None else reader(self, tree, depth)

    def dict_of(self, tree: dict[str, Any], depth: int) -> dict[Any, Any]:
        pairs = tree["pairs"]
        inside = self._enter(2 * len(pairs), depth)
        found = {self.walk(key, inside): self.walk(value, inside) for key, value in pairs}
        check_distinct("keys", len(found), len(pairs))
        return found

    def slice_of(self, tree: dict[str, Any], depth: int) -> slice:
        return slice(*self._items([tree["start"], tree["stop"], tree["step"]], depth))

    def ref_of(self, tree: dict[str, Any], depth: int) -> Any:
        if type(tree["id"]) is not int:
            raise ValueError("a ref's id is no integer")
        return self._find_ref(tree["id"])


def _text(tree: dict[str, Any]) -> str:
    value = tree["value"]
    if type(value) is not str:
        raise ValueError("its value is no text")
    value.encode()
    return value


def _bytes(tree: dict[str, Any]) -> bytes:
    return b64decode(tree["data"], validate=True)


def _int(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or not text.isascii():
        raise ValueError(f"{text:.40} is no integer")
    try:
        return int(text)
    except ValueError:
        from decimal import Decimal

        return int(Decimal(text))


def _set(decoder: _Decoder, tree: dict[str, Any], depth: int) -> set[Any]:
    items = decoder._items(tree["items"], depth)
    value = set(items)
    check_distinct("items", len(value), len(items))
    return value


def _number(decoder: _Decoder, tree: Any, depth: int) -> float:
    value = decoder.walk(tree, depth)
    if type(value) is not float and type(value) is not int:
        raise ValueError("a part of a complex is no number")
    return value


_TAGS: dict[str, Callable[[_Decoder, dict[str, Any], int], Any]] = {
    "int": lambda decoder, tree, depth: _int(_text(tree)),
    "float": lambda decoder, tree, depth: float(_text(tree)),
    "special_float": lambda decoder, tree, depth: _SPECIAL[_text(tree)],
    "atom": lambda decoder, tree, depth: decoder.atom(_text(tree)),
    "bytes": lambda decoder, tree, depth: _bytes(tree),
    "tuple": lambda decoder, tree, depth: tuple(decoder._items(tree["items"], depth)),
    "set": _set,
    "frozenset": lambda decoder, tree, depth: frozenset(_set(decoder, tree, depth)),
    "dict": _Decoder.dict_of,
    "complex": lambda decoder, tree, depth: complex(
        _number(decoder, tree["real"], depth), _number(decoder, tree["imag"], depth)
    ),
    "datetime": lambda decoder, tree, depth: time_values.parse_datetime(_text(tree)),
    "date": lambda decoder, tree, depth: time_values.parse_date(_text(tree)),
    "time": lambda decoder, tree, depth: time_values.parse_time(_text(tree)),
    "timedelta": lambda decoder, tree, depth: time_values.make_timedelta(
        tree["days"], tree["seconds"], tree["microseconds"]
    ),
    "decimal": lambda decoder, tree, depth: parse_decimal(_text(tree)),
    "ndarray": lambda decoder, tree, depth: array_values.make_array(
        tree["dtype"], tree["shape"], tree["order"], memoryview(bytearray(_bytes(tree)))
    ),
    "ref": _Decoder.ref_of,
    "slice": _Decoder.slice_of,
    "ellipsis": lambda decoder, tree, depth: ...,
    "arrow": lambda decoder, tree, depth: table_values.make_table(tree["library"], memoryview(_bytes(tree))),
}
`,
  },
  {
    name: "snakebridge._internal.tasks",
    isPackage: false,
    source: `# Coroutines (proto/PROTOCOL.md 3.6). A call that gives one is announced as a task and answered when that ends; the
# worker takes further calls meanwhile. The event loop is made when first needed and runs where the worker would wait
# for data. Calls do not run inside of it, because what they call may start a loop of its own.
from __future__ import annotations

import asyncio
from _collections_abc import Coroutine
from _functools import partial  # type: ignore[import-not-found]

from snakebridge._internal import lifeline
from snakebridge._internal.answers import SILENT
from snakebridge._internal.problems import Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BytesIO
    from typing import Any

    from snakebridge._internal.progress import Progress
    from snakebridge._internal.worker import Worker

AWAITING = 19


class Stop(Exception):  # noqa: N818 - it carries an exception past the event loop
    """\`SystemExit\` and its kin, which would end the event loop and not only the task."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Steps(Coroutine):  # type: ignore[type-arg]
    """A coroutine of which each step counts as running the call, so that an interrupt reaches it."""

    def __init__(self, progress: Progress, call: int, inner: Any) -> None:
        self._progress = progress
        self._call = call
        self._inner = inner

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._inner.throw, *error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        progress = self._progress
        before = progress.running
        try:
            progress.running = self._call
            return step(*args)
        except (SystemExit, KeyboardInterrupt) as error:
            raise Stop(error) from None
        finally:
            progress.running = before


async def await_it(awaitable: Any) -> Any:
    """A coroutine of anything that can be awaited."""
    return await awaitable


class Tasks:
    """The event loop of the worker, and the calls that have become tasks of it."""

    def __init__(self, worker: Worker) -> None:
        from snakebridge._internal.worker import AWAITED

        AWAITED.update((asyncio.Future, asyncio.Task))
        self._worker = worker
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._live: dict[int, asyncio.Task[Any]] = {}
        # Calls that use the result of a task: message, and its frame where arguments have to be decoded again.
        self._put_off: dict[int, list[tuple[list[Any], bytearray | None, Sequence[BytesIO]]]] = {}
        self._ready: list[tuple[list[Any], bytearray | None, Sequence[BytesIO]]] = []
        # Calls that the host has cancelled: those on their way to becoming tasks, and all.
        self._early: set[int] = set()
        self._cancelled: set[int] = set()
        self._has_data = False
        self._is_watching = False

    @property
    def may_run(self) -> bool:
        """Whether the loop has something to do, and is not running below this code."""
        return self._is_watching and not self._loop.is_running()

    def announce(self, call: int) -> None:
        """Lets a call be cancelled while it is on its way to becoming a task."""
        self._worker.progress.tasks[call] = partial(self._early.add, call)

    def start(self, message: list[Any], awaitable: Any) -> None:
        """Makes a task of what a call gave."""
        worker = self._worker
        call = message[2]
        if self._loop.is_running():
            # The call belongs to a callback that a task made: the loop stands still below us until it is answered.
            worker.progress.tasks.pop(call, None)
            return worker.finish(message, partial(run_apart, awaitable))
        worker.refs.pending.add(call)
        self._tell(message)
        inner = awaitable if asyncio.iscoroutine(awaitable) else await_it(awaitable)
        task = self._loop.create_task(Steps(worker.progress, call, inner))
        self._live[call] = task
        worker.progress.tasks[call] = partial(self._cancel, call, task)
        if call in self._early:
            self._early.discard(call)
            self._cancel(call, task)
        task.add_done_callback(partial(self._on_done, message))
        self._watch()
        return None

    def _cancel(self, call: int, task: asyncio.Task[Any]) -> None:
        # On whichever thread the host is heard.
        self._cancelled.add(call)
        self._loop.call_soon_threadsafe(task.cancel)

    def put_off(self, message: list[Any], body: bytearray | None, buffers: Sequence[BytesIO], ref: int) -> None:
        """Keeps a call until the task whose result it uses has ended."""
        worker = self._worker
        call = message[2]
        if call not in worker.refs.pending:
            worker.refs.pending.add(call)
            self._tell(message)
        worker.progress.hold(call)
        worker.progress.tasks[call] = partial(self._loop.call_soon_threadsafe, self._cancel_put_off, call, ref)
        self._put_off.setdefault(ref, []).append((message, body, buffers))

    def _tell(self, message: list[Any]) -> None:
        # What is announced is answered, whatever was asked for: the answers before it no longer tell.
        message[9] &= ~SILENT
        self._worker.send(self._worker.codec.pack([AWAITING, message[2]]))

    def wait(self) -> bool:
        """Runs the loop until there is data to read; false when it stopped for something else."""
        if self._loop.is_running():
            return True
        self._has_data = False
        self._loop.run_forever()
        ready, self._ready = self._ready, []
        for message, body, buffers in ready:
            self._run_again(message, body, buffers)
        if not self._live and not self._ready and not asyncio.all_tasks(self._loop):
            self._unwatch()
        return self._has_data

    def wait_for_data(self) -> None:
        """Runs the loop until there is data to read, or nothing left to run."""
        while self.may_run and not self.wait():
            pass

    def close(self) -> None:
        """Cancels what is left and closes the loop, as \`asyncio.run\` does."""
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _watch(self) -> None:
        if not self._is_watching:
            self._is_watching = True
            self._loop.add_reader(lifeline.DATA, self._on_data)
            self._worker.reader.wait = self.wait_for_data
            self._worker.progress.nudge = partial(self._loop.call_soon_threadsafe, self._loop.stop)

    def _unwatch(self) -> None:
        self._is_watching = False
        self._loop.remove_reader(lifeline.DATA)
        self._worker.reader.wait = None
        self._worker.progress.nudge = None

    def _on_data(self) -> None:
        self._has_data = True
        self._loop.stop()

    def _on_done(self, message: list[Any], task: asyncio.Task[Any]) -> None:
        call = message[2]
        self._live.pop(call, None)
        is_cancelled = call in self._cancelled
        self._cancelled.discard(call)
        self._worker.finish(message, partial(result_of, task, is_cancelled))
        self.settle(call)
        # The loop is left where nobody needs it, and where a call is ready that must run outside of it.
        if self._ready or not self._live:
            self._loop.stop()

    def settle(self, call: int) -> None:
        """Readies what waited for \`call\`, which has been answered."""
        self._worker.progress.tasks.pop(call, None)
        self._worker.refs.pending.discard(call)
        self._ready += self._put_off.pop(call, ())

    def _cancel_put_off(self, call: int, ref: int) -> None:
        waiting = self._put_off.get(ref, [])
        for index, (message, _, _) in enumerate(waiting):
            if message[2] == call:
                del waiting[index]
                self._worker.progress.start(call)
                self._worker.fail(message, Interrupted(call), self._worker.refs.last_own)
                self.settle(call)
                self._loop.stop()
                return

    def _run_again(self, message: list[Any], body: bytearray | None, buffers: Sequence[BytesIO]) -> None:
        worker = self._worker
        call = message[2]
        # It is a call like any other from here on; what it gives may be a task again.
        worker.progress.tasks.pop(call, None)
        worker.progress.start(call)
        if body is not None:
            flags = message[9]
            again = worker.receive(body, buffers)
            if again is None:
                if call not in worker.progress.tasks:
                    self.settle(call)
                return
            message = again
            message[9] = flags
        worker.run_call(message)
        if call not in worker.progress.tasks:
            self.settle(call)


def result_of(task: asyncio.Task[Any], is_cancelled: bool) -> Any:
    """What a task gave.

    Raises:
        BaseException: What it raised; an interrupt where the host had it cancelled.
    """
    if task.cancelled():
        raise Interrupted if is_cancelled else asyncio.CancelledError
    error = task.exception()
    if error is None:
        return task.result()
    raise error.error if type(error) is Stop else error


def run_apart(awaitable: Any) -> Any:
    """Waits for an awaitable in an event loop of another thread, where the one of this thread stands still."""
    from threading import Thread

    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(await_it(awaitable)))
        except BaseException as error:
            outcome.append(error)
            outcome.append(None)

    thread = Thread(target=run, name="snakebridge-coroutine")
    thread.start()
    thread.join()
    if len(outcome) == 2:
        raise outcome[0]
    return outcome[0]
`,
  },
  {
    name: "snakebridge._internal.time_values",
    isPackage: false,
    source: `# Time values of proto/PROTOCOL.md 5.2, both ways. Loaded when the first one appears.
from __future__ import annotations

import datetime
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.wire_encode import Handler, WireEncoder

_MINUTE = datetime.timedelta(minutes=1)
_TIME = r"(\\d\\d):(\\d\\d)(?::(\\d\\d)(?:\\.(\\d{1,9}))?)?"
_DATETIME = re.compile(
    rf"(\\d{{4}}-\\d\\d-\\d\\d)T{_TIME}(?:(Z)|([+-])(\\d\\d):(\\d\\d))?(?:\\[([A-Za-z0-9._+/~-]+)\\])?", re.ASCII
)
_DATE = re.compile(r"\\d{4}-\\d\\d-\\d\\d", re.ASCII)
_TIME_ONLY = re.compile(_TIME, re.ASCII)


def handler_of(kind: type) -> Handler | None:
    """The handler of an exact type of the datetime module."""
    handlers: dict[type, Handler] = {
        datetime.datetime: _datetime,
        datetime.date: _date,
        datetime.time: _time,
        datetime.timedelta: _timedelta,
    }
    return handlers.get(kind)


def pandas_handler_of(kind: type) -> Handler | None:
    """The handler of \`pandas.Timestamp\`."""
    return _timestamp if kind is getattr(sys.modules.get("pandas"), "Timestamp", None) else None


def clock_text(value: datetime.datetime | datetime.time) -> str:
    """The time of day, with no fraction or six digits of one, as Python writes it."""
    text = f"{value.hour:02}:{value.minute:02}:{value.second:02}"
    return f"{text}.{value.microsecond:06}" if value.microsecond else text


def tagged(value: Any, kind: type) -> tuple[str, dict[str, Any]] | None:
    """Name and fields of the JSON tag of a time value; None where it has no encoding."""
    if kind is datetime.date:
        return "date", {"value": date_text(value)}
    if kind is datetime.time:
        return None if value.tzinfo is not None else ("time", {"value": clock_text(value)})
    if kind is datetime.timedelta:
        return "timedelta", {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    if kind is datetime.datetime or pandas_handler_of(kind) is not None:
        text = None if getattr(value, "nanosecond", 0) else datetime_text(value)
        return None if text is None else ("datetime", {"value": text})
    return None


def date_text(value: datetime.date) -> str:
    """ISO text of a date."""
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def _datetime(encoder: WireEncoder, value: datetime.datetime, depth: int) -> Any:
    text = datetime_text(value)
    return encoder.leaf(value, depth) if text is None else encoder.text_ext(8, text)


def datetime_text(value: datetime.datetime) -> str | None:
    """The RFC 9557 text of a datetime; None where its offset has seconds."""
    text = f"{date_text(value)}T{clock_text(value)}"
    zone = value.tzinfo
    offset = None if zone is None else value.utcoffset()
    if offset is None:
        return text
    minutes, rest = divmod(offset, _MINUTE)
    if rest:
        return None
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    return f"{text}{sign}{hours:02}:{minutes:02}" + (f"[{name}]" if type(name) is str else "")


def _timestamp(encoder: WireEncoder, value: Any, depth: int) -> Any:
    text = None if value.nanosecond else datetime_text(value)
    return encoder.leaf(value, depth) if text is None else encoder.text_ext(8, text)


def _date(encoder: WireEncoder, value: datetime.date, depth: int) -> Any:
    return encoder.text_ext(9, date_text(value))


def _time(encoder: WireEncoder, value: datetime.time, depth: int) -> Any:
    return encoder.leaf(value, depth) if value.tzinfo is not None else encoder.text_ext(10, clock_text(value))


def _timedelta(encoder: WireEncoder, value: datetime.timedelta, depth: int) -> Any:
    return encoder.fields(11, [value.days, value.seconds, value.microseconds], depth)


def parse_date(text: str) -> datetime.date:
    """Reads an ISO date."""
    if _DATE.fullmatch(text) is None:
        raise ValueError(f"{text:.40} is no date")
    return datetime.date.fromisoformat(text)


def parse_time(text: str) -> datetime.time:
    """Reads an ISO time of day."""
    match = _TIME_ONLY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text:.40} is no time")
    return datetime.time(*_clock(*match.groups()))


def _clock(hour: str, minute: str, second: str | None, fraction: str | None) -> tuple[int, int, int, int]:
    digits = (fraction or "").ljust(9, "0")
    if digits[6:] != "000":
        raise ValueError("Python has no time finer than a microsecond")
    return int(hour), int(minute), int(second or 0), int(digits[:6])


def parse_datetime(text: str) -> datetime.datetime:
    """Reads RFC 9557 text; the offset decides between the two readings of a repeated hour."""
    match = _DATETIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text:.80} is no datetime")
    day, hour, minute, second, fraction, utc, sign, off_hours, off_minutes, name = match.groups()
    naive = datetime.datetime.combine(parse_date(day), datetime.time(*_clock(hour, minute, second, fraction)))
    offset: datetime.timedelta | None = None
    if utc:
        offset = datetime.timedelta()
    elif sign:
        offset = datetime.timedelta(hours=int(off_hours), minutes=int(off_minutes))
        offset = -offset if sign == "-" else offset
    if name is None:
        return naive if offset is None else naive.replace(tzinfo=datetime.timezone(offset))
    if offset is None:
        raise ValueError(f"{text:.80} has a zone and no offset")
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(name)
    for fold in (0, 1):
        local = naive.replace(tzinfo=zone, fold=fold)
        if local.utcoffset() == offset:
            return local
    # The two sides know different rules for the zone: the instant counts, not the reading of the clock.
    return naive.replace(tzinfo=datetime.timezone(offset)).astimezone(zone)


def make_timedelta(days: int, seconds: int, microseconds: int) -> datetime.timedelta:
    """Builds a timedelta from its three whole parts."""
    if not type(days) is type(seconds) is type(microseconds) is int:
        raise ValueError("a part of a timedelta is no integer")
    return datetime.timedelta(days=days, seconds=seconds, microseconds=microseconds)
`,
  },
  {
    name: "snakebridge._internal.wire_decode",
    isPackage: false,
    source: `# From extension values to Python values (proto/PROTOCOL.md 5.2). Codecs call the hook while they decode, so arguments
# need no second walk. The hook cannot raise without losing the id of the call, so it notes the first problem instead.
from __future__ import annotations

from _struct import unpack as struct_unpack
from gc import get_referents

from snakebridge._internal.codecs import is_cpython
from snakebridge._internal.packing import Ext
from snakebridge._internal.problems import LimitProblem, Problem, ValueProblem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BytesIO
    from typing import Any

    from snakebridge._internal.codecs import Codec
    from snakebridge._internal.limits import Limits
    from snakebridge._internal.refs import RefTable

    Reader = Callable[["WireDecoder", memoryview], Any]

# Bytes that start an array or a map. A body holds no more containers than such bytes, which C counts.
_CONTAINER_HEADS = bytes((*range(0x80, 0xA0), *range(0xDC, 0xE0)))


class WireDecoder:
    """Decodes bodies; one for each conversation."""

    def __init__(self, limits: Limits, refs: RefTable) -> None:
        self.codec: Codec
        self.limits = limits
        self.refs = refs
        self.buffers: Sequence[BytesIO] = ()
        self.problem: Problem | None = None
        self.used: list[int] = []
        # Ids of containers in the tree that are not of its own: what refs stand for, which may be cyclic, and dicts
        # made of pairs, whose keys may be anything.
        self.foreign: set[int] = set()
        self._inside = 0
        self._is_large = False
        self._count = 0
        # Whether an extension value was met since the state above was reset.
        self._touched = False
        # Makes the callable that stands for a function of the host.
        self.functions: Callable[[list[Any]], Any] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an extension value is being decoded right now."""
        return self._inside > 0

    def decode(self, body: bytearray, buffers: Sequence[BytesIO]) -> Any:
        """Decodes one message; what went wrong inside a value is left in \`problem\`, refs it names in \`used\`.

        Raises:
            LimitProblem: If it is nested too deep or has too many values.
            Exception: Whatever the codec raises for bytes that are no MessagePack.
        """
        self.buffers = buffers
        if self._touched:
            self._reset()
        try:
            # A short message can be neither too deep nor too large.
            if len(body) <= self.limits.small_body:
                self._is_large = False
                return self.codec.unpack(body)
            return self._decode(body)
        except RecursionError:
            pass
        self.problem = None
        self.used = []
        self._inside = 0
        try:
            return self.limits.run_deep(self._decode, body)
        except RecursionError:
            raise LimitProblem("maxDepth", None, self.limits.max_depth) from None

    def decode_short(self, count: int, frames: bytes | bytearray) -> list[Any] | None:
        """Decodes frames of \`FrameReader.take_short\` in one go; None where one of them needs a closer look.

        An extension value may name the result of a call in front of it, which has not run, so it must wait.
        """
        if self.codec.is_slow:
            return None
        if self._touched:
            self._reset()
        try:
            items: list[Any] = self.codec.unpack(_ARRAY32 + (9 * count).to_bytes(4, "big") + frames)
        except Exception:
            # Each is answered, or refused, on its own.
            return None
        return None if self._touched else items[8::9]

    def _reset(self) -> None:
        self._touched = False
        self.problem = None
        self.used = []
        self._inside = 0
        self.foreign = set()

    def _decode(self, body: bytearray) -> Any:
        limits = self.limits
        size = len(body)
        # No message has more values than bytes, or more containers than bytes that start one: small ones need no look.
        self._is_large = size > limits.max_elements or (
            size > limits.max_depth and size - len(body.translate(None, _CONTAINER_HEADS)) > limits.max_depth
        )
        self._count = 0
        message = self._unpack(body)
        if self._is_large:
            if self._touched or not is_cpython:
                self._check_size(message, 0)
            else:
                self._check_plain(message)
        return message

    def _check_plain(self, message: Any) -> None:
        """Checks a tree of lists, dicts and plain values, level by level: the collector gives those without a loop."""
        limits = self.limits
        level = [message]
        depth = count = 0
        while level:
            if depth >= limits.max_depth and not _CONTAINERS.isdisjoint(map(type, level)):
                raise LimitProblem("maxDepth", depth + 1, limits.max_depth)
            level = get_referents(*level)
            depth += 1
            count += len(level)
            if count > limits.max_elements:
                raise LimitProblem("maxElements", count, limits.max_elements)

    def _check_size(self, root: Any, depth: int) -> None:
        limits = self.limits
        level = [root] if type(root) in _CONTAINERS and id(root) not in self.foreign else []
        while level:
            depth += 1
            if depth > limits.max_depth:
                raise LimitProblem("maxDepth", depth, limits.max_depth)
            self._count += sum(map(len, level))
            if self._count > limits.max_elements:
                raise LimitProblem("maxElements", self._count, limits.max_elements)
            level = [
                item
                for parent in level
                for item in (parent.values() if type(parent) is dict else parent)
                if type(item) in _CONTAINERS and id(item) not in self.foreign
            ]

    def hook(self, code: int, data: memoryview) -> Any:
        """Turns one extension value into what it stands for."""
        self._touched = True
        reader = READERS.get(code)
        if reader is None:
            return Ext(code, bytes(data))
        self._inside += 1
        try:
            if self._inside > self.limits.max_depth:
                raise LimitProblem("maxDepth", self._inside, self.limits.max_depth)
            return reader(self, data)
        except Problem as problem:
            self._note(problem)
        except RecursionError:
            raise
        except Exception as error:
            self._note(bad_value(f"no {NAMES.get(code, 'value')} can be made of it: {error}"))
        finally:
            self._inside -= 1
        return None

    def _note(self, problem: Problem) -> None:
        if self.problem is None:
            self.problem = problem

    def unpack(self, data: memoryview) -> Any:
        """Decodes the MessagePack inside an extension value."""
        body = bytes(data)
        value = self._unpack(body)
        if self._is_large:
            self._check_size(value, self._inside)
        return value

    def _unpack(self, body: bytes | bytearray) -> Any:
        return self.codec.unpack_nested(body, self._inside) if self._inside else self.codec.unpack(body)

    def array(self, data: memoryview, size: int | None = None) -> list[Any]:
        """Decodes a payload that must be an array, of that many items."""
        items = self.unpack(data)
        if type(items) is not list or (size is not None and len(items) < size):
            raise ValueError("its payload has another shape")
        return items if size is None else items[:size]


NAMES = {
    3: "tuple",
    4: "set",
    5: "frozenset",
    6: "dict",
    8: "datetime",
    9: "date",
    10: "time",
    11: "timedelta",
    12: "Decimal",
    14: "array",
    16: "function",
    17: "slice",
    19: "table",
}
_CONTAINERS = frozenset((list, dict))
_ARRAY32 = b"\\xdd"


def bad_value(text: str) -> ValueProblem:
    return ValueProblem(f"Cannot decode value: {text:.200}", "")


def _int(decoder: WireDecoder, data: memoryview) -> int:
    if not len(data):
        raise ValueError("no bytes")
    return int.from_bytes(data, "big", signed=True)


def _timestamp(decoder: WireDecoder, data: memoryview) -> Any:
    """MessagePack's own time, which fast libraries decode before they ask anybody."""
    from datetime import datetime, timedelta, timezone

    size = len(data)
    if size == 12:
        nanoseconds, seconds = struct_unpack(">Iq", data)
    elif size == 8:
        word = int.from_bytes(data, "big")
        nanoseconds, seconds = word >> 34, word & (1 << 34) - 1
    elif size == 4:
        nanoseconds, seconds = 0, int.from_bytes(data, "big")
    else:
        raise ValueError("a timestamp has 4, 8 or 12 bytes")
    if nanoseconds > 999_999_999:
        raise ValueError("the nanoseconds of a timestamp are less than a second")
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return start + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


def _complex(decoder: WireDecoder, data: memoryview) -> complex:
    return complex(*struct_unpack(">dd", data))


def _pairs(decoder: WireDecoder, data: memoryview) -> dict[Any, Any]:
    pairs = decoder.array(data)
    value = {key: item for key, item in pairs}  # noqa: C416 - a pair of another length must fail
    check_distinct("keys", len(value), len(pairs))
    decoder.foreign.add(id(value))
    return value


def _set(decoder: WireDecoder, data: memoryview) -> set[Any]:
    items = decoder.array(data)
    value = set(items)
    check_distinct("items", len(value), len(items))
    return value


def check_distinct(what: str, count: int, given: int) -> None:
    """Refuses what would lose a part in silence: to Python 1, 1.0 and True are one, and so are equal tuples.

    Raises:
        ValueError: If there are fewer than were given.
    """
    if count != given:
        raise ValueError(f"of its {given} {what} {given - count} equal others in Python, as true equals 1")


def _buffer(decoder: WireDecoder, data: memoryview) -> bytes:
    return buffer_at(decoder, decoder.unpack(data)).getvalue()


def buffer_at(decoder: WireDecoder, index: object) -> BytesIO:
    """The frame buffer of that index."""
    if type(index) is not int or not 0 <= index < len(decoder.buffers):
        raise ValueError("the frame has no such buffer")
    return decoder.buffers[index]


def _ref(decoder: WireDecoder, data: memoryview) -> Any:
    ref = decoder.array(data)[0]
    if type(ref) is not int:
        raise ValueError("its id is no integer")
    decoder.used.append(ref)
    # The session stands in the same message, which is not decoded yet: the caller checks it for all in \`used\`.
    entry = decoder.refs.entries.get(ref)
    if entry is None:
        return None
    decoder.foreign.add(id(entry[1]))
    return entry[1]


def _function(decoder: WireDecoder, data: memoryview) -> Any:
    if decoder.functions is None:
        raise ValueError("functions of the host cannot be used here")
    return decoder.functions(decoder.array(data, 4))


def _datetime(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.parse_datetime(str(data, "utf-8"))


def _date(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.parse_date(str(data, "utf-8"))


def _time(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.parse_time(str(data, "utf-8"))


def _timedelta(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.make_timedelta(*decoder.array(data, 3))


def _decimal(decoder: WireDecoder, data: memoryview) -> Any:
    return parse_decimal(str(data, "utf-8"))


def parse_decimal(text: str) -> Any:
    """Reads a decimal number; Python would also take spaces, underscores and other digits."""
    from decimal import Decimal, InvalidOperation

    try:
        if text.isascii() and "_" not in text and text.strip() == text:
            return Decimal(text)
    except InvalidOperation:
        pass
    raise ValueError(f"{text:.80} is no decimal number")


def _ndarray(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import array_values

    dtype, shape, order, content = _with_data(decoder, data, 4)
    return array_values.make_array(dtype, shape, order, content)


def _table(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import table_values

    library, content = _with_data(decoder, data, 2)
    return table_values.make_table(library, content)


def _with_data(decoder: WireDecoder, data: memoryview, size: int) -> list[Any]:
    """The fields of a payload whose last one is raw data, which stays in its frame buffer: as a writable view."""
    items = decoder.codec.unpack_raw(data)
    if type(items) is not list or len(items) < size:
        raise ValueError("its payload has another shape")
    del items[size:]
    content = items[-1]
    if type(content) is Ext and content.code == 13:
        items[-1] = buffer_at(decoder, decoder.unpack(memoryview(content.data))).getbuffer()
    elif type(content) is bytes:
        items[-1] = memoryview(bytearray(content))
    else:
        raise ValueError("its data are no bytes")
    return items


def _slice(decoder: WireDecoder, data: memoryview) -> slice:
    return slice(*decoder.array(data, 3))


def _ellipsis(decoder: WireDecoder, data: memoryview) -> Any:
    if len(data):
        raise ValueError("an ellipsis has no payload")
    return ...


READERS: dict[int, Reader] = {
    -1: _timestamp,
    1: _int,
    2: lambda decoder, data: struct_unpack(">d", data)[0],
    3: lambda decoder, data: tuple(decoder.array(data)),
    4: _set,
    5: lambda decoder, data: frozenset(_set(decoder, data)),
    6: _pairs,
    7: _complex,
    8: _datetime,
    9: _date,
    10: _time,
    11: _timedelta,
    12: _decimal,
    13: _buffer,
    14: _ndarray,
    15: _ref,
    16: _function,
    17: _slice,
    18: _ellipsis,
    19: _table,
}
`,
  },
  {
    name: "snakebridge._internal.wire_encode",
    isPackage: false,
    source: `# From Python values to trees that any MessagePack library encodes the same way (proto/PROTOCOL.md 5). The walk is in
# Python, so lists and dicts of plain values are recognised by their sets of types, which C computes, and passed as
# they are. Time, numbers of numpy and tables have files of their own, loaded when such a value first appears.
from __future__ import annotations

import sys
from _struct import pack as struct_pack

from snakebridge._internal.limits import MAX_BUFFERS, SAFE_INT
from snakebridge._internal.packing import Ext
from snakebridge._internal.problems import LimitProblem, ValueProblem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snakebridge._internal.codecs import Codec
    from snakebridge._internal.limits import Limits
    from snakebridge._internal.refs import RefTable

    Handler = Callable[["WireEncoder", Any, int], Any]

AUTO = 0
VALUE = 1
BUFFER_BYTES = 4_096
MAX_KNOWN_KEYS = 4_096
# What the texts of all refs in one message may take; those beyond have none.
REPRS_S = 0.25
# From so many items on a container is looked at as a whole first.
BULK_ITEMS = 16

_NONE = type(None)
_ATOMS = frozenset((str, float, bool, _NONE))
_ATOMS_AND_INT = _ATOMS | {int}
_ONLY_STR = {str}
_NOTHING = ("", object())


class WireEncoder:
    """Encodes results; one for each conversation, reset for each message."""

    def __init__(self, codec: Codec, limits: Limits, refs: RefTable) -> None:
        self.codec = codec
        self.limits = limits
        self.refs = refs
        self.call = 0
        self.session = ""
        self.mode = AUTO
        self.buffers: list[memoryview] = []
        # Whether large containers of plain values may go to the codec as they are.
        self.takes_trees = False
        self.elements_left = 0
        self.bytes_left = 0
        # Refs made for this message, by \`id\` of their object: what is met twice is one ref.
        self._made: dict[int, tuple[int, list[Any]]] = {}
        # Keys seen to be no integers and not \`__proto__\`, so that records repeat the check in C.
        self._known_keys: set[str] = set()

    def begin(self, call: int, session: str, mode: int) -> None:
        """Resets what belongs to one message."""
        self.call = call
        self.session = session
        self.mode = mode
        self.buffers = []
        self.takes_trees = self.codec.takes_trees
        self.refs.mark = self.refs.last_own
        # The message and its three items are values of their own.
        self.elements_left = self.limits.max_elements - 4
        self.bytes_left = self.limits.max_frame_bytes
        if self._made:
            self._made = {}

    def encode(self, value: Any, depth: int = 1) -> Any:
        """Turns a value inside \`depth\` containers into a plain tree.

        Raises:
            ValueProblem: If something in it has no encoding.
            LimitProblem: If it is too deep or too large, or contains itself where a value was asked for.
        """
        last_own, buffers = self.refs.last_own, len(self.buffers)
        elements, size = self.elements_left, self.bytes_left
        try:
            return self.walk(value, depth)
        except (RecursionError, LimitProblem) as problem:
            return self._again(problem, value, depth, (last_own, buffers, elements, size))

    def each(self, values: list[Any], depth: int, *, as_refs: bool, apart: bool) -> tuple[list[Any], bool]:
        """Encodes the items of a batch, inside \`depth\` containers.

        Each item has a life of its own at the host, which may give it back before it looks at the next one. So an
        object in two of them is two refs.

        Args:
            values: The items.
            depth: How many containers they are in, the list not counted.
            as_refs: Whether to make a ref of each.
            apart: Whether to expect refs. Items without any are encoded much faster together.

        Returns:
            The encoded items, and whether there are refs among them.
        """
        if not as_refs and not apart:
            before = (self.refs.last_own, len(self.buffers), self.elements_left, self.bytes_left)
            self._made = {}
            tree: list[Any] = self.encode(values, depth)
            if not self._made or len(values) == 1:
                return tree, bool(self._made)
            self._undo(*before)
        inside = self.enter(len(values), depth)
        tree = []
        for value in values:
            self._made = {}
            tree.append(self.ref(value, inside) if as_refs else self.encode(value, inside))
        return tree, True

    def _again(self, problem: Exception, value: Any, depth: int, before: tuple[int, int, int, int]) -> Any:
        """Walks deeper what met Python's limit, and without its cycles what met one of ours."""
        if isinstance(problem, RecursionError):
            try:
                return self._deep(value, depth, before)
            except LimitProblem as met:
                problem = met
        # A walk without end may meet any limit first.
        from snakebridge._internal import cycles

        if self.mode == VALUE:
            raise LimitProblem("cycle", None, None) if cycles.has_cycle(value) else problem
        finite = cycles.cut(value, self.limits.max_elements)
        if finite is value:
            raise problem
        HANDLERS[cycles.Closing] = _closing
        return self._deep(finite, depth, before)

    def _deep(self, value: Any, depth: int, before: tuple[int, int, int, int]) -> Any:
        self._undo(*before)
        return self.limits.run_deep(self.walk, value, depth)

    def _undo(self, last_own: int, buffers: int, elements: int, size: int) -> None:
        """Takes back what a walk did, so that another can begin."""
        self.refs.undo(last_own)
        del self.buffers[buffers:]
        self.elements_left, self.bytes_left = elements, size

    def walk(self, value: Any, depth: int) -> Any:
        """Encodes one value inside \`depth\` containers, the message being the first."""
        kind = type(value)
        if kind is str:
            self.spend(len(value))
            return value
        if kind is int:
            return value if -SAFE_INT <= value <= SAFE_INT else self.big_int(value)
        if kind in _ATOMS:
            return value
        handler = HANDLERS.get(kind)
        if handler is None:
            handler = find_handler(kind, self.mode)
        if handler is None:
            return self.leaf(value, depth)
        return handler(self, value, depth)

    def spend(self, size: int) -> None:
        """Counts bytes that the frame will at least have, before they are made."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            limit = self.limits.max_frame_bytes
            raise LimitProblem("maxFrameBytes", limit - self.bytes_left, limit)

    def check_bytes(self, size: int) -> None:
        """Refuses bytes that will not fit, before they are copied."""
        if size > self.bytes_left:
            self.spend(size)

    def enter(self, size: int, depth: int) -> int:
        """Counts a container of \`size\` values and returns the depth inside."""
        if depth >= self.limits.max_depth:
            raise LimitProblem("maxDepth", depth + 1, self.limits.max_depth)
        self.elements_left -= size
        if self.elements_left < 0:
            limit = self.limits.max_elements
            raise LimitProblem("maxElements", limit - self.elements_left, limit)
        return depth + 1

    def ext(self, code: int, payload: Any) -> Any:
        """An extension value whose payload is MessagePack."""
        try:
            return self.codec.ext(code, self.codec.pack(payload))
        except UnicodeEncodeError:
            from snakebridge._internal.surrogates import surrogate_problem

            raise surrogate_problem(payload) from None

    def fields(self, code: int, payload: list[Any], depth: int) -> Any:
        """An extension value whose payload is an array of plain fields."""
        self.enter(len(payload), depth)
        return self.ext(code, payload)

    def text_ext(self, code: int, text: str) -> Any:
        """An extension value whose payload is bare text."""
        return self.codec.ext(code, text.encode())

    def big_int(self, value: int) -> Any:
        self.spend(value.bit_length() // 8)
        size = (value if value >= 0 else ~value).bit_length() // 8 + 1
        return self.codec.ext(1, value.to_bytes(size, "big", signed=True))

    def data(self, view: memoryview) -> Any:
        """Raw bytes: inside the body when few, as a frame buffer otherwise. Takes a flat view of bytes."""
        size = len(view)
        self.spend(size)
        if size < BUFFER_BYTES:
            return bytes(view)
        if len(self.buffers) == MAX_BUFFERS:
            return bytes(view)
        self.buffers.append(view)
        return self.ext(13, len(self.buffers) - 1)

    def bulk(self, value: Any, items: Any, inside: int) -> Any:
        """Encodes a large container at once if it holds nothing but plain values; else gives None and does nothing.

        A walk in Python costs thirty times what the library needs; what this looks at costs about twice as much.
        """
        from snakebridge._internal.plain_values import Tangled, measure

        try:
            found = measure(items, self.limits.max_depth - inside, self.elements_left + len(items))
        except RuntimeError:  # another thread changed a dict
            return None
        except Tangled:
            # Every container on the way would find the same again.
            self.takes_trees = False
            return None
        if found is None:
            return None
        count, size = found
        # Its own items are counted already. What is beyond a limit is left to the walk, which says where.
        if count - len(items) > self.elements_left or size > self.bytes_left:
            return None
        try:
            data = self.codec.pack(value)
        except (OverflowError, RecursionError, UnicodeEncodeError):
            return None
        self.elements_left -= count - len(items)
        self.spend(len(data))
        return self.codec.encoded(data)

    def items(self, values: list[Any] | tuple[Any, ...], depth: int) -> Any:
        """The items of a sequence, as a list the codec takes."""
        inside = self.enter(len(values), depth)
        if len(values) >= BULK_ITEMS and self.takes_trees:
            encoded = self.bulk(values, values, inside)
            if encoded is not None:
                return encoded
        kinds = set(map(type, values))
        if kinds <= _ATOMS_AND_INT and (int not in kinds or self._ints_fit(values, kinds)):
            if str in kinds:
                self.spend(sum(map(len, values)) if len(kinds) == 1 else 0)
            return values if type(values) is list else list(values)
        out: list[Any] = []
        append = out.append
        walk = self.walk
        try:
            # A copy, here and for dicts below: another thread may change the container, or let it grow without end.
            for value in list(values):
                append(walk(value, inside))
        except ValueProblem as problem:
            problem.steps.append(f"[{len(out)}]")
            raise
        return out

    def _ints_fit(self, values: Any, kinds: set[type]) -> bool:
        if len(kinds) > 1:
            values = [value for value in values if type(value) is int]
        return bool(min(values) >= -SAFE_INT and max(values) <= SAFE_INT)

    def mapping(self, value: dict[Any, Any], depth: int) -> Any:
        """A dict: a map where host and Python agree on its keys, pairs otherwise."""
        if set(map(type, value)) <= _ONLY_STR and (value.keys() <= self._known_keys or self._learn_keys(value)):
            inside = self.enter(len(value), depth)
            values = value.values()
            if len(value) >= BULK_ITEMS and self.takes_trees:
                encoded = self.bulk(value, list(values), inside)
                if encoded is not None:
                    return encoded
            self.spend(sum(map(len, value)))
            kinds = set(map(type, values))
            if kinds <= _ATOMS and str not in kinds:
                return value
            out: dict[str, Any] = {}
            walk = self.walk
            key = ""
            try:
                for key, item in list(value.items()):
                    out[key] = walk(item, inside)
            except ValueProblem as problem:
                problem.steps.append(f".{key}" if key.isidentifier() else f"[{key!r}]")
                raise
            return out
        inside = self.enter(2 * len(value), depth)
        pairs: list[Any] = []
        try:
            for name, item in list(value.items()):
                pairs.append([self.walk(name, inside), self.walk(item, inside)])
        except ValueProblem as problem:
            problem.steps.append(f"[{name!r:.80}]" if type(name) in _ATOMS_AND_INT else f"{{{len(pairs)}}}")
            raise
        return self.ext(6, pairs)

    def _learn_keys(self, value: dict[str, Any]) -> bool:
        known = self._known_keys
        if len(known) > MAX_KNOWN_KEYS:
            known.clear()
        for key in value:
            if is_reordered_key(key):
                return False
        known.update(key for key in value if len(key) <= 64)
        return True

    def leaf(self, value: Any, depth: int) -> Any:
        """An object without encoding: a ref, or a failure where a value was asked for."""
        if self.mode == VALUE:
            name = type_name(type(value))
            raise ValueProblem(f"Cannot encode value: {name} has no encoding", name)
        return self.ref(value, depth)

    def ref(self, value: Any, depth: int) -> Any:
        """Keeps an object and names it; a whole result gets the id of its call."""
        refs = self.refs
        if not self._made:
            refs.repr_s_left = REPRS_S
        if depth == 1 and self.call:
            refs.keep(self.call, self.session, value)
            return self.fields(15, refs.describe(self.call, value), depth)
        made = self._made.get(id(value))
        # Only what the table still holds is surely the same object: the \`id\` of a dead one is given to another.
        if made is None or refs.entries.get(made[0], _NOTHING)[1] is not value:
            ref = refs.add(self.session, value)
            made = self._made[id(value)] = (ref, refs.describe(ref, value))
        return self.fields(15, made[1], depth)


def is_reordered_key(key: str) -> bool:
    """Whether a plain object of the host would move or lose this key."""
    if "0" <= key < ":":
        # An array index: a canonical decimal below 2^32 - 1.
        if len(key) > 10 or not (key.isdecimal() and key.isascii()) or (key[0] == "0" and key != "0"):
            return False
        return int(key) < 4_294_967_295
    return key == "__proto__"


def _bytes(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.data(memoryview(value))


def _memoryview(encoder: WireEncoder, value: memoryview, depth: int) -> Any:
    encoder.check_bytes(value.nbytes)
    if value.c_contiguous and value.nbytes:
        return encoder.data(value.cast("B"))
    return encoder.data(memoryview(value.tobytes()))


def _complex(encoder: WireEncoder, value: complex, depth: int) -> Any:
    return encoder.codec.ext(7, struct_pack(">dd", value.real, value.imag))


def _slice(encoder: WireEncoder, value: slice, depth: int) -> Any:
    return encoder.ext(17, encoder.items([value.start, value.stop, value.step], depth))


def _closing(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.ref(value.target, depth)


def _collection(code: int) -> Handler:
    def encode(encoder: WireEncoder, value: Any, depth: int) -> Any:
        return encoder.ext(code, encoder.items(value if code == 3 else list(value), depth))

    return encode


HANDLERS: dict[type, Handler] = {
    list: WireEncoder.items,
    dict: WireEncoder.mapping,
    tuple: _collection(3),
    set: _collection(4),
    frozenset: _collection(5),
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _memoryview,
    complex: _complex,
    slice: _slice,
    type(...): lambda encoder, value, depth: encoder.codec.ext(18, b""),
    Ext: lambda encoder, value, depth: encoder.codec.ext(value.code, value.data),
}

_BASES: tuple[type, ...] = (
    bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset,
)  # fmt: skip


def find_handler(kind: type, mode: int) -> Handler | None:
    """Finds the handler of a type met for the first time; None where it has no encoding in this mode."""
    root = type_name(kind).partition(".")[0]
    handler: Handler | None = None
    if root == "datetime":
        from snakebridge._internal import time_values

        handler = time_values.handler_of(kind)
    elif root == "decimal":
        if kind is getattr(sys.modules.get("decimal"), "Decimal", None):
            handler = _decimal
    elif root == "numpy":
        from snakebridge._internal import array_values

        handler = array_values.handler_of(kind)
    elif root == "pandas":
        from snakebridge._internal import time_values

        handler = time_values.pandas_handler_of(kind)
    elif root == "snakebridge":
        handler = _own_handler(kind)
    if handler is not None:
        HANDLERS[kind] = handler
        return handler
    return _base_handler(kind) if mode == VALUE else None


def _own_handler(kind: type) -> Handler | None:
    if kind.__module__ == "snakebridge._internal.callbacks":
        # A function of the host goes home as what it is.
        return lambda encoder, value, depth: encoder.fields(16, [value._number], depth)
    if kind is getattr(sys.modules.get("snakebridge.atoms"), "Atom", None):
        return _atom
    from snakebridge._internal import table_values

    return table_values.encode_table if kind is table_values.ArrowTable else None


def _atom(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.walk(str.__str__(value), depth)


def _decimal(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.text_ext(12, str(value))


def _base_handler(kind: type) -> Handler | None:
    """For \`returns: "value"\`: sends an instance of a subclass as its base."""
    np: Any = sys.modules.get("numpy")
    if np is not None and issubclass(kind, np.ndarray):
        from snakebridge._internal import array_values

        return array_values.subclass_handler(kind)
    for base in _BASES:
        if issubclass(kind, base):
            if base is list or base is tuple:
                return lambda encoder, value, depth: encoder.walk(base(value), depth)
            # The base's own constructor is not enough: it would call \`__int__\`, \`__str__\` or \`keys\` of the subclass.
            return lambda encoder, value, depth: encoder.walk(as_base(base, value), depth)
    return None


def as_base(base: type, value: Any) -> Any:
    if base is int:
        return int.__index__(value)
    if base is float:
        return float.__float__(value)
    if base is str:
        return str.__str__(value)
    if base is bytes:
        return bytes(memoryview(value))
    if base is complex:
        return complex(complex.__getattribute__(value, "real"), complex.__getattribute__(value, "imag"))
    if base is dict:
        return dict(dict.items(value))
    return base(value)
`,
  },
  {
    name: "snakebridge._internal.worker",
    isPackage: false,
    source: `# The worker's main thread: receive, run, answer (proto/PROTOCOL.md 3). Each call is answered, or announced as a task,
# before the next starts, with one write, because the host concludes from a crash that calls behind the first unanswered
# one never ran. Calls that belong to a callback run inside the call that made it, while that waits for the host.
from __future__ import annotations

import os
import sys
from _functools import partial  # type: ignore[import-not-found]  # functools takes 2 ms
from _thread import RLock, start_new_thread

from snakebridge._internal import codecs, lifeline
from snakebridge._internal.answers import KEEP, NONE, RESULT, SILENT, Answers, IsAsync
from snakebridge._internal.calls import NEXT, invoke
from snakebridge._internal.control import Control
from snakebridge._internal.frames import HEAD, FrameReader, write_all
from snakebridge._internal.limits import SAFE_INT, Limits
from snakebridge._internal.packing import Unpacker
from snakebridge._internal.problems import (
    MIN_PROTOCOL,
    PROTOCOL,
    Cancelled,
    Interrupted,
    NotYet,
    Problem,
    VersionProblem,
)
from snakebridge._internal.progress import Progress
from snakebridge._internal.refs import RefTable
from snakebridge._internal.wire_decode import WireDecoder
from snakebridge._internal.wire_encode import AUTO, WireEncoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from io import BytesIO
    from typing import Any

    from snakebridge._internal.callbacks import Callbacks
    from snakebridge._internal.tasks import Tasks

HELLO, CALL, END_SESSION, RETURNED, RAISED, BYE, NESTED = 0, 1, 2, 3, 4, 5, 6
# A step inside a chain: kept for the next one, and answered only when it fails.
CHAINED = NONE | KEEP | SILENT

# The fast codec takes about 25 ms to import; the plain one costs 20 us a call and 0.1 us a byte more. It is imported
# when what was lost by waiting comes near its price, so a short script never pays it and a long one hardly notices.
CALL_WEIGHT = 200
UPGRADE_AT = 200_000

PROTOCOL_STATUS = 76


async def _nothing() -> None:
    return None


_coroutine = _nothing()
# What a call does not answer with but waits for; futures join when there is an event loop.
AWAITED: set[type] = {type(_coroutine)}
_coroutine.close()
del _coroutine, _nothing

_QUICK_RESULTS = frozenset((float, bool, type(None)))


class Worker(Answers):
    """One conversation with a host."""

    def __init__(self) -> None:
        limits = Limits()
        self.progress = Progress()
        refs = RefTable(self.progress)
        self.decoder = WireDecoder(limits, refs)
        codec = codecs.Codec(self.decoder.hook)
        super().__init__(codec, limits, refs, RLock(), list(sys.path))
        self.decoder.codec = codec
        self.decoder.functions = self.function
        self.reader = FrameReader(lifeline.DATA, limits)
        # Frames that came while a call waited for the host, and are not for it.
        self.postponed: list[tuple[bytearray, Sequence[BytesIO]]] = []
        # Calls that were decoded together, last first.
        self.batch: list[Any] = []
        self.best_codec = "builtin"
        self.spent = 0
        self.greeted = False
        self.control: Control | None = None
        self._callbacks: Callbacks | None = None
        self._tasks: Tasks | None = None

    def use_codec(self, codec: codecs.Codec) -> None:
        codec.max_depth = self.limits.max_depth + 8
        self.codec = self.encoder.codec = self.decoder.codec = codec

    def upgrade(self) -> None:
        """Changes to the fast codec, imported without the current folder's files in the way."""
        self.spent = -sys.maxsize
        if self.best_codec != "builtin":
            current = sys.path
            sys.path = self.paths
            try:
                codec = codecs.load(self.best_codec, self.decoder.hook)
                # Another decoder for the other thread; control messages hold no extension values.
                if self.control is not None:
                    self.control.decode = codecs.load(self.best_codec, codecs.raw_ext).unpack
            except ImportError:
                return
            finally:
                sys.path = current
            self.use_codec(codec)

    def callbacks(self) -> Callbacks:
        """Functions of the host."""
        if self._callbacks is None:
            from snakebridge._internal.callbacks import Callbacks

            self._callbacks = Callbacks(self)
            if self.control is not None:
                self.control.callbacks = self._callbacks
        return self._callbacks

    def function(self, payload: list[Any]) -> Any:
        """The callable that stands for a function of the host."""
        return self.callbacks().function(payload)

    def tasks(self) -> Tasks:
        """The event loop, and the calls that have become tasks of it."""
        if self._tasks is None:
            from snakebridge._internal.tasks import Tasks

            self._tasks = Tasks(self)
        return self._tasks

    @property
    def has_tasks(self) -> bool:
        """Whether an event loop has something to do, and may be run by this code."""
        return self._tasks is not None and self._tasks.may_run

    def serve(self) -> bool:
        """Runs calls until the host says bye; False when the stream ended without."""
        read = self.reader.read
        postponed = self.postponed
        singly = 0
        while True:
            frame = postponed.pop(0) if postponed else read()
            if frame is None:
                return False
            body, buffers = frame
            if self.codec.is_slow:
                self.spent += len(body) + CALL_WEIGHT
                if self.spent + self.sent > UPGRADE_AT:
                    self.upgrade()
            message = self.receive(body, buffers)
            if message is not None and self.dispatch(message):
                return True
            del frame, message, body, buffers
            self.tidy()
            if singly:
                singly -= 1
            elif self.reader.has_bytes and not postponed:
                singly = self.serve_short()

    def serve_short(self) -> int:
        """Runs calls in short frames that came behind each other, decoded in one go.

        Returns:
            How many frames need a closer look before the next try.
        """
        count, frames = self.reader.take_short()
        if not count:
            return 0
        messages = self.decoder.decode_short(count, frames)
        if messages is None or not all(map(is_plain_call, messages)):
            self.reader.put_back(len(frames))
            return count
        messages.reverse()
        self.batch = messages
        while messages:
            self.run_call(messages.pop())
            self.tidy()
        return 0

    def put_off_batch(self) -> None:
        """Puts off the calls that were decoded together with the running one, which is about to wait for the host."""
        batch = self.batch
        while batch:
            message = batch.pop()
            self.progress.hold(message[2])
            self.postponed.append((bytearray(self.codec.pack(message)), ()))

    def dispatch(self, message: list[Any]) -> bool:
        """Does what a message asks for; true when that is to end."""
        kind = message[0]
        if kind == CALL:
            self.run_call(message)
        elif kind == NESTED:
            # Nobody waits for a callback here.
            self.refuse_nested(message)
        elif kind == END_SESSION:
            self.end_session(message)
        elif kind == BYE:
            if self._tasks is not None:
                self._tasks.close()
            return True
        elif kind == HELLO:
            self.greet(message)
        # A reply to a callback that nobody waits for says nothing; other types are reserved, and a host that agreed on
        # version 1 sends none.
        return False

    def tidy(self) -> None:
        """Does what became due while a call ran."""
        refs = self.refs
        if refs.has_waiting:
            refs.release_due()
        if refs.touched and not self.progress.outer and not refs.pending:
            refs.settle()
        if refs.graveyard:
            refs.bury()
        if self._callbacks is not None:
            self._callbacks.tell_dropped()

    def run_frame(self, body: bytearray, buffers: Sequence[BytesIO], waiting: Container[object]) -> None:
        """Runs a call that belongs to a callback, inside the call that waits for it.

        Args:
            waiting: Numbers of the callbacks that are waited for. The host may not know yet that one is not any more.
        """
        message = self.receive(body, buffers)
        if message is not None:
            if len(message) > 10 and message[10] in waiting:
                self.aside(partial(self.run_call, message))
            else:
                self.refuse_nested(message)
        del message
        self.tidy()

    def refuse_nested(self, message: list[Any]) -> None:
        """Answers a call that belongs to a callback which nobody waits for any more."""
        self.progress.start(message[2])
        self.fail(message, Cancelled(False), self.refs.last_own)

    def aside(self, work: Callable[[], None]) -> None:
        """Does something with an encoder that no message is being made with."""
        if not self.is_encoding:
            return work()
        encoder, batches, mark = self.encoder, self._batches, self.refs.mark
        self.encoder, self._batches = WireEncoder(self.codec, self.limits, self.refs), None
        self.is_encoding = False
        try:
            work()
        finally:
            self.encoder, self._batches, self.refs.mark = encoder, batches, mark
            self.is_encoding = True
        return None

    def finish(self, message: list[Any], produce: Callable[[], Any]) -> None:
        """Answers a call that was put aside: with what \`produce\` returns or raises."""
        self.aside(partial(self._finish, message, produce))

    def _finish(self, message: list[Any], produce: Callable[[], Any]) -> None:
        call, session, flags = message[2], message[3], message[9]
        refs = self.refs
        refs.pending.discard(call)
        last_own = refs.last_own
        try:
            result = produce()
            if message[4] == NEXT:
                data, buffers = self.next_batch(message, result)
            else:
                data, buffers = self.encode(call, session, flags, result)
        except BaseException as error:
            self.fail(message, error, last_own)
        else:
            self.send(data, buffers)
        refs.dropped.discard(call)

    def receive(self, body: bytearray, buffers: Sequence[BytesIO]) -> list[Any] | None:
        """Decodes a message; answers one that is not usable and returns None."""
        decoder = self.decoder
        problem: Problem
        message: Any = None
        try:
            message = decoder.decode(body, buffers)
        except Problem as raised:
            problem = raised
        except Exception as raised:
            problem = Problem(f"Cannot decode message: {raised!s:.200}")
        else:
            if type(message) is list and message and (self.greeted or message[0] == HELLO):
                kind = message[0]
                if kind != CALL and kind != NESTED:
                    return message
                if (
                    len(message) >= 10
                    and type(message[2]) is int
                    and type(message[3]) is str
                    and type(message[9]) is int
                ):
                    if decoder.problem is not None:
                        problem = decoder.problem
                    elif not decoder.used:
                        return message
                    else:
                        try:
                            for ref in decoder.used:
                                self.refs.get(ref, message[3])
                            return message
                        except NotYet as missing:
                            return self.await_earlier(message, body, buffers, missing)
                        except Problem as raised:
                            problem = raised
                else:
                    problem = Problem("Cannot read call: it has too few elements or one of the wrong type")
            else:
                problem = Problem("Cannot read message: it is no array, or hello did not come first")
        call = self.peek_id(body)
        if not call:
            self.refuse(problem)
        session, flags = "", 0
        if type(message) is list and len(message) >= 10 and type(message[3]) is str and type(message[9]) is int:
            session, flags = message[3], message[9]
        self.progress.start(call)
        if self.progress.claims and self.progress.claims.pop(call, False):
            self.note_failure(call, session, flags, Cancelled(False).failure())
        else:
            self.send_failure(call, session, flags, problem.failure())
        return None

    def await_earlier(
        self, message: list[Any], body: bytearray, buffers: Sequence[BytesIO], missing: NotYet
    ) -> list[Any] | None:
        """Puts a call off until the task whose result it uses has ended."""
        call: int = message[2]
        self.progress.start(call)
        if self.progress.claims and self.progress.claims.pop(call, False):
            self.note_failure(call, message[3], message[9], Cancelled(False).failure())
        else:
            self.tasks().put_off(message, body, buffers, missing.ref)
        return None

    def peek_id(self, body: bytearray) -> int:
        """The id of a call whose message cannot be used; 0 where there is none."""
        try:
            kind, _, call = Unpacker(body, self.decoder.hook, 1).read_head(3)
        except (ValueError, RecursionError):
            return 0
        return call if kind in (CALL, END_SESSION, NESTED) and type(call) is int and 0 < call <= SAFE_INT else 0

    def refuse(self, problem: Problem) -> None:
        """Ends a conversation that makes no sense, with the reason on data as the failure of call 0."""
        self.send_failure(0, "", 0, problem.failure())
        os._exit(PROTOCOL_STATUS)

    def greet(self, message: list[Any]) -> None:
        given = message[1] if len(message) > 1 and type(message[1]) is dict else {}
        host, host_min = given.get("protocol"), given.get("minProtocol")
        if type(host) is not int or type(host_min) is not int or host < MIN_PROTOCOL or host_min > PROTOCOL:
            self.refuse(VersionProblem(host, host_min))
        self.limits.update(given)
        self.refs.repr_max_chars = self.limits.repr_max_chars
        self.refs.configure(given)
        if self.refs.ttl_s:
            from snakebridge._internal.ref_expiry import start

            start(self.refs, self.progress, self.reader)
        self.use_codec(self.codec)
        paths = given.get("pythonPaths")
        if type(paths) is list:
            sys.path[:0] = [path for path in paths if type(path) is str]
        if given.get("policy") is not None:
            from snakebridge._internal.policy import Policy

            try:
                Policy(given["policy"]).install(self.refs)
            except Problem as problem:
                self.refuse(problem)
        self.greeted = True
        answer = {
            "protocol": PROTOCOL,
            "minProtocol": MIN_PROTOCOL,
            "python": list(sys.version_info),
            "implementation": sys.implementation.name,
            "executable": sys.executable,
            "prefix": sys.prefix,
            "platform": sys.platform,
            "pid": os.getpid(),
            "codec": self.best_codec,
            "gil": getattr(sys, "_is_gil_enabled", bool)() if hasattr(sys, "_is_gil_enabled") else True,
        }
        self.send(self.codec.pack([HELLO, answer]))

    def run_call(self, message: list[Any]) -> None:
        """Runs one call and answers it.

        Raises:
            Interrupted: If it was meant for a call that this one runs inside of.
        """
        call: int = message[2]
        flags: int = message[9]
        progress = self.progress
        refs = self.refs
        failure: BaseException | None = None
        buffers: Sequence[memoryview] = ()
        data = b""
        last_own = refs.last_own
        # An interrupt is raised only while \`running\` is set, so the outer handler meets one that comes between an
        # exception of the call and the first line of the inner handler.
        try:
            try:
                progress.running = call
                if call > progress.started:
                    progress.started = call
                if progress.held:
                    progress.held.discard(call)
                if progress.claims and progress.claims.pop(call, False):
                    progress.running = 0
                    # The control thread has told the host already.
                    return self.note_failure(call, message[3], flags, Cancelled(False).failure())
                if message[1] != PROTOCOL:
                    raise VersionProblem(message[1], message[1])
                if message[4] == NEXT:
                    data, buffers = self.next_batch(message)
                else:
                    result = invoke(refs, message)
                    kind = type(result)
                    if kind in AWAITED:
                        self.tasks().announce(call)
                        progress.running = 0
                        return self.tasks().start(message, result)
                    if flags == CHAINED:
                        refs.keep(call, message[3], result)
                    elif flags == AUTO and kind in _QUICK_RESULTS:
                        data = self.codec.pack([RESULT, call, result])
                    else:
                        data, buffers = self.encode(call, message[3], flags, result)
                    del result
                progress.running = 0
            except BaseException as raised:
                progress.running = 0
                failure = raised
        except Interrupted as raised:
            progress.running = 0
            failure = raised
        if failure is not None:
            if type(failure) is NotYet:
                return self.tasks().put_off(message, None, (), failure.ref)
            if type(failure) is IsAsync:
                self.tasks().announce(call)
                return self.tasks().start(message, failure.awaitable)
            self.fail(message, failure, last_own)
            if type(failure) is Interrupted and failure.call != call and failure.call in progress.outer:
                raise failure
        elif data:
            if buffers:
                self.send(data, buffers)
            else:
                with self.write_lock:
                    write_all(lifeline.DATA, HEAD.pack(len(data), 0) + data)
        if refs.dropped:
            refs.dropped.discard(call)
        return None

    def end_session(self, message: list[Any]) -> None:
        call, session = message[2], message[3]
        progress = self.progress
        progress.start(call)
        if progress.claims and progress.claims.pop(call, False):
            return
        if message[1] != PROTOCOL:
            self.send_failure(call, session, 0, VersionProblem(message[1], message[1]).failure())
            return
        expressions = sys.modules.get("snakebridge._internal.expressions")
        if expressions is not None:
            expressions.forget(session)
        self.send(self.codec.pack([RESULT, call, self.refs.end_session(session)]))

    def when_idle(self) -> None:
        """Lets forgotten objects die between calls; runs in a signal handler, so it waits for nothing."""
        # In the middle of a frame, an object that calls the host when it dies would tear it apart.
        if not self.write_lock._is_owned() and not self.is_encoding:
            self.refs.bury()
            if self._callbacks is not None:
                self._callbacks.tell_dropped()


_PLAIN = frozenset((str, int, float, bool, type(None), bytes))


def is_plain_call(message: Any) -> bool:
    """Whether a decoded message is a call whose arguments hold nothing but plain values."""
    return (
        type(message) is list
        and len(message) == 10
        and message[0] == CALL
        and type(message[2]) is int
        and type(message[3]) is str
        and type(message[7]) is list
        and message[8] is None
        and type(message[9]) is int
        and _PLAIN.issuperset(map(type, message[7]))
    )


def main(in_folder: bool) -> None:
    """Serves the conversation on the inherited descriptors until it ends.

    Args:
        in_folder: Whether Python code may import from the current folder, as \`python -c\` allows.
    """
    lifeline.claim_descriptors()
    lifeline.die_with_host()
    worker = Worker()
    worker.best_codec = codecs.best_name(find_spec)
    control = Control(lifeline.CONTROL, worker.limits, worker.progress, worker.refs)
    worker.control = control
    worker.progress.listen(worker.when_idle)
    # A pure Python loop then lets the control thread in within half a millisecond, at no measurable cost.
    sys.setswitchinterval(0.0005)
    start_new_thread(control.run, ())
    if in_folder:
        sys.path.insert(0, "")
    try:
        if worker.serve():
            control.is_closing = True
            return
    except OSError:
        # The host is gone; there is nobody to tell.
        pass
    except Problem as problem:
        worker.refuse(problem)
    os._exit(0)


def find_spec(name: str) -> object:
    for finder in sys.meta_path:
        spec = finder.find_spec(name, None)
        if spec is not None:
            return spec
    return None
`,
  },
  {
    name: "snakebridge.atoms",
    isPackage: false,
    source: `"""Names that other systems have a type of their own for, such as \`:ok\` of Elixir.

To Python they are text. Where a peer with atoms is at the other end of tagged JSON, an \`Atom\` whose name is on the
encoder's allowlist is written as one; anywhere else it is written as text.
"""

from __future__ import annotations

import os

__all__ = ["Atom"]


class Atom(str):
    """Text that tagged JSON may write as an \`atom\`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Atom({str.__repr__(self)})"


def decodes_to() -> type[str]:
    """What an atom becomes: text, or \`Atom\` where \`SNAKEBRIDGE_ATOM_CLASS\` is \`true\`, \`1\` or \`yes\`."""
    wanted = os.environ.get("SNAKEBRIDGE_ATOM_CLASS", "").strip().lower()
    return Atom if wanted in ("true", "1", "yes") else str
`,
  },
  {
    name: "snakebridge.host_error",
    isPackage: false,
    source: `"""What errors of the host are in Python."""

from __future__ import annotations

__all__ = ["HostCancelledError", "HostError", "HostTimeoutError"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import CancelledError


class HostError(RuntimeError):
    """The host threw an error, or a function of it could not be called.

    Attributes:
        name: Name of the error's class in the host, such as \`TypeError\`.
        message: Its message.
        stack: Where it was thrown, as the host prints it; empty where that is not known.
    """

    def __init__(self, message: str, name: str = "Error", stack: str = "") -> None:
        super().__init__(f"{name}: {message}" if name else message)
        self.name = name
        self.message = message
        self.stack = stack


class HostTimeoutError(HostError, TimeoutError):
    """The host ran out of time."""


if TYPE_CHECKING:

    class HostCancelledError(CancelledError):
        """The host cancelled what it was doing; like its base it is no \`Exception\`."""

        name: str
        message: str
        stack: str

else:

    def __getattr__(name):
        # Its base takes asyncio to be imported, which only those pay for who cancel something.
        if name != "HostCancelledError":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from asyncio import CancelledError

        class HostCancelledError(CancelledError):
            """The host cancelled what it was doing; like its base it is no \`Exception\`."""

            def __init__(self, message, name="AbortError", stack=""):
                super().__init__(f"{name}: {message}" if name else message)
                self.name = name
                self.message = message
                self.stack = stack

        HostCancelledError.__qualname__ = name
        globals()[name] = HostCancelledError
        return HostCancelledError
`,
  },
  {
    name: "snakebridge.serialization",
    isPackage: false,
    source: `"""Results that always have an encoding: what has none is converted, or replaced by a marker that says what it was.

The tools of an adapter answer with values, not with references, so one odd object must not cost the whole answer:

    >>> from snakebridge.serialization import to_plain
    >>> to_plain({"score": 0.5, "made_by": object()})
    {'score': 0.5, 'made_by': {'__ffi_unserializable__': True, '__type__': 'builtins.object'}}

Values that have an encoding stay exactly what they are, in containers that keep their type. Anything else is asked, in
this order, for \`model_dump\`, \`to_dict\`, \`_asdict\`, \`tolist\` and \`isoformat\`; an instance of a subclass of a builtin
type is sent as its base; the rest becomes a marker.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass

from snakebridge._internal.refs import LARGE_CONTAINER, reprs_in, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    Detail = Literal["none", "type", "repr_truncated", "repr_redacted_truncated"]

__all__ = [
    "DETAILS",
    "MARKER_KEY",
    "UnserializableInfo",
    "is_unserializable",
    "make_marker",
    "redact",
    "to_plain",
    "unserializable_info",
]

MARKER_KEY = "__ffi_unserializable__"
"""The key by which a marker is known; its value is \`True\`."""

DETAILS: tuple[Detail, ...] = ("none", "type", "repr_truncated", "repr_redacted_truncated")
"""How much a marker may say beside its type, from nothing to a text with known secrets struck out."""

_REPR_CHARS = 500
_MAX_REPR_CHARS = 2_000
_TOLIST_ELEMENTS = 1_000_000
# Of a longer text only this much is looked at; secrets at its end are cut off with it.
_LOOKED_AT = 16_384
# Conversions inside conversions, and containers inside containers: fewer than a message may have.
_MAX_DEPTH = 200
_REDACTED = "[REDACTED]"
_MISSING = object()


@dataclass(frozen=True, slots=True)
class UnserializableInfo:
    """What a marker says.

    Attributes:
        type: The type of the object it stands for, as \`module.QualName\`.
        repr: A text of the object, or None where the detail mode gives none.
    """

    type: str
    repr: str | None


def to_plain(
    value: Any,
    *,
    detail: Detail | None = None,
    repr_max_chars: int | None = None,
    tolist_max_elements: int | None = None,
) -> Any:
    """Makes a value that has an encoding of any object.

    Objects that raise while they are converted, containers that contain themselves and arrays that are too large become
    markers: nothing an object does makes this raise. Only what interrupts the whole call passes.

    Args:
        value: Anything. It is not changed.
        detail: How much markers say; by default \`SNAKEBRIDGE_UNSERIALIZABLE_DETAIL\`, else \`none\`.
        repr_max_chars: Most characters of a text in a marker, at most 2,000; by default
            \`SNAKEBRIDGE_UNSERIALIZABLE_REPR_MAXLEN\`, else 500.
        tolist_max_elements: Most elements that an array may be turned into; by default
            \`SNAKEBRIDGE_TOLIST_MAX_ELEMENTS\`, else 1,000,000. Where the size can be known it is looked at before the
            conversion.

    The names with \`SNAKEPIT_\` in place of \`SNAKEBRIDGE_\` are read where those are not set. A variable with a value that
    makes no sense counts as not there.

    Returns:
        The value itself where all of it has an encoding, a converted copy otherwise.

    Raises:
        ValueError: If an argument of this function makes no sense.
    """
    return _Converter(_detail(detail), _repr_chars(repr_max_chars), _tolist_elements(tolist_max_elements)).walk(
        value, 0
    )


def make_marker(value: Any, *, detail: Detail | None = None, repr_max_chars: int | None = None) -> dict[str, Any]:
    """Makes the marker of an object, with the arguments of \`to_plain\`."""
    return _marker(value, _detail(detail), _repr_chars(repr_max_chars))


def is_unserializable(value: Any) -> bool:
    """Whether a value is a marker."""
    return isinstance(value, dict) and value.get(MARKER_KEY) is True


def unserializable_info(value: Any) -> UnserializableInfo | None:
    """What a marker says; None where the value is none."""
    if not is_unserializable(value):
        return None
    kind, text = value.get("__type__"), value.get("__repr__")
    return UnserializableInfo(kind if isinstance(kind, str) else "", text if isinstance(text, str) else None)


def redact(text: str) -> str:
    """Strikes out what looks like a secret: credentials by the name before them, and tokens of known shapes.

    It errs on the side of striking out. It is no proof that nothing secret is left.
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


_NAMES = (
    r"(?:api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key|signing[_-]?key|token|secret|passw(?:or)?d|passwd"
    r"|passphrase|pwd|credential|cookie|session[_-]?id)"
    # The rest of the name; \`tokenizer\` is no token.
    r"(?:s|\\d+)?(?:[_.-][\\w.-]{0,40})?"
)
# A string to its end, or to the end of the text where that was cut; else a word.
_VALUE = r"""(?:[rbfu]{0,2}"(?:[^"\\\\]|\\\\.)*(?:"|\\\\?$)|[rbfu]{0,2}'(?:[^'\\\\]|\\\\.)*(?:'|\\\\?$)|[^\\s,;)\\]}'"&]+)"""
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags | re.IGNORECASE | re.DOTALL), replacement)
    for pattern, replacement, flags in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", _REDACTED, 0),
        # A whole header, whatever its scheme.
        (r"""((?:proxy-)?authorization["']?\\s*[:=,]\\s*[rbfu]{0,2}["']?)[^"'\\r\\n,}]+""", rf"\\1{_REDACTED}", 0),
        (r"\\b(bearer|basic)\\s+[A-Za-z0-9._~+/=-]+", rf"\\1 {_REDACTED}", 0),
        (rf"""({_NAMES}["']?\\]?\\s*(?:=>|[:=])\\s*){_VALUE}""", rf"\\1{_REDACTED}", 0),
        (r"\\b([a-z][a-z0-9+.-]{0,20}://[^\\s:/@]{0,100}:)[^\\s/@]+@", rf"\\1{_REDACTED}@", 0),
        (r"\\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{10,}", _REDACTED, 0),
        (r"\\b(?:gh[pousr]_|github_pat_|glpat-|xox[abposr]-|hf_|npm_|pypi-)[A-Za-z0-9_-]{10,}", _REDACTED, 0),
        (r"\\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\\bAIza[A-Za-z0-9_-]{20,}", _REDACTED, 0),
        (r"\\beyJ[A-Za-z0-9_-]{5,}\\.[A-Za-z0-9_-]*(?:\\.[A-Za-z0-9_-]*)?", _REDACTED, 0),
    )
)


def _marker(value: Any, detail: str, chars: int) -> dict[str, Any]:
    marker: dict[str, Any] = {MARKER_KEY: True, "__type__": _well_formed(type_name(type(value)))}
    if detail == "type":
        marker["__repr__"] = f"<{marker['__type__']}>"[:chars]
    elif detail != "none":
        text = _text_of(value)
        if text is not None:
            marker["__repr__"] = (redact(text) if detail == "repr_redacted_truncated" else text)[:chars]
    return marker


def _text_of(value: Any) -> str | None:
    try:
        if isinstance(value, (list, tuple, dict, set, frozenset)) and reprs_in(value, LARGE_CONTAINER, []) <= 0:
            return None
        text = str.__str__(repr(value))
        if len(text) > _LOOKED_AT:
            # Without the last word, which may be the half of a secret that nobody would know for one.
            text = text[:_LOOKED_AT].rpartition(" ")[0] or text[:_MAX_REPR_CHARS]
        return _well_formed(text)
    except _HOSTILITIES:
        return None


def _well_formed(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


# What an object may do to its conversion. An interrupt is not meant for the object: it passes.
_HOSTILITIES = (Exception, SystemExit, GeneratorExit)
_CONVERSIONS = ("model_dump", "to_dict", "_asdict", "tolist", "isoformat")
_SCALARS = frozenset((type(None), bool, int, float, bytes, bytearray, memoryview, complex, type(...)))
_CONTAINERS = frozenset((list, tuple, dict, set, frozenset, slice))
_BASES: tuple[type, ...] = (bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset)


class _Converter:
    """Walks one value; what is met twice is converted once."""

    def __init__(self, detail: str, chars: int, elements: int) -> None:
        self._detail = detail
        self._chars = chars
        self._elements = elements
        # By \`id\`; the objects are kept, so that no other gets theirs.
        self._done: dict[int, tuple[Any, Any]] = {}
        self._open: set[int] = set()

    def walk(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is str:
            return value if _is_well_formed(value) else self._mark(value)
        key = id(value)
        done = self._done.get(key)
        if done is not None:
            return done[1]
        if key in self._open or depth >= _MAX_DEPTH:
            return self._mark(value)
        self._open.add(key)
        try:
            made = self._container(value, kind, depth) if kind in _CONTAINERS else self._object(value, kind, depth)
        except _HOSTILITIES:
            made = self._mark(value)
        finally:
            self._open.discard(key)
        self._done[key] = (value, made)
        return made

    def _mark(self, value: Any) -> dict[str, Any]:
        return _marker(value, self._detail, self._chars)

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        inside = depth + 1
        if kind is slice:
            parts = (value.start, value.stop, value.step)
            made = [self.walk(part, inside) for part in parts]
            return value if _unchanged(parts, made) else slice(*made)
        if kind is dict:
            keys, items = list(value), list(value.values())
            new_keys = [self._key(key, inside) for key in keys]
            new_items = [self.walk(item, inside) for item in items]
            if _unchanged(keys, new_keys) and _unchanged(items, new_items):
                return value
            return dict(zip(_distinct(new_keys), new_items, strict=True))
        items = list(value)
        made = [self.walk(item, inside) for item in items]
        if _unchanged(items, made):
            return value
        if kind is list or kind is tuple:
            return kind(made)
        try:
            return kind(made)
        except TypeError:
            # What was converted has no hash any more.
            return made

    def _key(self, key: Any, depth: int) -> Any:
        made = self.walk(key, depth)
        try:
            hash(made)
        except TypeError:
            return f"<{_well_formed(type_name(type(key)))}>"
        return made

    def _object(self, value: Any, kind: type, depth: int) -> Any:
        if _has_encoding(value, kind):
            return value
        if issubclass(kind, type):
            # Its methods are those of its instances.
            return self._mark(value)
        size = _size_of(value, kind)
        if size is not None and size > self._elements:
            return self._mark(value)
        for name in _CONVERSIONS:
            made = self._convert(value, kind, name)
            if made is not _MISSING:
                return self.walk(made, depth + 1)
        base = next((base for base in _BASES if issubclass(kind, base)), None)
        if base is not None:
            from snakebridge._internal.wire_encode import as_base

            return self.walk(as_base(base, value), depth + 1)
        return self._mark(value)

    def _convert(self, value: Any, kind: type, name: str) -> Any:
        # Asked of the type, as Python does for its own protocols: an object that has every attribute has none of these.
        method = getattr(kind, name, None)
        if not callable(method):
            return _MISSING
        try:
            made = getattr(value, name)()
        except _HOSTILITIES:
            return _MISSING
        if made is value:
            return _MISSING
        if name == "isoformat":
            return made if isinstance(made, str) else _MISSING
        if name == "tolist":
            return made if _count(made, self._elements) <= self._elements else _MISSING
        return made if isinstance(made, dict) else _MISSING


def _unchanged(before: Any, after: list[Any]) -> bool:
    return all(map(_is, before, after))


def _is(left: Any, right: Any) -> bool:
    return left is right


def _distinct(keys: list[Any]) -> list[Any]:
    """Keys of which no two are equal: texts that stand for objects get numbers."""
    seen: set[Any] = set()
    out = []
    for key in keys:
        unique, number = key, 1
        while unique in seen:
            number += 1
            unique = f"{key} {number}"
        seen.add(unique)
        out.append(unique)
    return out


def _is_well_formed(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_encoding(value: Any, kind: type) -> bool:
    """Whether an object that is neither plain nor a container is a value of the protocol as it is."""
    root = type_name(kind).partition(".")[0]
    if root in ("datetime", "pandas"):
        from snakebridge._internal import time_values

        return time_values.tagged(value, kind) is not None
    if root == "decimal":
        return kind is getattr(sys.modules.get("decimal"), "Decimal", None)
    if root == "numpy":
        from snakebridge._internal import array_values

        if array_values.handler_of(kind) is None:
            return False
        dtype = getattr(value, "dtype", None)
        return dtype is None or array_values.has_encoding(dtype)
    if root == "snakebridge":
        from snakebridge._internal import packing, table_values

        atom = getattr(sys.modules.get("snakebridge.atoms"), "Atom", None)
        if kind in (table_values.ArrowTable, packing.Ext, atom):
            return True
        # A function of the host goes home as what it is.
        return kind.__module__ == "snakebridge._internal.callbacks"
    return False


def _size_of(value: Any, kind: type) -> int | None:
    """How many elements an array has, where it says so without making them: by its size, its shape or its length."""
    sizes = []
    if hasattr(kind, "shape"):
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and all(isinstance(length, int) for length in shape):
            product = 1
            for length in shape:
                product *= length
            sizes.append(product)
    if hasattr(kind, "size"):
        size = getattr(value, "size", None)
        if isinstance(size, int):
            sizes.append(size)
    if hasattr(kind, "tolist") and hasattr(kind, "__len__"):
        sizes.append(len(value))
    return max(sizes, default=None)


def _count(value: Any, most: int) -> int:
    """How many items lists in lists have; a little more than \`most\` where they are more."""
    total = 0
    waiting = [value]
    while waiting and total <= most:
        items = waiting.pop()
        if isinstance(items, (list, tuple)):
            total += len(items)
            waiting.extend(item for item in items if isinstance(item, (list, tuple)))
    return total


def _variable(name: str) -> str:
    """An environment variable by its own name, or by the one it had in the older systems."""
    text = os.environ.get(f"SNAKEBRIDGE_{name}", "").strip()
    return text or os.environ.get(f"SNAKEPIT_{name}", "").strip()


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _detail(given: str | None) -> str:
    if given is None:
        mode = _variable("UNSERIALIZABLE_DETAIL").lower()
        return mode if mode in DETAILS else "none"
    if given not in DETAILS:
        raise ValueError(f"Cannot make marker: detail is {given!r:.80}, expected one of {', '.join(DETAILS)}")
    return given


def _repr_chars(given: int | None) -> int:
    chars: int | None
    if given is None:
        chars = _number(_variable("UNSERIALIZABLE_REPR_MAXLEN"))
        return _REPR_CHARS if chars is None else min(max(chars, 0), _MAX_REPR_CHARS)
    if type(given) is not int or not 0 <= given <= _MAX_REPR_CHARS:
        raise ValueError(f"Cannot make marker: repr_max_chars is {given!r:.80}, expected 0 to {_MAX_REPR_CHARS}")
    return given


def _tolist_elements(given: int | None) -> int:
    if given is None:
        elements = _number(_variable("TOLIST_MAX_ELEMENTS"))
        return _TOLIST_ELEMENTS if elements is None or elements < 0 else elements
    if type(given) is not int or given < 0:
        raise ValueError(f"Cannot convert value: tolist_max_elements is {given!r:.80}, expected 0 or more")
    return given
`,
  },
];
