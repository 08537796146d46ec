# The worker's main thread: receive, run, answer (proto/PROTOCOL.md 3). Each call is answered before the next starts,
# with one write, because the host concludes from a crash that calls behind the first unanswered one never ran.
from __future__ import annotations

import os
import sys
from _thread import start_new_thread

from snakebridge._internal import calls, codecs, lifeline
from snakebridge._internal.control import Control
from snakebridge._internal.frames import HEAD, read_frames, write_all, write_frame
from snakebridge._internal.limits import SAFE_INT, Limits
from snakebridge._internal.packing import Unpacker
from snakebridge._internal.problems import (
    MIN_PROTOCOL,
    PROTOCOL,
    Cancelled,
    Interrupted,
    LimitProblem,
    Problem,
    VersionProblem,
)
from snakebridge._internal.progress import Progress
from snakebridge._internal.refs import RefTable, type_name
from snakebridge._internal.wire_decode import WireDecoder
from snakebridge._internal.wire_encode import AUTO, VALUE, WireEncoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import BytesIO
    from typing import Any

    from snakebridge._internal.batches import Batches

HELLO, CALL, END_SESSION, BYE, RESULT, ERROR = 0, 1, 2, 5, 16, 17
RETURNS, REF, NONE, KEEP, SILENT = 3, 2, 3, 4, 8
# A step inside a chain: kept for the next one, and answered only when it fails.
CHAINED = NONE | KEEP | SILENT

# The fast codec takes about 25 ms to import; the plain one costs 20 us a call and 0.1 us a byte more. It is imported
# when what was lost by waiting comes near its price, so a short script never pays it and a long one hardly notices.
CALL_WEIGHT = 200
UPGRADE_AT = 200_000

PROTOCOL_STATUS = 76


