"""Results that always have an encoding: what has none is converted, or replaced by a marker that says what it was.

The tools of an adapter answer with values, not with references, so one odd object must not cost the whole answer:

    >>> from snakebridge.serialization import to_plain
    >>> to_plain({"score": 0.5, "made_by": object()})
    {'score': 0.5, 'made_by': {'__ffi_unserializable__': True, '__type__': 'builtins.object'}}

Values that have an encoding stay exactly what they are, in containers that keep their type. Anything else is asked, in
this order, for `model_dump`, `to_dict`, `_asdict`, `tolist` and `isoformat`; an instance of a subclass of a builtin
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
"""The key by which a marker is known; its value is `True`."""

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
        type: The type of the object it stands for, as `module.QualName`.
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
        detail: How much markers say; by default `SNAKEBRIDGE_UNSERIALIZABLE_DETAIL`, else `none`.
        repr_max_chars: Most characters of a text in a marker, at most 2,000; by default
            `SNAKEBRIDGE_UNSERIALIZABLE_REPR_MAXLEN`, else 500.
        tolist_max_elements: Most elements that an array may be turned into; by default
            `SNAKEBRIDGE_TOLIST_MAX_ELEMENTS`, else 1,000,000. Where the size can be known it is looked at before the
            conversion.

    The names with `SNAKEPIT_` in place of `SNAKEBRIDGE_` are read where those are not set. A variable with a value that
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
    """Makes the marker of an object, with the arguments of `to_plain`."""
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
    # The rest of the name; `tokenizer` is no token.
    r"(?:s|\d+)?(?:[_.-][\w.-]{0,40})?"
)
# A string to its end, or to the end of the text where that was cut; else a word.
_VALUE = r"""(?:[rbfu]{0,2}"(?:[^"\\]|\\.)*(?:"|\\?$)|[rbfu]{0,2}'(?:[^'\\]|\\.)*(?:'|\\?$)|[^\s,;)\]}'"&]+)"""
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags | re.IGNORECASE | re.DOTALL), replacement)
    for pattern, replacement, flags in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", _REDACTED, 0),
        # A whole header, whatever its scheme.
        (r"""((?:proxy-)?authorization["']?\s*[:=,]\s*[rbfu]{0,2}["']?)[^"'\r\n,}]+""", rf"\1{_REDACTED}", 0),
        (r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+", rf"\1 {_REDACTED}", 0),
        (rf"""({_NAMES}["']?\]?\s*(?:=>|[:=])\s*){_VALUE}""", rf"\1{_REDACTED}", 0),
        (r"\b([a-z][a-z0-9+.-]{0,20}://[^\s:/@]{0,100}:)[^\s/@]+@", rf"\1{_REDACTED}@", 0),
        (r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{10,}", _REDACTED, 0),
        (r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abposr]-|hf_|npm_|pypi-)[A-Za-z0-9_-]{10,}", _REDACTED, 0),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[A-Za-z0-9_-]{20,}", _REDACTED, 0),
        (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?", _REDACTED, 0),
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
        # By `id`; the objects are kept, so that no other gets theirs.
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
    """How many items lists in lists have; a little more than `most` where they are more."""
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
