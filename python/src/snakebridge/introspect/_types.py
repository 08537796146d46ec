"""Annotations to types: names resolved across files, aliases opened, type variables erased.

Generated code has no type variables of its own, so a variable becomes what is known about it: the argument given to
its class (`GroupBy[DataFrame]`), Self for the variable of `self`, its bound, the union of its constraints, else Any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ._model import ANY, CALLABLE, NONE, SELF, TypeExpr, named, union
from ._scopes import Definition, Found, Reader, Scope

# Names of these modules are words of the type language: they are kept, never opened.
VOCABULARY = frozenset(
    {"typing", "typing_extensions", "collections.abc", "_collections_abc", "_typeshed", "types", "abc"}
)
OPAQUE_ALIASES = {
    "numpy._typing._array_like": ("ArrayLike", "numpy.typing.ArrayLike"),
    "numpy._typing._dtype_like": ("DTypeLike", "numpy.typing.DTypeLike"),
}
EXTRA_BUILTINS = frozenset({"function", "ellipsis"})
"""Classes that typeshed names in `builtins` although no such name exists."""
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Context:
    """Where an annotation stands."""

    scope: Scope
    variables: Mapping[str, TypeExpr]
    """What type variables stand for here."""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a TypedDict."""

    type: TypeExpr
    required: bool


