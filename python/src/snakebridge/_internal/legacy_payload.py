# Calls in the dictionary form of Snakepit's tools (proto/PROTOCOL.md 8), checked field by field and turned into calls
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
    """Whether payloads without versions are accepted: the variable is `1`, `true` or `yes`."""
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
