"""Describes modules: live objects, with types from the best text that speaks of them.

For each name the live object decides that it exists, what it is and how it is called; stubs, annotations and
docstrings add types. A name that only a stub knows is left out: calling it would fail.
"""

from __future__ import annotations

import ast
import enum
import fnmatch
import importlib
import inspect
import sys
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ._docstrings import DocTypes, read_docstring
from ._live import (
    FUNCTION_TYPES,
    constant,
    doc_of,
    is_writable,
    live_signature,
    member_kind,
    raw_member,
    ufunc_facts,
    unwrap,
)
from ._model import SELF, Attribute, Binding, Class, Function, Module, Parameter, Signature, Tier, TypeExpr, named
from ._scopes import Definition, Found, FunctionNode, Reader, Scope, decorator_name
from ._types import Context, Types

# Special methods that have a place in generated classes; all others are Python's own business.
SPECIAL_METHODS = (
    "__len__",
    "__getitem__",
    "__setitem__",
    "__delitem__",
    "__contains__",
    "__call__",
    "__enter__",
    "__aenter__",
)
PROPERTY_DECORATORS = frozenset({"property", "cached_property", "cache_readonly", "abstractproperty"})
# How far result types are followed from what modules export. At two, pyplot alone would bring most of matplotlib.
MAX_REACH = 1
# Abstract bases that annotations name where a generated subclass is meant: their members would only be repeated.
UNREACHED = frozenset({"pandas.core.generic.NDFrame"})
# Instances of these arrive in the host as plain values: nobody can call their members.
VALUE_BASES = frozenset({"numpy.generic"})


@dataclass(slots=True)
class Selection:
    """Which names of a library are wanted: globs on dotted names below the library."""

    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)

    def wants(self, dotted: str) -> bool:
        """Whether a name below the library is selected."""
        if any(fnmatch.fnmatchcase(dotted, pattern) for pattern in self.exclude):
            return False
        return not self.include or any(fnmatch.fnmatchcase(dotted, pattern) for pattern in self.include)


@dataclass(slots=True)
class StaticMember:
    """A member of a class as text has it."""

    definition: Definition
    variables: dict[str, TypeExpr]


