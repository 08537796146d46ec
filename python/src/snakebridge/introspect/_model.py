"""What introspection reports: plain data that becomes JSON.

Only this file says how the report looks; `codegen/introspect.ts` reads the same shape. Types travel as small
dictionaries because the mapping to TypeScript belongs to the TypeScript side: here nothing knows about it.
"""

# A type is one of
#   {"k": "any"}                      Python says nothing, or says Any
#   {"k": "none"}
#   {"k": "self"}                     an instance of the class the member was found on
#   {"k": "name", "n": str, "a": [type, ...]}   a class or a well-known alias, by canonical dotted name
#   {"k": "union", "m": [type, ...]}
#   {"k": "literal", "v": [value, ...]}
#   {"k": "tuple", "m": [type, ...], "rest": bool}   with rest, one member type repeated
#   {"k": "callable"}
# Absent (None) means that there is no annotation at all, which is weaker than Any: a docstring may still fill it.

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

TypeExpr = dict[str, Any]
Tier = Literal["stub", "annotation", "live", "docstring", "variadic"]
ParameterKind = Literal["positional", "any", "rest", "keyword", "keywords"]
Binding = Literal["function", "instance", "class", "static"]

ANY: TypeExpr = {"k": "any"}
NONE: TypeExpr = {"k": "none"}
SELF: TypeExpr = {"k": "self"}
CALLABLE: TypeExpr = {"k": "callable"}


def named(name: str, *arguments: TypeExpr) -> TypeExpr:
    """Build the type of a class or well-known alias."""
    return {"k": "name", "n": name, "a": list(arguments)}


def union(members: list[TypeExpr]) -> TypeExpr:
    """Build a union: nested unions are flattened, repeats dropped, one member stands for itself."""
    flat: list[TypeExpr] = []
    for member in members:
        for part in member["m"] if member["k"] == "union" else [member]:
            if part not in flat:
                flat.append(part)
    return flat[0] if len(flat) == 1 else {"k": "union", "m": flat}


@dataclass(slots=True)
class Parameter:
    """One parameter of a signature."""

    name: str
    kind: ParameterKind
    type: TypeExpr | None = None
    default: str | None = None
    """Source text of the default; None when the parameter is required."""


@dataclass(slots=True)
class Signature:
    """One way to call a function, and where we know it from."""

    parameters: list[Parameter]
    returns: TypeExpr | None
    tier: Tier


@dataclass(slots=True)
class Function:
    """A function, method or anything else that is called by its name."""

    name: str
    binding: Binding
    signatures: list[Signature]
    doc: str = ""
    ufunc: dict[str, Any] | None = None
    """For numpy's universal functions: nin, nout and whether every output is boolean."""


@dataclass(slots=True)
class Attribute:
    """A property, field, class attribute or module constant."""

    name: str
    type: TypeExpr | None
    tier: Tier
    doc: str = ""
    writable: bool = False
    static: bool = False
    value: dict[str, Any] | None = None
    """For constants of a plain type: {"type": "int" | "float" | "bool" | "str", "text": str}."""


@dataclass(slots=True)
class Class:
    """A class, with inherited members folded in."""

    name: str
    id: str
    """Canonical dotted name: __module__ and __qualname__ of the live class."""
    bases: list[str]
    """Canonical names of the live base classes, nearest first, without object."""
    public: bool
    """False when only reached as a result type; its constructor is not offered then."""
    kind: Literal["class", "enum", "exception", "typed_dict"]
    path: str
    """Dotted path below the module, for calls."""
    doc: str = ""
    constructor: list[Signature] = field(default_factory=list)
    methods: list[Function] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)


@dataclass(slots=True)
class Module:
    """One Python module."""

    name: str
    doc: str
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    """What could not be described: {"name", "reason"}."""