class Worker:
    """One conversation with a host."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.progress = Progress()
        self.refs = RefTable(self.progress)
        self.decoder = WireDecoder(self.limits, self.refs)
        self.codec = codecs.Codec(self.decoder.hook)
        self.encoder = WireEncoder(self.codec, self.limits, self.refs)
        self.decoder.codec = self.codec
        self.best_codec = "builtin"
        self.spent = 0
        self.greeted = False
        self._batches: Batches | None = None
        self.control: Control | None = None
        self.paths = list(sys.path)

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

    def serve(self) -> bool:
        """Runs calls until the host says bye; False when the stream ended without."""
        refs = self.refs
        for body, buffers in read_frames(lifeline.DATA, self.limits):
            if self.codec.is_slow:
                self.spent += len(body) + CALL_WEIGHT
                if self.spent > UPGRADE_AT:
                    self.upgrade()
            message = self.receive(body, buffers)
            if message is not None:
                kind = message[0]
                if kind == CALL:
                    self.run_call(message)
                elif kind == END_SESSION:
                    self.end_session(message)
                elif kind == BYE:
                    return True
                elif kind == HELLO:
                    self.greet(message)
                # Other types are reserved; a host that agreed on version 1 sends none.
            if refs.has_waiting:
                refs.release_due()
            if refs.dropped:
                refs.dropped.clear()
            if refs.graveyard:
                refs.bury()
            del message, body, buffers
        return False

    def receive(self, body: bytearray, buffers: Sequence[BytesIO]) -> list[Any] | None:
        """Decodes a message; answers one that is not usable and returns None."""
        problem: Problem
        message: Any = None
        try:
            message = self.decoder.decode(body, buffers)
        except Problem as raised:
            problem = raised
        except Exception as raised:
            problem = Problem(f"Cannot decode message: {raised!s:.200}")
        else:
            if type(message) is list and message and (self.greeted or message[0] == HELLO):
                if message[0] != CALL or (
                    len(message) >= 10
                    and type(message[2]) is int
                    and type(message[3]) is str
                    and type(message[9]) is int
                    and self.decoder.problem is None
                    and not self.decoder.used
                ):
                    return message
                if len(message) >= 10 and type(message[2]) is int and type(message[3]) is str:
                    if self.decoder.problem is None:
                        try:
                            for ref in self.decoder.used:
                                self.refs.get(ref, message[3])
                            return message
                        except Problem as raised:
                            problem = raised
                    else:
                        problem = self.decoder.problem
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
        self.progress.started = call
        if self.progress.claims and self.progress.claims.pop(call, False):
            self.note_failure(call, session, flags, Cancelled(False).failure())
        else:
            self.send_failure(call, session, flags, problem.failure())
        return None

    def peek_id(self, body: bytearray) -> int:
        """The id of a call whose message cannot be used; 0 where there is none."""
        try:
            kind, _, call = Unpacker(body, self.decoder.hook, 1).read_head(3)
        except (ValueError, RecursionError):
            return 0
        return call if kind in (CALL, END_SESSION) and type(call) is int and 0 < call <= SAFE_INT else 0

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
        self.use_codec(self.codec)
        paths = given.get("pythonPaths")
        if type(paths) is list:
            sys.path[:0] = [path for path in paths if type(path) is str]
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
        write_frame(lifeline.DATA, self.codec.pack([HELLO, answer]), ())

    def run_call(self, message: list[Any]) -> None:
        """Runs one call and answers it."""
        call: int = message[2]
        flags: int = message[9]
        progress = self.progress
        failure: BaseException | None = None
        buffers: Sequence[memoryview] = ()
        data = b""
        last_own = self.refs.last_own
        # An interrupt is raised only while `running` holds this id, so the outer handler meets one that comes
        # between an exception of the call and the first line of the inner handler.
        try:
            try:
                progress.started = call
                progress.running = call
                if progress.claims and progress.claims.pop(call, False):
                    progress.running = 0
                    # The control thread has told the host already.
                    return self.note_failure(call, message[3], flags, Cancelled(False).failure())
                if message[1] != PROTOCOL:
                    raise VersionProblem(message[1], message[1])
                if message[4] == calls.NEXT:
                    data, buffers = self.next_batch(message)
                else:
                    result = calls.invoke(self.refs, message)
                    kind = type(result)
                    if flags == CHAINED:
                        self.refs.keep(call, message[3], result)
                    elif flags == AUTO and (kind is float or result is None or kind is bool):
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
            self.fail(message, failure, last_own)
        elif buffers:
            write_frame(lifeline.DATA, data, buffers)
        elif not flags & SILENT:
            write_all(lifeline.DATA, HEAD.pack(len(data), 0) + data)
        return None

    def encode(self, call: int, session: str, flags: int, result: Any) -> tuple[bytes, Sequence[memoryview]]:
        """Encodes a result in the form that `flags` ask for, and keeps it if they say so."""
        encoder = self.encoder
        returns = flags & RETURNS
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

    def next_batch(self, message: list[Any]) -> tuple[bytes, Sequence[memoryview]]:
        batches = self.batches()
        self.encoder.begin(0, message[3], VALUE if message[9] & RETURNS == VALUE else AUTO)
        data = b"\x93\x10" + self.codec.pack(message[2]) + batches.next(message)
        self.check_frame(len(data), self.encoder.buffers)
        return data, self.encoder.buffers

    def batches(self) -> Batches:
        if self._batches is None:
            from snakebridge._internal.batches import Batches

            self._batches = Batches(self.encoder, self.refs)
        return self._batches

    def pack(self, tree: Any, value: Any) -> bytes:
        try:
            return self.codec.pack(tree)
        except RecursionError:
            return self.limits.run_deep(self.codec.pack, tree)
        except UnicodeEncodeError:
            from snakebridge._internal.surrogates import surrogate_problem

            raise surrogate_problem(value) from None

    def check_frame(self, size: int, buffers: Sequence[memoryview]) -> None:
        self.spent += size
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
        # Not `isinstance`, which asks the exception for its `__class__`.
        if issubclass(type(error), Interrupted):
            failure = Cancelled(True).failure()
        elif issubclass(type(error), Problem):
            failure = error.failure()  # type: ignore[attr-defined]
        else:
            failure = self.describe(error)
        self.send_failure(call, session, flags, failure)

    def describe(self, error: BaseException) -> dict[str, Any]:
        try:
            current = sys.path
            sys.path = self.paths
            try:
                from snakebridge._internal import failures
            finally:
                sys.path = current
            return failures.describe(error, self.encoder)
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
        self.note_failure(call, session, flags, failure)
        tree = [ERROR, call, failure]
        try:
            data = self.codec.pack(tree)
        except (TypeError, UnicodeEncodeError):
            from snakebridge._internal.failures import pack_anyway

            data = pack_anyway(tree)
        if len(data) > self.limits.max_frame_bytes:
            what = {key: str(failure.get(key))[:100] for key in ("kind", "message", "type")}
            data = self.codec.pack([ERROR, call, {"kind": "limit", "message": f"Failure does not fit a frame: {what}"}])
        write_frame(lifeline.DATA, data, ())

    def end_session(self, message: list[Any]) -> None:
        call, session = message[2], message[3]
        progress = self.progress
        progress.started = call
        if progress.claims and progress.claims.pop(call, False):
            return
        if message[1] != PROTOCOL:
            self.send_failure(call, session, 0, VersionProblem(message[1], message[1]).failure())
            return
        write_frame(lifeline.DATA, self.codec.pack([RESULT, call, self.refs.end_session(session)]), ())


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
    worker.progress.listen(worker.refs.bury)
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