class Types:
    """Turns annotation nodes into types."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._canonical: dict[tuple[str, str], str] = {}

    def of(self, node: ast.expr, context: Context) -> TypeExpr:
        """Type an annotation means. Never fails: what is not understood is Any."""
        if context.depth > MAX_DEPTH:
            return ANY
        context = replace(context, depth=context.depth + 1)
        if isinstance(node, ast.Constant):
            if node.value is None:
                return NONE
            if node.value is Ellipsis:
                return named("types.EllipsisType")
            if isinstance(node.value, str):
                try:
                    return self.of(ast.parse(node.value.strip(), mode="eval").body, context)
                except SyntaxError:
                    return ANY
            return ANY
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return union([self.of(node.left, context), self.of(node.right, context)])
        if isinstance(node, ast.Subscript):
            return self._subscript(node, context)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._name(node, [], context)
        if isinstance(node, ast.Starred):
            return self.of(node.value, context)
        return ANY

    def _subscript(self, node: ast.Subscript, context: Context) -> TypeExpr:
        items = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        found = self.find(node.value, context)
        word = _vocabulary_word(found)
        if word == "Literal":
            return self._literal(items, context)
        if word in ("Annotated", "Required", "NotRequired", "ReadOnly", "Final", "ClassVar", "Unpack"):
            return self.of(items[0], context)
        if word == "Optional":
            return union([self.of(items[0], context), NONE])
        if word == "Union":
            return union([self.of(item, context) for item in items])
        if word == "Callable":
            return CALLABLE
        if word == "Concatenate":
            return ANY
        if word in ("TypeGuard", "TypeIs"):
            return named("bool")
        if word == "Tuple" or (found is None and isinstance(node.value, ast.Name) and node.value.id == "tuple"):
            return self._tuple(items, context)
        return self._name(node.value, items, context)

    def _tuple(self, items: list[ast.expr], context: Context) -> TypeExpr:
        if len(items) == 1 and isinstance(items[0], ast.Tuple) and not items[0].elts:
            return {"k": "tuple", "m": [], "rest": False}
        if len(items) == 2 and isinstance(items[1], ast.Constant) and items[1].value is Ellipsis:
            return {"k": "tuple", "m": [self.of(items[0], context)], "rest": True}
        if any(isinstance(item, ast.Starred) for item in items):
            return {"k": "tuple", "m": [ANY], "rest": True}
        return {"k": "tuple", "m": [self.of(item, context) for item in items], "rest": False}

    def _literal(self, items: list[ast.expr], context: Context) -> TypeExpr:
        values: list[object] = []
        others: list[TypeExpr] = []
        for item in items:
            if isinstance(item, ast.Subscript):
                inner = self.of(item, context)
                (values.extend(inner["v"]) if inner["k"] == "literal" else others.append(inner))
                continue
            if isinstance(item, (ast.Name, ast.Attribute)):
                inner = self.of(item, context)  # an alias of a Literal, or a member of an enum
                if inner["k"] == "literal":
                    values.extend(inner["v"])
                else:
                    owner = self.find(item.value, context) if isinstance(item, ast.Attribute) else None
                    others.append(self._class(owner, []) if owner and owner.definition.class_node else ANY)
                continue
            try:
                value = ast.literal_eval(item)
            except ValueError:
                others.append(ANY)
                continue
            if value is None:
                others.append(NONE)
            elif isinstance(value, (str, bool, int)):
                values.append(value)
            else:
                others.append(named("bytes"))
        literal: list[TypeExpr] = [{"k": "literal", "v": values}] if values else []
        return union([*literal, *others]) if literal or others else ANY

    def find(self, node: ast.expr, context: Context) -> Found | None:
        """Find the definition that a name or dotted name stands for."""
        if isinstance(node, ast.Name):
            return self._reader.lookup(context.scope, node.id)
        if not isinstance(node, ast.Attribute):
            return None
        owner = self.find(node.value, context)
        if owner is None:
            return None
        definition = owner.definition
        if definition.imported is not None:
            module, original = definition.imported
            target = self._reader.module(module if original is None else f"{module}.{original}")
            if target is None:
                return Found(node.attr, Definition(definition.scope, imported=(module, node.attr)))
            found = self._reader.resolve(target, node.attr, frozenset())
            if found is not None:
                return found
            # `import a.b` binds `a`; the submodule may not be named in its parent.
            child = f"{target.module}.{node.attr}"
            if self._reader.module(child) is not None:
                return Found(node.attr, Definition(definition.scope, imported=(child, None)))
            return None
        if definition.class_node is not None:
            return self._reader.resolve(self._reader.class_scope(definition), node.attr, frozenset())
        return None

    def _name(self, node: ast.expr, arguments: list[ast.expr], context: Context) -> TypeExpr:
        if isinstance(node, ast.Name) and node.id in context.variables:
            return context.variables[node.id]
        found = self.find(node, context)
        if found is None:
            if isinstance(node, ast.Name) and (node.id in EXTRA_BUILTINS or _is_builtin_class(node.id)):
                if node.id == "tuple" and not arguments:
                    return {"k": "tuple", "m": [ANY], "rest": True}
                return ANY if node.id == "object" else self._applied(node.id, arguments, context)
            return ANY
        definition = found.definition
        if definition.imported is not None:
            module, original = definition.imported
            if original is None:
                return ANY
            return self._vocabulary(module, original, arguments, context)
        if definition.scope.module in VOCABULARY and not definition.scope.qualname:
            return self._vocabulary(definition.scope.module, found.name, arguments, context)
        if definition.scope.module == "builtins" and not definition.scope.qualname:
            return ANY if found.name == "object" else self._applied(found.name, arguments, context)
        if definition.class_node is not None:
            return self._class(found, [self.of(item, context) for item in arguments])
        opaque = OPAQUE_ALIASES.get(definition.scope.module)
        if opaque is not None and opaque[0] in found.name:
            return named(opaque[1])
        return self._alias(found, arguments, context)

    def _applied(self, name: str, arguments: list[ast.expr], context: Context) -> TypeExpr:
        return named(name, *[self.of(item, context) for item in arguments])

    def _class(self, found: Found, arguments: list[TypeExpr]) -> TypeExpr:
        scope = found.definition.scope
        qualname = f"{scope.qualname}.{found.name}" if scope.qualname else found.name
        return named(self.canonical(scope.module, qualname), *arguments)

    def canonical(self, module: str, qualname: str) -> str:
        """Name of a class as its live object gives it, else as its text does."""
        key = (module, qualname)
        if key not in self._canonical:
            live: object = sys.modules.get(module)
            for part in qualname.split("."):
                live = getattr(live, part, None)
            text = f"{live.__module__}.{live.__qualname__}" if isinstance(live, type) else f"{module}.{qualname}"
            self._canonical[key] = text.removeprefix("builtins.")
        return self._canonical[key]

    def _vocabulary(self, module: str, name: str, arguments: list[ast.expr], context: Context) -> TypeExpr:
        if module not in VOCABULARY:
            # A name of a module without readable text.
            if "." in module or module in sys.modules:
                return named(self.canonical(module, name), *[self.of(item, context) for item in arguments])
            return ANY
        if name in ("Any", "Incomplete", "Unused", "MaybeNone", "object"):
            return ANY
        if name in ("Self",):
            return SELF
        if name in ("Callable", "ParamSpec"):
            return CALLABLE
        if name in ("NoReturn", "Never"):
            return named("typing.Never")
        if name in ("LiteralString", "AnyStr", "Text"):
            return named("str")
        if name == "Tuple":
            return {"k": "tuple", "m": [ANY], "rest": True}
        if name in ("List", "Dict", "Set", "FrozenSet", "Type"):
            return self._applied(name.lower(), arguments, context)
        if name in ("Optional", "Union", "Literal", "Final", "ClassVar", "TypeAlias"):
            return ANY
        prefix = "_typeshed" if module == "_typeshed" else "types" if module == "types" else "typing"
        return named(f"{prefix}.{name}", *[self.of(item, context) for item in arguments])

    def _alias(self, found: Found, arguments: list[ast.expr], context: Context) -> TypeExpr:
        definition = found.definition
        value = definition.value
        inner = Context(definition.scope, {}, context.depth)
        if value is None:
            # `x: TypeAlias` without a value, or a variable used as a type.
            return ANY
        if isinstance(value, ast.Call):
            return self._from_call(value, found, inner)
        parameters = self._parameters_of(value, inner)
        if arguments and parameters:
            given = [self.of(item, context) for item in arguments]
            return self.of(value, replace(inner, variables=dict(zip(parameters, given, strict=False))))
        return self.of(value, inner)

    def _from_call(self, call: ast.Call, found: Found, context: Context) -> TypeExpr:
        word = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if word in ("TypeVar", "TypeVarTuple"):
            constraints = [self.of(item, context) for item in call.args[1:]]
            if constraints:
                return union(constraints)
            for keyword in call.keywords:
                if keyword.arg == "bound":
                    return self.of(keyword.value, context)
            return ANY
        if word == "NewType" and len(call.args) == 2:
            return self.of(call.args[1], context)
        if word in ("namedtuple", "NamedTuple", "TypedDict", "Enum"):
            return self._class(found, [])
        return ANY

    def _parameters_of(self, value: ast.expr, context: Context) -> list[str]:
        """Type variables of an alias in order of appearance."""
        names: list[str] = []
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and node.id not in names and self.is_variable(node, context):
                names.append(node.id)
        return sorted(names, key=lambda name: ast.unparse(value).find(name)) if len(names) > 1 else names

    def unpacked(self, node: ast.expr | None, context: Context) -> dict[str, Key] | None:
        """Keys that `**kwargs: Unpack[Movie]` takes, by name; None when the annotation unpacks no TypedDict."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value.strip(), mode="eval").body
            except SyntaxError:
                return None
        if not isinstance(node, ast.Subscript) or _vocabulary_word(self.find(node.value, context)) != "Unpack":
            return None
        return self._keys_of(node.slice, context)

    def _keys_of(self, node: ast.expr, context: Context) -> dict[str, Key] | None:
        """Keys of a TypedDict with those of its bases; None when the node names no TypedDict."""
        if context.depth > MAX_DEPTH:
            return None
        context = replace(context, depth=context.depth + 1)
        items: list[ast.expr] = []
        if isinstance(node, ast.Subscript):
            items = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
            node = node.value
        found = self.find(node, context)
        if found is None:
            return None
        definition = found.definition
        if definition.class_node is None:
            inner = Context(definition.scope, {}, context.depth)
            if isinstance(definition.value, ast.Call):
                return self._keys_of_call(definition.value, inner)
            # `Alias = Movie`
            return self._keys_of(definition.value, inner) if definition.value is not None else None
        variables = self.class_variables(definition, [self.of(item, context) for item in items])
        outer = Context(definition.scope, variables, context.depth)
        keys: dict[str, Key] = {}
        is_typed_dict = False
        for base in definition.class_node.bases:
            target = base.value if isinstance(base, ast.Subscript) else base
            if _vocabulary_word(self.find(target, outer)) == "TypedDict":
                is_typed_dict = True
                continue
            inherited = self._keys_of(base, outer)
            if inherited is not None:
                is_typed_dict = True
                keys.update(inherited)
        if not is_typed_dict:
            return None
        total = _total(definition.class_node.keywords)
        scope = self._reader.class_scope(definition)
        for name, member in scope.names.items():
            if member.annotation is not None:
                keys[name] = self._key(member.annotation, Context(scope, variables, context.depth), total)
        return keys

    def _keys_of_call(self, call: ast.Call, context: Context) -> dict[str, Key] | None:
        """Keys of `Movie = TypedDict("Movie", {"name": str}, total=False)`."""
        if _vocabulary_word(self.find(call.func, context)) != "TypedDict" or len(call.args) != 2:
            return None
        fields = call.args[1]
        if not isinstance(fields, ast.Dict):
            return None
        total = _total(call.keywords)
        return {
            key.value: self._key(value, context, total)
            for key, value in zip(fields.keys, fields.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }

    def _key(self, annotation: ast.expr, context: Context, total: bool) -> Key:
        required = total
        node = annotation
        for _ in range(MAX_DEPTH):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                try:
                    node = ast.parse(node.value.strip(), mode="eval").body
                except SyntaxError:
                    break
            word = _vocabulary_word(self.find(node.value, context)) if isinstance(node, ast.Subscript) else None
            if not isinstance(node, ast.Subscript) or word not in ("Required", "NotRequired", "ReadOnly", "Annotated"):
                break
            if word in ("Required", "NotRequired"):
                required = word == "Required"
            node = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
        return Key(self.of(node, context), required)

    def is_variable(self, node: ast.expr, context: Context) -> bool:
        """Whether a name is a type variable."""
        found = self.find(node, context)
        value = found.definition.value if found is not None else None
        if not isinstance(value, ast.Call):
            return False
        word = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return word in ("TypeVar", "ParamSpec", "TypeVarTuple")

    def class_variables(self, definition: Definition, arguments: list[TypeExpr]) -> dict[str, TypeExpr]:
        """What the type variables of a class stand for, given its arguments."""
        node = definition.class_node
        assert node is not None
        context = Context(definition.scope, {})
        order: list[str] = []
        fallback: list[str] = []
        for base in node.bases:
            if not isinstance(base, ast.Subscript):
                continue
            items = base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
            names = [item.id for item in items if isinstance(item, ast.Name) and self.is_variable(item, context)]
            if _vocabulary_word(self.find(base.value, context)) in ("Generic", "Protocol"):
                order = names
            else:
                fallback.extend(name for name in names if name not in fallback)
        return dict(zip(order or fallback, arguments, strict=False))


def _total(keywords: list[ast.keyword]) -> bool:
    return not any(
        item.arg == "total" and isinstance(item.value, ast.Constant) and item.value.value is False for item in keywords
    )


def _is_builtin_class(name: str) -> bool:
    import builtins

    return isinstance(getattr(builtins, name, None), type)


def _vocabulary_word(found: Found | None) -> str | None:
    if found is None:
        return None
    imported = found.definition.imported
    if imported is not None:
        return imported[1] if imported[0] in VOCABULARY else None
    scope = found.definition.scope
    return found.name if scope.module in VOCABULARY and not scope.qualname else None
