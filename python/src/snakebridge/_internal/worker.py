# The worker's main thread: receive, run, answer (proto/PROTOCOL.md 3). Each call is answered, or announced as a task,
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
        """Answers a call that was put aside: with what `produce` returns or raises."""
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
        # An interrupt is raised only while `running` is set, so the outer handler meets one that comes between an
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
        in_folder: Whether Python code may import from the current folder, as `python -c` allows.
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
