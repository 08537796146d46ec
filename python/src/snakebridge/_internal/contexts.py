# Context managers entered for the host: operations `enter` and `exit` of proto/PROTOCOL.md 3.1.
#
# `__exit__` must get the very exception that ended the body, for managers tell them apart by type and identity. So
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
    """A manager between its `__enter__` and its `__exit__`."""

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
            BaseException: Whatever `__exit__` raises, with the exception of the body as its context.
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
            # Raised, so that it is the one being handled: what `__exit__` raises gets it for its context.
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
        mode: `with` or `async with`; None for the one it has, the former when it has both.
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
        return TypeError(f"{message} (missed {missing} method); leave the option `async` out")
    return TypeError(f"{message} (missed {missing} method)")


def operate(refs: RefTable, session: str, value: Any, name: str, args: list[Any]) -> bool | Entered | Awaitable[Any]:
    """Runs `enter` or `exit`.

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
