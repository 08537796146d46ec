"""The static reader: names of a module or class, from its text.

Measured on numpy 2.4 and builtins (Python 3.11, two shared cores), to choose what reads stubs:

    reader            numpy stubs            builtins   extra packages
    ast (this file)   0.19 s, 155 files      18 ms      none
    typeshed_client   0.40 s, by name        20 ms      2, 5 MB (its typeshed included)
    griffelib         4.03 s, all            not found  1, 1 MB

griffe reads overloads well but is twenty times slower and did not find typeshed's builtins. typeshed_client resolves
names and is fast, yet it answers with `ast` nodes: types, aliases, type variables and base classes would still be
ours to work out, it reads no annotations in `.py` files (all of pandas), and it would have to be installed beside
every interpreter. So: `ast`, for stubs and sources alike, read lazily, module by module.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field

from ._files import Finder

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Definition:
    """What a name stands for in a scope."""

    scope: Scope
    functions: list[FunctionNode] = field(default_factory=list)
    class_node: ast.ClassDef | None = None
    imported: tuple[str, str | None] | None = None
    """Module and name; without a name the module itself."""
    value: ast.expr | None = None
    annotation: ast.expr | None = None
    type_alias: ast.AST | None = None


@dataclass(slots=True)
class Scope:
    """The names of one module or one class."""

    module: str
    qualname: str
    is_stub: bool
    is_package: bool
    parent: Scope | None
    names: dict[str, Definition] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """A definition and the name it has where it is defined."""

    name: str
    definition: Definition


class Reader:
    """Reads module texts on demand and follows imports between them."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._scopes: dict[str, Scope | None] = {}
        self._classes: dict[int, Scope] = {}

    def module(self, name: str) -> Scope | None:
        """Read a module, or None when it has no readable text."""
        if name not in self._scopes:
            self._scopes[name] = self._read(name)
        return self._scopes[name]

    def _read(self, name: str) -> Scope | None:
        file = self._finder.find(name)
        if file is None:
            return None
        try:
            tree = ast.parse(file.path.read_text("utf-8"))
        except (SyntaxError, ValueError, OSError):
            # Stubs may use syntax newer than this interpreter; live introspection still describes the module.
            return None
        scope = Scope(name, "", file.is_stub, file.is_package, None)
        _collect(tree.body, scope)
        return scope

    def class_scope(self, definition: Definition) -> Scope:
        """Names defined in the body of a class."""
        node = definition.class_node
        assert node is not None
        known = self._classes.get(id(node))
        if known is None:
            outer = definition.scope
            qualname = f"{outer.qualname}.{node.name}" if outer.qualname else node.name
            known = Scope(outer.module, qualname, outer.is_stub, outer.is_package, outer)
            _collect(node.body, known)
            self._classes[id(node)] = known
        return known

    def lookup(self, scope: Scope, name: str) -> Found | None:
        """Find a name as code in a scope would see it, following imports to the definition."""
        current: Scope | None = scope
        while current is not None:
            if name in current.names or current.parent is None:
                found = self.resolve(current, name, frozenset())
                if found is not None:
                    return found
            current = current.parent
        return None

    def resolve(self, scope: Scope, name: str, seen: frozenset[tuple[str, str]]) -> Found | None:
        """Find a name in one scope, following imports."""
        key = (f"{scope.module}:{scope.qualname}", name)
        if key in seen:
            return None
        seen |= {key}
        definition = scope.names.get(name)
        if definition is None:
            for star in scope.stars:
                target = self.module(star)
                if target is not None and not name.startswith("_"):
                    found = self.resolve(target, name, seen)
                    if found is not None:
                        return found
            return None
        if definition.imported is None or definition.imported[1] is None:
            return Found(name, definition)
        module, original = definition.imported
        assert original is not None
        target = self.module(module)
        if target is not None:
            found = self.resolve(target, original, seen)
            if found is not None:
                return found
        # A submodule, or a name of a module without text: the caller sees the import itself.
        return Found(original, definition)


