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
MAX_TEXT = 65_536
MAX_FRAMES = 1_000
MAX_ATTRIBUTES = 32
MAX_NOTES = 32

_MRO = type.__dict__["__mro__"].__get__
# Straight from the base class: a subclass may put a property that raises over any of them.
_DICT = BaseException.__dict__["__dict__"].__get__
_ARGS = BaseException.__dict__["args"].__get__
_CAUSE = BaseException.__dict__["__cause__"].__get__
_CONTEXT = BaseException.__dict__["__context__"].__get__
_SUPPRESS = BaseException.__dict__["__suppress_context__"].__get__
_TRACEBACK = BaseException.__dict__["__traceback__"].__get__


def describe(error: BaseException, encoder: WireEncoder) -> dict[str, Any]:
    """The failure of an exception, as a plain tree."""
    return _describe(error, encoder, set(), [MAX_CHAIN], True)


def _describe(
    error: BaseException, encoder: WireEncoder, seen: set[int], budget: list[int], is_first: bool
) -> dict[str, Any]:
    seen.add(id(error))
    budget[0] -= 1
    kind = type(error)
    failure: dict[str, Any] = {
        "kind": "python",
        "message": clean(_ask(lambda: str(error), "<exception str() failed>")),
        "type": type_name(kind),
        "mro": [type_name(base) for base in _MRO(kind) if base is not object],
        # The first text holds the whole chain as Python prints it, those of causes only their own part.
        "traceback": _traceback_text(error, is_first),
        "frames": _frames(_TRACEBACK(error)),
    }

    def follow(other: BaseException | None) -> dict[str, Any] | None:
        if other is None or id(other) in seen or budget[0] <= 0:
            return None
        return _describe(other, encoder, seen, budget, False)

    failure["cause"] = follow(_CAUSE(error))
    failure["context"] = follow(_CONTEXT(error))
    failure["suppressContext"] = bool(_SUPPRESS(error))
    failure["notes"] = _notes(error)
    failure["attributes"] = _attributes(error, encoder)
    return failure


_OWN_FOLDER = describe.__code__.co_filename.rpartition("failures")[0]


def _ask(question: Callable[[], Any], default: Any) -> Any:
    try:
        return question()
    except BaseException:
        return default


def clean(text: Any, keep_end: bool = False) -> str:
    """Text as it may be sent: no lone surrogates, at most 64 KiB."""
    try:
        data = str.encode(text, "utf-8", "backslashreplace")
    except BaseException:
        return ""
    if len(data) > MAX_TEXT:
        data = data[-MAX_TEXT:] if keep_end else data[:MAX_TEXT]
    return data.decode("utf-8", "ignore")


def _is_ours(file: str) -> bool:
    return file.startswith((_OWN_FOLDER, "<frozen importlib"))


def _walk(trace: TracebackType | None) -> Iterator[tuple[Any, int]]:
    while trace is not None:
        if not _is_ours(trace.tb_frame.f_code.co_filename):
            yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _frames(trace: TracebackType | None) -> list[list[Any]]:
    found = list(_walk(trace))[-MAX_FRAMES:]
    frames: list[list[Any]] = []
    for frame, line in found:
        code = frame.f_code
        text = _source_line(code.co_filename, line, frame.f_globals)
        name = getattr(code, "co_qualname", code.co_name)
        frames.append([clean(code.co_filename), line, clean(name), clean(text) or None])
    return frames


def _source_line(file: str, line: int, space: dict[str, Any]) -> str:
    try:
        linecache.lazycache(file, space)
        return linecache.getline(file, line).strip()
    except BaseException:
        return ""


def _traceback_text(error: BaseException, with_chain: bool) -> str:
    try:
        printed = traceback.TracebackException(type(error), error, _TRACEBACK(error), compact=True)
        _drop_our_frames(printed, set())
        return clean("".join(printed.format(chain=with_chain)), keep_end=True)
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
            part.stack[:] = [frame for frame in part.stack if not _is_ours(frame.filename)]
        stack += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]


def _notes(error: BaseException) -> list[str]:
    notes = _ask(lambda: _DICT(error).get("__notes__"), None)
    if type(notes) is not list:
        return []
    return [clean(note) for note in notes[:MAX_NOTES] if type(note) is str]


def _attributes(error: BaseException, encoder: WireEncoder) -> dict[str, Any]:
    """What has an encoding and is small; `args` first, then fields of builtin exceptions, then the instance's own."""
    found: dict[str, Any] = {"args": _ARGS(error)}
    for base in _MRO(type(error)):
        if type_name(base).startswith("builtins.") and base not in (BaseException, object):
            for name, member in vars(base).items():
                if type(member).__name__ in ("member_descriptor", "getset_descriptor") and not name.startswith("_"):
                    try:
                        value = member.__get__(error)
                    except BaseException:
                        continue
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
        encoder.bytes_left = min(encoder.bytes_left, MAX_TEXT)
        try:
            tree = encoder.encode(value)
            packing.pack([name, tree])
        except (Problem, Exception):
            continue
        if not encoder.buffers:
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
