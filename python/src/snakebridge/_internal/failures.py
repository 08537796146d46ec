# From exceptions to failures (proto/PROTOCOL.md 7). Loaded when the first one appears. An exception is an object of
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

# From 3.13 on, `python -c` leaves its program here, which is our stub; it would be shown as the source of whatever
# the user runs by `exec`.
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
    """Text as it may be sent: no lone surrogates, at most `most` bytes."""
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
        return f"{type_name(type(error))}\n"


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
    """What has an encoding and is small: `args`, then slots and fields of builtin classes, then the instance's own."""
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
    """Adds a note with a near name to an `AttributeError` of the last step; the message stays Python's own."""
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