def _collect(body: list[ast.stmt], scope: Scope) -> None:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _collect_function(node, scope)
        elif isinstance(node, ast.ClassDef):
            scope.names[node.name] = Definition(scope, class_node=node)
        elif isinstance(node, ast.If):
            verdict = _static_truth(node.test)
            # Unknown conditions: the first branch wins where both define a name.
            if verdict is not True:
                _collect(node.orelse, scope)
            if verdict is not False:
                _collect(node.body, scope)
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                _collect(handler.body, scope)
            _collect(node.body, scope)
            _collect(node.orelse, scope)
        elif isinstance(node, ast.With):
            _collect(node.body, scope)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                target = alias.name if alias.asname else alias.name.partition(".")[0]
                scope.names[bound] = Definition(scope, imported=(target, None))
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, scope)
            for alias in node.names:
                if alias.name == "*":
                    scope.stars.insert(0, source)
                else:
                    scope.names[alias.asname or alias.name] = Definition(scope, imported=(source, alias.name))
        elif isinstance(node, ast.Assign):
            for target_node in node.targets:
                if isinstance(target_node, ast.Name):
                    scope.names[target_node.id] = Definition(scope, value=node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            scope.names[node.target.id] = Definition(scope, value=node.value, annotation=node.annotation)
        elif type(node).__name__ == "TypeAlias":  # the statement of Python 3.12
            alias_name = getattr(node, "name", None)
            if isinstance(alias_name, ast.Name):
                scope.names[alias_name.id] = Definition(scope, value=getattr(node, "value", None), type_alias=node)


def _collect_function(node: FunctionNode, scope: Scope) -> None:
    known = scope.names.get(node.name)
    decorators = {decorator_name(item) for item in node.decorator_list}
    if known is not None and known.functions:
        if "overload" in decorators:
            known.functions.append(node)
            return
        if "setter" in decorators or "deleter" in decorators:
            return
        if "overload" in {decorator_name(item) for item in known.functions[0].decorator_list}:
            return  # the implementation behind overloads says less than they do
    scope.names[node.name] = Definition(scope, functions=[node])


def decorator_name(node: ast.expr) -> str:
    """Last part of a decorator's name."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _absolute(node: ast.ImportFrom, scope: Scope) -> str:
    if node.level == 0:
        return node.module or ""
    parts = scope.module.split(".")
    drop = node.level - 1 if scope.is_package else node.level
    base = parts[: len(parts) - drop] if drop else parts
    return ".".join([*base, node.module] if node.module else base)


def _static_truth(test: ast.expr) -> bool | None:
    """Decide conditions that type checkers decide; None for all others."""
    if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
        return True
    if isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING":
        return True
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _static_truth(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        verdicts = [_static_truth(value) for value in test.values]
        decisive = isinstance(test.op, ast.Or)
        if decisive in verdicts:
            return decisive
        return None if None in verdicts else not decisive
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    try:
        right = ast.literal_eval(test.comparators[0])
    except ValueError:
        return None
    left = ast.unparse(test.left)
    if left == "sys.version_info" and isinstance(right, tuple):
        return _compare(test.ops[0], sys.version_info[: len(right)], right)
    if left == "sys.version_info[0]" and isinstance(right, int):
        return _compare(test.ops[0], (sys.version_info[0],), (right,))
    if left == "sys.platform" and isinstance(right, str):
        return _compare(test.ops[0], (sys.platform,), (right,))
    return None


def _compare(operator: ast.cmpop, left: tuple[object, ...], right: tuple[object, ...]) -> bool | None:
    if isinstance(operator, ast.Eq):
        return left == right
    if isinstance(operator, ast.NotEq):
        return left != right
    older = tuple(map(str, left)) if any(isinstance(part, str) for part in right) else left
    try:
        if isinstance(operator, ast.GtE):
            return bool(older >= right)
        if isinstance(operator, ast.Gt):
            return bool(older > right)
        if isinstance(operator, ast.Lt):
            return bool(older < right)
        if isinstance(operator, ast.LtE):
            return bool(older <= right)
    except TypeError:
        return None
    return None