class Describer:
    """Describes the modules of one library."""

    def __init__(self, reader: Reader, library: str, selection: Selection) -> None:
        self._reader = reader
        self._types = Types(reader)
        self._library = library
        self._selection = selection

    def module(self, name: str) -> Module:
        """Import and describe one module.

        Raises:
            Exception: Whatever importing it raises.
        """
        live = importlib.import_module(name)
        scope = self._reader.module(name)
        report = Module(name, doc_of(live) if live.__doc__ else "")
        prefix = name.removeprefix(self._library).removeprefix(".")
        explicit = getattr(live, "__all__", None)
        for public in self._public_names(live, explicit):
            if not self._selection.wants(f"{prefix}.{public}" if prefix else public):
                continue
            try:
                value = getattr(live, public)
            except Exception as error:  # lazy attributes may fail to load
                report.skipped.append({"name": public, "reason": f"{type(error).__name__}: {error}"})
                continue
            if isinstance(value, types.ModuleType):
                continue
            if explicit is None and (self._is_foreign(value, name) or _is_typing_import(scope, public)):
                continue
            try:
                self._describe_name(report, scope, public, value)
            except Exception as error:  # foreign metaclasses and descriptors may raise anything: one name is lost
                report.skipped.append({"name": public, "reason": f"{type(error).__name__}: {error}"})
        return report

    def _public_names(self, live: types.ModuleType, explicit: object) -> list[str]:
        if isinstance(explicit, (list, tuple)):
            return sorted({name for name in explicit if isinstance(name, str)})
        return sorted(name for name in dir(live) if not name.startswith("_"))

    def _is_foreign(self, value: object, module: str) -> bool:
        """Without __all__, names imported from elsewhere are not the module's own."""
        if type(value).__module__ in ("__future__", "typing", "typing_extensions"):
            return True
        if not (isinstance(value, (type, *FUNCTION_TYPES)) or callable(value)):
            return False
        home = getattr(value, "__module__", None)
        if not isinstance(home, str) or home.startswith("_"):
            return isinstance(home, str) and home == "__future__"
        return home.partition(".")[0] != self._library.partition(".")[0] and home != module

    def _describe_name(self, report: Module, scope: Scope | None, name: str, value: object) -> None:
        found = self._reader.resolve(scope, name, frozenset()) if scope is not None else None
        if isinstance(value, type):
            report.classes.append(self.describe_class(value, name, found, public=True))
        elif (
            callable(value)
            and not isinstance(value, types.GenericAlias)
            and (isinstance(value, FUNCTION_TYPES) or inspect.isroutine(value) or hasattr(value, "__name__"))
        ):
            report.functions.append(self._function(name, value, found))
        else:
            report.attributes.append(self._constant(name, value, found))

    # Functions

    def _function(self, name: str, value: object, found: Found | None) -> Function:
        doc = doc_of(value)
        facts = ufunc_facts(value)
        nodes = self._function_nodes(found) or self._function_nodes(self._home_of(value))
        live = live_signature(value, drop_first=False)
        variables: Mapping[str, TypeExpr] = {}
        signatures = self._signatures(nodes, variables, live, doc, binding="function")
        return Function(name, "function", signatures, doc, facts)

    def _home_of(self, value: object) -> Found | None:
        """Definition of a live function or class, by where it says it comes from."""
        origin = unwrap(value)
        module, qualname = getattr(origin, "__module__", None), getattr(origin, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(qualname, str) or "<locals>" in qualname:
            return None
        scope = self._reader.module(module)
        found: Found | None = None
        for part in qualname.split("."):
            if scope is None:
                return None
            found = self._reader.resolve(scope, part, frozenset())
            if found is None:
                return None
            scope = self._reader.class_scope(found.definition) if found.definition.class_node is not None else None
        return found

    def _function_nodes(self, found: Found | None, depth: int = 0) -> list[tuple[FunctionNode, Scope, bool]]:
        """Function definitions behind a name; through `rand = _rand.rand` to the method. The flag says: drop self."""
        if found is None or depth > 5:
            return []
        definition = found.definition
        if definition.functions:
            in_class = bool(definition.scope.qualname)
            return [(node, definition.scope, in_class and depth > 0) for node in definition.functions]
        value = definition.value
        context = Context(definition.scope, {})
        if isinstance(value, ast.Name):
            return self._function_nodes(self._types.find(value, context), depth + 1)
        if isinstance(value, ast.Attribute):
            owner = self._types.find(value.value, context)
            if owner is not None and (owner.definition.annotation or owner.definition.value) is not None:
                hint = owner.definition.annotation
                if hint is None and isinstance(owner.definition.value, ast.Call):
                    hint = owner.definition.value.func
                inner = Context(owner.definition.scope, {})
                cls = self._types.find(hint, inner) if hint is not None else None
                if cls is not None and cls.definition.class_node is not None:
                    member = self._static_members(cls.definition, [], frozenset()).get(value.attr)
                    if member is not None and member.definition.functions:
                        return [(node, member.definition.scope, True) for node in member.definition.functions]
            return self._function_nodes(self._types.find(value, context), depth + 1)
        return []

    def _signatures(
        self,
        nodes: list[tuple[FunctionNode, Scope, bool]],
        variables: Mapping[str, TypeExpr],
        live: Signature | None,
        doc: str,
        *,
        binding: Binding,
    ) -> list[Signature]:
        overloads = [item for item in nodes if _has(item[0], "overload")] or nodes[:1]
        signatures = [
            self._static_signature(node, scope, variables, drop or binding in ("instance", "class"), live)
            for node, scope, drop in overloads
        ]
        if len(signatures) == 1 and live is not None and signatures[0].tier != "stub":
            signatures = [_graft(live, signatures[0], overloads[0][0].args.kwarg)]
        if not signatures:
            signatures = [live] if live is not None else [_variadic()]
        return [self._with_docstring(signature, doc, variables) for signature in signatures]

    def _static_signature(
        self,
        node: FunctionNode,
        scope: Scope,
        variables: Mapping[str, TypeExpr],
        drop_first: bool,
        live: Signature | None,
    ) -> Signature:
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        bound = dict(variables)
        is_static = _has(node, "staticmethod")
        if drop_first and not is_static and positional:
            first = positional[0].annotation
            if isinstance(first, ast.Subscript) and isinstance(first.slice, ast.Name):
                first = first.slice  # `cls: type[T]`
            if isinstance(first, ast.Name) and self._types.is_variable(first, Context(scope, {})):
                bound[first.id] = SELF
        context = Context(scope, bound)
        live_defaults = {item.name: item.default for item in live.parameters} if live is not None else {}
        typed = False

        def parameter(item: ast.arg, kind: str, default: ast.expr | None) -> Parameter:
            nonlocal typed
            type_ = None
            if item.annotation is not None:
                type_ = self._types.of(item.annotation, context)
                typed = True
            text = None
            if default is not None:
                text = ast.unparse(default)
                if text == "..." or len(text) > 60:
                    text = live_defaults.get(item.arg) or "..."
            return Parameter(item.arg, kind, type_, text)  # type: ignore[arg-type]

        result: list[Parameter] = []
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + list(
            arguments.defaults
        )
        for index, item in enumerate(positional):
            if index == 0 and drop_first and not is_static:
                continue
            only = index < len(arguments.posonlyargs) or (item.arg.startswith("__") and not item.arg.endswith("__"))
            result.append(parameter(item, "positional" if only else "any", defaults[index]))
        if arguments.vararg is not None:
            result.append(parameter(arguments.vararg, "rest", None))
        for item, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            result.append(parameter(item, "keyword", keyword_default))
        if arguments.kwarg is not None:
            keys = self._types.unpacked(arguments.kwarg.annotation, context)
            if keys is None:
                result.append(parameter(arguments.kwarg, "keywords", None))
            else:
                typed = True
                known = {item.name for item in result}
                result.extend(
                    Parameter(name, "keyword", key.type, None if key.required else live_defaults.get(name) or "...")
                    for name, key in keys.items()
                    if name not in known
                )
        returns = None
        if node.returns is not None:
            returns = self._types.of(node.returns, context)
            typed = True
        if isinstance(node, ast.AsyncFunctionDef) and returns is not None:
            returns = named("typing.Coroutine", returns)
        tier: Tier = "stub" if scope.is_stub else "annotation" if typed else "live"
        return Signature(result, returns, tier)

    def _find_class(self, word: str) -> TypeExpr | None:
        """Class that a docstring of this library names: by a dotted name, or as the library itself exports it."""
        if not word.isascii() or not word.replace(".", "").isidentifier():
            return None
        found: object = locate(word) if "." in word else None
        if found is None:
            found = getattr(sys.modules.get(self._library.partition(".")[0]), word, None)
        return named(class_id(found)) if isinstance(found, type) else None

    def _with_docstring(
        self, signature: Signature, doc: str, variables: Mapping[str, TypeExpr] = types.MappingProxyType({})
    ) -> Signature:
        if signature.tier == "variadic" or not doc:
            return signature
        missing = [item for item in signature.parameters if item.type is None and item.kind not in ("rest", "keywords")]
        if not missing and signature.returns is not None:
            return signature
        stated = read_docstring(doc, self._find_class)
        filled = False
        for item in missing:
            item.type = stated.parameters.get(item.name)
            filled = filled or item.type is not None
        if signature.returns is None and stated.returns is not None:
            signature.returns = stated.returns
            filled = True
            for argument in variables.values():
                # The docstring of a generic base names every case; the argument of this class says which it is.
                if stated.returns["k"] == "union" and argument in stated.returns["m"]:
                    signature.returns = argument
        if filled and signature.tier == "live":
            signature.tier = "docstring"
        return signature

    # Constants

    def _constant(self, name: str, value: object, found: Found | None) -> Attribute:
        plain = constant(value)
        type_ = None
        tier: Tier = "live"
        if found is not None and found.definition.annotation is not None:
            scope = found.definition.scope
            type_ = self._types.of(found.definition.annotation, Context(scope, {}))
            tier = "stub" if scope.is_stub else "annotation"
        if type_ is None or type_["k"] == "any":
            type_ = self._type_of_value(value)
        return Attribute(name, type_, tier, value=plain, static=True)

    def _type_of_value(self, value: object) -> TypeExpr | None:
        if value is None:
            return {"k": "none"}
        kind = type(value)
        return named(f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."))

    # Classes

    def describe_class(self, cls: type, path: str, found: Found | None, *, public: bool) -> Class:
        """Describe a live class with inherited members folded in."""
        if found is None or found.definition.class_node is None:
            found = self._home_of(cls)
        static: dict[str, StaticMember] = {}
        if found is not None and found.definition.class_node is not None:
            static = self._static_members(found.definition, [], frozenset())
        doc = doc_of(cls)
        stated = read_docstring(doc, self._find_class)
        report = Class(
            name=path.rpartition(".")[2],
            id=class_id(cls),
            bases=[class_id(base) for base in cls.__mro__[1:] if base is not object],
            public=public,
            kind=_class_kind(cls),
            path=path,
            doc=doc,
        )
        if report.kind == "typed_dict":
            report.constructor = [self._keys(cls, static)]
            return report
        report.constructor = self._constructor(cls, static, doc) if public else []
        if VALUE_BASES.intersection(report.bases) or report.id in VALUE_BASES:
            return report
        names = {name for name in _dir(cls) if not name.startswith("_") or name in SPECIAL_METHODS}
        if report.kind == "enum":
            names |= {"name", "value"}
        fields = {name for name, member in static.items() if _is_field(name, member)}
        for name in sorted(names | fields | set(stated.attributes)):
            if name.startswith("_") and name not in SPECIAL_METHODS:
                continue
            self._member(report, cls, name, static, stated)
        return report

    def _member(
        self, report: Class, cls: type, name: str, static: Mapping[str, StaticMember], stated: DocTypes
    ) -> None:
        raw = raw_member(cls, name)
        known = static.get(name)
        if isinstance(raw, cls) and isinstance(raw, enum.Enum):
            report.attributes.append(Attribute(name, SELF, "live", static=True))
            return
        if raw is None and name in SPECIAL_METHODS:
            return  # the metaclass has it, for the class itself
        if report.kind == "enum" and name == "name":
            report.attributes.append(Attribute(name, named("str"), "live"))
            return
        if raw is None:
            type_ = self._field_type(known) if known is not None else None
            tier: Tier = _text_tier(known)
            if type_ is None:
                type_, tier = stated.attributes.get(name), "docstring"
            report.attributes.append(Attribute(name, type_, tier, writable=known is not None))
            return
        kind = member_kind(cls, name, raw)
        if known is not None and kind in ("method", "value") and _is_property(known):
            kind = "property"
        if kind == "type":
            return
        if kind == "value" and known is not None and _is_field(name, known) and not _is_class_variable(known):
            # A field with a default: the class holds the default, every instance its own value.
            report.attributes.append(Attribute(name, self._field_type(known), _text_tier(known), writable=True))
            return
        if kind in ("method", "class", "static"):
            binding: Binding = "instance" if kind == "method" else "class" if kind == "class" else "static"
            report.methods.append(self._method(cls, name, raw, known, binding))
            return
        doc = doc_of(raw) if kind == "property" else ""
        type_, tier = self._property_type(cls, name, raw, known)
        if type_ is None and (name in stated.attributes or doc):
            type_ = stated.attributes.get(name) or read_docstring(doc, self._find_class).returns
            tier = "docstring" if type_ is not None else tier
        plain = constant(raw) if kind == "value" else None
        if type_ is None and kind == "value":
            type_ = self._type_of_value(raw)
        report.attributes.append(Attribute(name, type_, tier, doc, is_writable(raw), kind == "value", plain))

    def _method(self, cls: type, name: str, raw: object, known: StaticMember | None, binding: Binding) -> Function:
        try:
            value = getattr(cls, name)
        except Exception:  # descriptors may refuse access through the class
            value = raw
        nodes: list[tuple[FunctionNode, Scope, bool]] = []
        variables: Mapping[str, TypeExpr] = {}
        if known is not None:
            variables = known.variables
            nodes = self._function_nodes(Found(name, known.definition))
        if not nodes:
            nodes = self._function_nodes(self._home_of(value))
        live = live_signature(value, drop_first=binding == "instance")
        doc = doc_of(value)
        return Function(name, binding, self._signatures(nodes, variables, live, doc, binding=binding), doc)

    def _constructor(self, cls: type, static: Mapping[str, StaticMember], doc: str) -> list[Signature]:
        if issubclass(cls, enum.Enum):
            return [Signature([Parameter("value", "any")], SELF, "live")]
        live = live_signature(cls, drop_first=False)
        for name in ("__init__", "__new__"):
            known = static.get(name)
            if known is None or not known.definition.functions:
                continue
            if len(known.definition.functions[0].args.args) + len(known.definition.functions[0].args.kwonlyargs) <= 1:
                other = static.get("__new__")
                if name == "__init__" and other is not None and other.definition.functions:
                    continue
            nodes = [(node, known.definition.scope, False) for node in known.definition.functions]
            signatures = self._signatures(nodes, known.variables, live, doc, binding="instance")
            return [replace(item, returns=SELF) for item in signatures]
        signature = live if live is not None else _variadic()
        for item in signature.parameters:  # dataclasses: fields carry the types
            field_member = static.get(item.name)
            if item.type is None and field_member is not None:
                item.type = self._field_type(field_member)
                if item.type is not None:
                    signature.tier = _text_tier(field_member)
        return [replace(self._with_docstring(signature, doc), returns=SELF)]

    def _keys(self, cls: type, static: Mapping[str, StaticMember]) -> Signature:
        """Keys of a TypedDict as keyword parameters."""
        required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())
        keys = [
            Parameter(
                name,
                "keyword",
                self._field_type(static[name]) if name in static else None,
                None if name in required else "...",
            )
            for name in getattr(cls, "__annotations__", {})
        ]
        known = next(iter(static.values()), None)
        return Signature(keys, SELF, _text_tier(known))

    def _static_members(
        self, definition: Definition, arguments: list[TypeExpr], seen: frozenset[int]
    ) -> dict[str, StaticMember]:
        """Members of a class from its text, nearest definition first, base classes applied to their arguments."""
        node = definition.class_node
        if node is None or id(node) in seen:
            return {}
        scope = self._reader.class_scope(definition)
        variables = self._types.class_variables(definition, arguments)
        members = {name: StaticMember(item, variables) for name, item in scope.names.items()}
        context = Context(definition.scope, variables)
        for base in node.bases:
            target = base.value if isinstance(base, ast.Subscript) else base
            found = self._types.find(target, context) or self._builtin(target)
            if found is None or found.definition.class_node is None:
                continue
            items: list[ast.expr] = []
            if isinstance(base, ast.Subscript):
                items = list(base.slice.elts) if isinstance(base.slice, ast.Tuple) else [base.slice]
            given = [self._types.of(item, context) for item in items]
            for name, member in self._static_members(found.definition, given, seen | {id(node)}).items():
                members.setdefault(name, member)
        return members

    def _builtin(self, node: ast.expr) -> Found | None:
        scope = self._reader.module("builtins") if isinstance(node, ast.Name) else None
        return self._reader.resolve(scope, node.id, frozenset()) if scope and isinstance(node, ast.Name) else None

    def _field_type(self, member: StaticMember) -> TypeExpr | None:
        annotation = member.definition.annotation
        if annotation is None:
            return None
        return self._types.of(annotation, Context(member.definition.scope, member.variables))

    def _property_type(
        self, cls: type, name: str, raw: object, known: StaticMember | None
    ) -> tuple[TypeExpr | None, Tier]:
        if known is not None:
            if known.definition.annotation is not None:
                return self._field_type(known), _text_tier(known)
            for node in known.definition.functions[:1]:
                if node.returns is not None:
                    bound = dict(known.variables)
                    if node.args.args and isinstance(node.args.args[0].annotation, ast.Name):
                        bound[node.args.args[0].annotation.id] = SELF
                    return self._types.of(node.returns, Context(known.definition.scope, bound)), _text_tier(known)
        getter = getattr(raw, "fget", None) or getattr(raw, "func", None)
        home = self._home_of(getter) if getter is not None else None
        if home is not None and home.definition.functions and home.definition.functions[0].returns is not None:
            scope = home.definition.scope
            tier: Tier = "stub" if scope.is_stub else "annotation"
            return self._types.of(home.definition.functions[0].returns, Context(scope, {})), tier
        if getter is None and not isinstance(raw, (property, types.GetSetDescriptorType)):
            try:
                given = getattr(cls, name)
            except Exception:  # lazily failing attributes say nothing
                return None, "live"
            if isinstance(given, type):  # an accessor: its class is what an instance gives
                return named(class_id(given)), "live"
        return None, "live"

    # Classes reached as results

    def reached(self, modules: Iterable[Module]) -> list[Class]:
        """Describe classes of this library that results mention and no module exports."""
        known: set[str] = set(UNREACHED)
        queue: list[str] = []
        top = self._library.partition(".")[0]

        def visit(type_: TypeExpr | None) -> None:
            if type_ is None:
                return
            if type_["k"] == "name":
                if type_["n"] not in known and type_["n"].partition(".")[0] == top:
                    known.add(type_["n"])
                    queue.append(type_["n"])
                for argument in type_["a"]:
                    visit(argument)
            for member in type_.get("m", []):
                visit(member)

        def visit_class(cls: Class) -> None:
            for method in cls.methods:
                for signature in method.signatures:
                    visit(signature.returns)
            for attribute in cls.attributes:
                visit(attribute.type)

        for module in modules:
            known.update(cls.id for cls in module.classes)
        for module in modules:
            for function in module.functions:
                for signature in function.signatures:
                    visit(signature.returns)
            for attribute in module.attributes:
                visit(attribute.type)
            for cls in module.classes:
                visit_class(cls)
        found: list[Class] = []
        for _ in range(MAX_REACH):
            wave, queue[:] = list(queue), []
            for name in wave:
                live = locate(name)
                if live is None or live.__name__.startswith("_") or _is_protocol(live):
                    continue
                try:
                    described = self.describe_class(live, live.__qualname__, None, public=False)
                except Exception:  # as for exported names; results of this class stay untyped objects
                    continue
                found.append(described)
                visit_class(described)
        return sorted(found, key=lambda item: item.id)


def class_id(cls: type) -> str:
    """Canonical dotted name of a live class."""
    return f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")


def locate(dotted: str) -> type | None:
    """Find the live class of a canonical name among the modules already imported."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        if module is None:
            continue
        value: object = module
        for part in parts[cut:]:
            value = getattr(value, part, None)
        return value if isinstance(value, type) else None
    return None


def _dir(cls: type) -> list[str]:
    try:
        return dir(cls)
    except Exception:  # a metaclass may override __dir__
        return sorted({name for owner in cls.__mro__ for name in owner.__dict__})


def _class_kind(cls: type) -> Literal["class", "enum", "exception", "typed_dict"]:
    if issubclass(cls, enum.Enum):
        return "enum"
    if issubclass(cls, BaseException):
        return "exception"
    return "typed_dict" if issubclass(cls, dict) and hasattr(cls, "__total__") else "class"


def _is_protocol(cls: type) -> bool:
    return bool(getattr(cls, "_is_protocol", False))


def _is_typing_import(scope: Scope | None, name: str) -> bool:
    """Whether text imports a name from typing: of `TYPE_CHECKING`, the value alone does not tell."""
    definition = scope.names.get(name) if scope is not None else None
    return (
        definition is not None
        and definition.imported is not None
        and definition.imported[0] in ("typing", "typing_extensions")
    )


def _is_field(name: str, member: StaticMember) -> bool:
    return member.definition.annotation is not None and not name.startswith("_")


def _is_class_variable(member: StaticMember) -> bool:
    annotation = member.definition.annotation
    text = annotation.value if isinstance(annotation, ast.Constant) else annotation and ast.unparse(annotation)
    return isinstance(text, str) and ("ClassVar" in text or "Final" in text)


def _is_property(member: StaticMember) -> bool:
    return any(
        decorator_name(item) in PROPERTY_DECORATORS
        for node in member.definition.functions
        for item in node.decorator_list
    )


def _text_tier(member: StaticMember | None) -> Tier:
    if member is None:
        return "live"
    return "stub" if member.definition.scope.is_stub else "annotation"


def _has(node: FunctionNode, decorator: str) -> bool:
    return any(decorator_name(item) == decorator for item in node.decorator_list)


def _graft(live: Signature, text: Signature, kwarg: ast.arg | None) -> Signature:
    """Names, kinds and defaults of the live signature with types of the text."""
    types_by_name = {item.name: item.type for item in text.parameters}
    live_names = {item.name for item in live.parameters}
    # `**kwargs` that the text does not have any more was taken apart into its keys.
    apart = kwarg.arg if kwarg is not None and kwarg.arg not in types_by_name else None
    if live.parameters and apart not in live_names and live_names.isdisjoint(types_by_name):
        return Signature(live.parameters, text.returns, text.tier)
    parameters: list[Parameter] = []
    for item in live.parameters:
        if item.kind == "keywords" and item.name == apart:
            parameters.extend(key for key in text.parameters if key.kind == "keyword" and key.name not in live_names)
        else:
            parameters.append(replace(item, type=types_by_name.get(item.name)))
    return Signature(parameters, text.returns, text.tier)


def _variadic() -> Signature:
    return Signature([Parameter("args", "rest"), Parameter("kwargs", "keywords")], None, "variadic")
