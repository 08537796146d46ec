# Objects kept for the host (proto/PROTOCOL.md 3.1 "Refs and ids", 3.3 `release`, 5.5). The main thread adds entries;
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
    """The name of a type as `module.QualName`, whatever its metaclass does."""
    try:
        return f"{_TYPE_MODULE(kind)}.{_TYPE_NAME(kind)}"
    except Exception:
        return "builtins.object"


def reprs_in(value: Any, left: int, path: list[int]) -> int:
    """What is left of `left` after one for each object that a container's repr would ask, those met again included.

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
        """Notes that the calls that used `touched` have ended, which is when their age begins."""
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
        """Forgets refs once every call up to `after` has started."""
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
        """Forgets the refs made since `last_own` was the last id, because their message is not sent."""
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
