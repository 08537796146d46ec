# Errors of the host as Python exceptions (proto/PROTOCOL.md 7.1). An error that began as an exception in this worker is
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
        # Not its constructor, which may take something else than what it leaves in `args`.
        made = kind.__new__(kind, *args)
        made.args = args
        return made if type(made) is kind else None
    except Exception:
        return None


def _traceback_type() -> Any:
    # Not from `types`: that may be a file of the user in the current folder.
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
        frames: `[[file, line, function], …]`, outermost first.
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
