"""What the running interpreter says: signatures, defaults, kinds of members."""

from __future__ import annotations

import functools
import inspect
import math
import re
import types
from typing import Any, Literal

from ._model import Parameter, ParameterKind, Signature

MemberKind = Literal["method", "class", "static", "property", "value", "type"]
KINDS: dict[Any, ParameterKind] = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "any",
    inspect.Parameter.VAR_POSITIONAL: "rest",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "keywords",
}
FUNCTION_TYPES = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    functools.partialmethod,
)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|[/\\](?:home|Users|tmp|root|usr)[/\\]")


def live_signature(value: object, *, drop_first: bool) -> Signature | None:
    """Signature of a live callable without types; None when it has none."""
    try:
        found = inspect.signature(value)  # type: ignore[arg-type]
    except Exception:  # foreign code may raise anything from its __signature__
        return None
    parameters = list(found.parameters.values())
    if (
        drop_first
        and parameters
        and parameters[0].kind
        in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
    ):
        parameters = parameters[1:]
    described = [
        Parameter(item.name, KINDS[item.kind], None, None if item.default is item.empty else default_text(item.default))
        for item in parameters
    ]
    return Signature(described, None, "live")


def default_text(value: object) -> str:
    """Text of a default, the same on every machine: no addresses, no paths."""
    try:
        text = repr(value)
    except Exception:  # a hostile __repr__ must not end introspection
        return "..."
    return text if len(text) <= 60 and ADDRESS.search(text) is None and "\n" not in text else "..."


def doc_of(value: object) -> str:
    """Clean docstring, or nothing."""
    try:
        raw = inspect.getdoc(value)
    except Exception:  # __doc__ may be a property that raises
        return ""
    return raw if isinstance(raw, str) else ""


def raw_member(cls: type, name: str) -> object:
    """Member as the class body made it, descriptors unbound."""
    for owner in cls.__mro__:
        if name in owner.__dict__:
            return owner.__dict__[name]
    return None


def member_kind(cls: type, name: str, raw: object) -> MemberKind:
    """What a member is to its users."""
    if isinstance(raw, staticmethod):
        return "static"
    if isinstance(raw, (classmethod, types.ClassMethodDescriptorType)):
        return "class"
    if isinstance(raw, (property, functools.cached_property, types.GetSetDescriptorType, types.MemberDescriptorType)):
        return "property"
    if isinstance(raw, type):
        return "type"
    if isinstance(raw, types.BuiltinFunctionType):
        return "static"
    if isinstance(raw, FUNCTION_TYPES):
        return "method"
    if hasattr(type(raw), "__get__"):
        # Other descriptors: cache_readonly, available_if, accessors. Ask what the class gives.
        try:
            given = getattr(cls, name)
        except Exception:  # AttributeError, or whatever a lazy attribute raises
            return "property"
        if inspect.isroutine(given) or inspect.isfunction(given):
            return "class" if inspect.ismethod(given) else "method"
        return "property"
    return "method" if callable(raw) and not isinstance(raw, type) else "value"


def is_writable(raw: object) -> bool:
    """Whether assigning to a property can work."""
    if isinstance(raw, property):
        return raw.fset is not None
    return False


def constant(value: object) -> dict[str, Any] | None:
    """Plain constants as text that is exact."""
    if isinstance(value, bool):
        return {"type": "bool", "text": "true" if value else "false"}
    if type(value) is int and value.bit_length() <= 512:
        return {"type": "int", "text": str(value)}
    if type(value) is float:
        return {"type": "float", "text": "nan" if math.isnan(value) else repr(value)}
    if type(value) is str and len(value) <= 200:
        return {"type": "str", "text": value}
    return None


def ufunc_facts(value: object) -> dict[str, Any] | None:
    """Facts of a numpy universal function, recognised by its shape: no import of numpy."""
    nin, nout, loops = (getattr(value, name, None) for name in ("nin", "nout", "types"))
    if type(value).__name__ != "ufunc" or not isinstance(nin, int) or not isinstance(nout, int):
        return None
    outputs = {loop.rpartition("->")[2] for loop in loops} if isinstance(loops, list) else set()
    return {
        "nin": nin,
        "nout": nout,
        "boolean": bool(outputs) and outputs == {"?" * nout},
        "core": getattr(value, "signature", None) is not None,
    }


def unwrap(value: object) -> object:
    """The function behind decorators that used functools.wraps."""
    try:
        return inspect.unwrap(value) if callable(value) else value
    except (ValueError, AttributeError):
        return value
