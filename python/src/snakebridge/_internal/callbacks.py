# Functions of the host as Python callables (proto/PROTOCOL.md 3.5). Loaded when the first one arrives.
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

        # What `iscoroutinefunction` looks for, in asyncio and from 3.12 on in inspect.
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
            # From `[38, n, v, id, ...]` to `[6, v, id, ...]`, the form of calls on data.
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
                # A class with a `__new__` of its own, or a group none of whose members came.
                passed = HostError(message, str(failure.get("type", "")), stack)
            add_note(passed, f"It went through the host:\n{stack}" if stack else "It went through the host")
            return passed
    error = HostError(message, str(failure.get("name", "Error")), stack)
    thrown = failure.get("thrown")
    if type(thrown) is int:
        # By this number the host finds what was thrown.
        error.thrown = thrown  # type: ignore[attr-defined]
    if stack:
        add_note(error, f"In the host:\n{stack}")
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
