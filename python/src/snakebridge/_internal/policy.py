# What the host may reach (proto/PROTOCOL.md 4.1). Loaded only when hello brings a policy; it then stands in the place
# of the functions through which calls reach anything: without a policy no call pays for one.
#
# What decides is the object that is reached, not the words it is reached by: `posix.system`, `platform.os.system` and a
# bound method kept somewhere else are known by what they are. The words count only in addition.
from __future__ import annotations

import sys
from functools import partial
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType, TracebackType

from snakebridge._internal import calls
from snakebridge._internal.problems import Problem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from snakebridge._internal.refs import RefTable

# Attributes that lead from an object to the code, names and classes behind it.
# fmt: off
INTROSPECTION = frozenset((
    "__base__", "__bases__", "__builtins__", "__closure__", "__code__", "__delattr__", "__dict__", "__getattr__",
    "__getattribute__", "__globals__", "__loader__", "__mro__", "__reduce__", "__reduce_ex__", "__setattr__",
    "__spec__", "__subclasses__", "ag_code", "ag_frame", "cell_contents", "cr_code", "cr_frame", "f_back",
    "f_builtins", "f_code", "f_globals", "f_locals", "func_code", "func_globals", "gi_code", "gi_frame", "tb_frame",
))

# Functions that run code given as data, or look up a name given as data: with one of them every other rule is void. An
# `allow` entry of the same name, or of one below it, gives them free; wider ones such as `builtins` or `*` do not.
GATEWAYS = (
    "builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__", "builtins.getattr",
    "builtins.setattr", "builtins.delattr", "builtins.vars", "builtins.globals", "builtins.locals",
    "builtins.breakpoint", "builtins.help", "builtins.function", "builtins.code", "builtins.str.format",
    "builtins.str.format_map", "string.Formatter", "collections.UserString.format",
    "collections.UserString.format_map", "operator.attrgetter", "operator.methodcaller", "sys.modules",
    "sys._getframe", "sys._current_frames", "sys._getframemodulename", "sys.settrace", "sys.setprofile",
    "sys.meta_path", "functools.update_wrapper", "functools.wraps", "logging.StrFormatStyle",
    "typing.get_type_hints", "typing.ForwardRef", "typing.evaluate_forward_ref", "annotationlib", "importlib",
    "_frozen_importlib", "_frozen_importlib_external", "imp", "zipimport", "pkgutil", "pydoc", "runpy", "site",
    "modulefinder", "code", "codeop", "rlcompleter", "timeit", "trace", "profile", "cProfile", "_lsprof", "bdb",
    "pdb", "doctest", "unittest", "test", "inspect", "gc", "ctypes", "_ctypes", "cffi", "_cffi_backend", "_testcapi",
    "_testinternalcapi", "_testlimitedcapi", "tkinter", "_tkinter", "_interpreters", "_xxsubinterpreters",
    "concurrent.interpreters", "pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib.load", "numexpr",
    "pandas.eval", "pandas.core.computation", "pandas.core.frame.DataFrame.eval",
    "pandas.core.frame.DataFrame.query", "pandas.io.pickle", "pandas.read_pickle", "pandas.DataFrame.eval",
    "pandas.DataFrame.query", "xmlrpc", "multiprocessing.managers", "idlelib", "multiprocessing.reduction",
    "logging.config", "__main__", "snakebridge._internal",
)
# fmt: on

# Modules that others wrap: a name in the one stands for the same in the other. `_socket` and its like are `socket`.
TWINS = {
    "posix": "os",
    "nt": "os",
    "posixpath": "os.path",
    "ntpath": "os.path",
    "genericpath": "os.path",
    "_collections_abc": "collections.abc",
    "_frozen_importlib": "importlib._bootstrap",
    "_frozen_importlib_external": "importlib._bootstrap_external",
    "_posixsubprocess": "subprocess",
    "_pydatetime": "datetime",
    "_pydecimal": "decimal",
    "_pyio": "io",
    "_thread": "threading",
}

# Bases that only mark a class; a class does not become what they are.
MARKERS = frozenset(("builtins", "abc", "typing", "_collections_abc", "collections.abc", "typing_extensions"))
# Their identity says nothing: equal ones are one object.
INTERNED = frozenset((int, str, float, bool, bytes, tuple, complex, frozenset, type(None)))
KINDS = range(9)
EXPRESSION_KINDS = (9, 10)
NAMED_KINDS = (calls.FUNCTION, calls.METHOD, calls.GET_ATTR, calls.SET_ATTR, calls.DEL_ATTR, calls.MODULE_ATTR)

_MODULE_DICT = vars(ModuleType)["__dict__"].__get__
_CLASS_MRO = type.__dict__["__mro__"].__get__
_CLASS_DICT = type.__dict__["__dict__"].__get__
_PARTIAL_FUNC = vars(partial)["func"].__get__
_METHOD_DESCRIPTORS = (
    type(list.append),
    type(object.__init__),
    type(vars(int)["real"]),
    type(vars(FunctionType)["__globals__"]),
    type(vars(dict)["fromkeys"]),
)
_METHOD_WRAPPER = type(object().__str__)
_GENERIC_ALIAS = type(list[int])


class PolicyProblem(Problem):
    """The policy keeps the host from reaching something."""

    kind = "policy"

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"Cannot reach {name}: the policy refuses it ({rule})", name=name, rule=rule)


class Pattern:
    """`a.b`: that and everything below it; `a.b.*`: only what is below; `*`: everything."""

    __slots__ = ("below_only", "exact", "prefix", "text")

    def __init__(self, text: object) -> None:
        if type(text) is not str or not text:
            raise Problem(f"Cannot use policy: pattern is {text!r:.80}, expected a dotted name")
        name = text[:-2] if text.endswith(".*") else text
        if text != "*" and not all(step.isidentifier() for step in name.split(".")):
            raise Problem(f"Cannot use policy: pattern is {text!r:.80}, expected a dotted name, which may end in .*")
        self.text = text
        self.exact = name
        self.below_only = name != text
        self.prefix = name + "."

    def matches(self, name: str) -> bool:
        if self.exact == "*" or name.startswith(self.prefix):
            return True
        return not self.below_only and name == self.exact

    def is_below(self, name: str) -> bool:
        """Whether what it means lies at or below `name`, so that one passes `name` on the way to it."""
        return self.exact == name or self.prefix.startswith(name + ".")


class Held:
    """Stands for a table of refs where the object is at hand already."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, _ref: int, _session: str) -> Any:
        return self._value


class Policy:
    """Decides what the host may reach."""

    def __init__(self, given: object) -> None:
        if type(given) is not dict:
            raise Problem(f"Cannot use policy: it is {given!r:.80}, expected a map")
        self.allow = self._patterns(given, "allow")
        self.deny = self._patterns(given, "deny") or []
        self.expressions = given.get("expressions") is True
        named = self.allow or []
        gateways = map(Pattern, GATEWAYS)
        self.gateways = [gate for gate in gateways if not any(pattern.exact == gate.exact for pattern in named)]
        self._exceptions = {
            gate.text: [pattern for pattern in named if pattern.exact.startswith(gate.prefix)] for gate in self.gateways
        }
        # Objects that patterns name exactly, by id, with the object so that no other one takes its id.
        self._named: dict[int, tuple[Any, set[str]]] = {}
        self._modules_seen = 0

    @staticmethod
    def _patterns(given: dict[str, Any], name: str) -> list[Pattern] | None:
        texts = given.get(name)
        if texts is None:
            return None
        if type(texts) is not list:
            raise Problem(f"Cannot use policy: {name} is {texts!r:.80}, expected an array of patterns")
        return [Pattern(text) for text in texts]

    # Questions

    def check_name(self, name: str) -> None:
        """Checks a module name before anything of that name is imported."""
        names = with_twins([name])
        self._refuse_denied(names, name)
        if self.allow is not None and not self._leads(names):
            raise PolicyProblem(name, "no entry of allow matches it")

    def check_object(self, value: Any, paths: Iterable[str] = (), *, passing: bool = False) -> None:
        """Checks an object that was reached.

        Args:
            value: The object.
            paths: The words it was reached by, such as `os.environ`.
            passing: Whether it is only passed on the way to something else.

        Raises:
            PolicyProblem: If it may not be reached.
        """
        paths = with_twins(paths)
        if type(value) in (FrameType, CodeType, TracebackType):
            raise PolicyProblem(type_name(type(value)), "introspection")
        own = with_twins(own_names(value))
        also = [*own, *paths, *with_twins(further_names(value))]
        shown = paths[0] if paths else own[0] if own else type_name(type(value))
        self._refuse_denied(also, shown, value)
        if self.allow is None or is_data(value):
            return
        exact = self._exact_patterns(value)
        if any(pattern.text in exact for pattern in self.allow):
            return
        known = own if has_name(value) else [*own, *paths]
        if not any(pattern.matches(name) for pattern in self.allow for name in known) and not (
            passing and isinstance_raw(value, (ModuleType, type)) and self._leads([*own, *paths])
        ):
            raise PolicyProblem(shown, "no entry of allow matches it")

    def check_attribute(self, holder: Any, name: str) -> None:
        """Checks the name of an attribute before it is looked at."""
        if name in INTROSPECTION or (name == "mro" and isinstance_raw(holder, (type,))):
            raise PolicyProblem(f"{type_name(type(holder))}.{name}", f"introspection {name!r}")
        if isinstance_raw(holder, (ModuleType,)):
            # Before a submodule of that name is imported.
            for module in (*module_names(holder), *module_aliases(holder)):
                self._refuse_denied(with_twins([f"{module}.{name}"]), f"{module}.{name}")

    def check_change(self, name: str) -> None:
        """Checks the name of an attribute that is to be set or deleted: what an object is known by stays as it is."""
        if name.startswith("__") and name.endswith("__"):
            raise PolicyProblem(name, f"introspection {name!r}")

    def check_kind(self, kind: object) -> None:
        """Checks the kind of a call.

        Expression templates are code, which no rule about names can hold; kinds that are not known here may be, too.
        """
        if kind in EXPRESSION_KINDS:
            if not self.expressions:
                raise PolicyProblem("expression templates", "expressions is not true")
        elif kind not in KINDS:
            raise PolicyProblem(f"calls of kind {kind!r:.20}", "unknown kind")

    def _refuse_denied(self, names: list[str], shown: str, value: Any = None) -> None:
        exact = self._exact_patterns(value)
        # Lists and texts are not what is meant by a rule about builtins; one that names their type means them.
        ignored = "builtins" if value is not None and is_data(value) else None
        for pattern in self.deny:
            if pattern.exact != ignored and (pattern.text in exact or any(map(pattern.matches, names))):
                raise PolicyProblem(shown, f"deny {pattern.text!r}")
        for gate in self.gateways:
            if gate.text in exact or any(map(gate.matches, names)):
                exceptions = self._exceptions[gate.text]
                if not any(pattern.matches(name) or pattern.is_below(name) for pattern in exceptions for name in names):
                    raise PolicyProblem(shown, f"gateway {gate.text!r}")

    def _leads(self, names: list[str]) -> bool:
        return any(pattern.matches(name) or pattern.is_below(name) for pattern in self.allow or () for name in names)

    def _exact_patterns(self, value: Any) -> set[str]:
        """The patterns that name this very object, whatever it calls itself."""
        if type(value) in INTERNED:
            return set()
        # What is not imported yet has no object; nothing is imported and no code runs to find one.
        if len(sys.modules) != self._modules_seen:
            self._modules_seen = len(sys.modules)
            for pattern in (*self.deny, *self.gateways, *(self.allow or ())):
                found = None if pattern.below_only else find_object(pattern.exact)
                if found is not None:
                    self._named.setdefault(id(found), (found, set()))[1].add(pattern.text)
        entry = self._named.get(id(bare(value)))
        return set() if entry is None else entry[1]

    # In the place of the functions of `calls` and of a ref table

    def install(self, refs: RefTable) -> None:
        """Puts itself between the calls and what they reach."""
        from snakebridge._internal import worker

        import_module, walk, invoke = calls.import_module, calls.walk, calls.invoke
        get, describe = refs.get, refs.describe

        def checked_import(name: str) -> Any:
            self.check_name(name)
            module = import_module(name)
            self.check_object(module, [name], passing=True)
            return module

        def checked_walk(value: Any, name: str) -> Any:
            steps = name.split(".")
            for index, step in enumerate(steps):
                self.check_attribute(value, step)
                paths = [f"{owner}.{step}" for owner in path_names(value)]
                value = walk(value, step)
                self.check_object(value, paths, passing=index < len(steps) - 1)
            return value

        def checked_invoke(refs: RefTable, message: list[Any]) -> Any:
            _, _, _, session, kind, target, name, args, kwargs, _ = message[:10]
            self.check_kind(kind)
            value: Any
            if kind not in NAMED_KINDS or type(name) is not str:
                return invoke(refs, message)
            if type(target) is str and target and kind in (calls.FUNCTION, calls.MODULE_ATTR):
                value = checked_import(target)
            elif type(target) is int and kind not in (calls.FUNCTION, calls.MODULE_ATTR):
                value = refs.get(target, session)
            else:
                return invoke(refs, message)
            if not name:
                return invoke(refs, message)
            path, _, last = name.rpartition(".")
            if kind in (calls.SET_ATTR, calls.DEL_ATTR):
                self.check_change(last)
                value = checked_walk(value, path) if path else value
            else:
                value, last = checked_walk(value, name), ""
                kind = calls.VALUE if kind in (calls.MODULE_ATTR, calls.GET_ATTR) else calls.METHOD
            # Every step was checked: what is left concerns the object at the end of the way.
            return invoke(Held(value), [*message[:4], kind, 0, last, args, kwargs, message[9]])  # type: ignore[arg-type]

        def checked_get(ref: int, session: str) -> Any:
            value = get(ref, session)
            self.check_object(value)
            return value

        def checked_describe(ref: int, value: Any) -> list[Any]:
            try:
                self.check_object(value)
            except PolicyProblem:
                # Its text may hold what the policy is to keep, such as the environment.
                return [ref, type_name(type(value)), None, 0]
            return describe(ref, value)

        calls.import_module, calls.walk, calls.invoke = checked_import, checked_walk, checked_invoke
        vars(worker)["invoke"] = checked_invoke
        refs.get, refs.describe = checked_get, checked_describe  # type: ignore[method-assign]


def isinstance_raw(value: Any, kinds: tuple[type, ...]) -> bool:
    """`isinstance` by the true type: an object may lie about its `__class__`."""
    return any(kind in _CLASS_MRO(type(value)) for kind in kinds)


def bare(value: Any) -> Any:
    """What a bound or wrapped callable calls."""
    while True:
        if type(value) is MethodType or isinstance_raw(value, (staticmethod, classmethod)):
            value = value.__func__
        elif isinstance_raw(value, (partial,)):
            value = _PARTIAL_FUNC(value)
        elif type(value) is _GENERIC_ALIAS:
            value = attribute(value, "__origin__")
        else:
            return value


def is_data(value: Any) -> bool:
    """Whether it is an instance of a builtin data type such as `list`, or a method of one."""
    kind = type(value)
    if kind in (BuiltinFunctionType, _METHOD_WRAPPER):
        value = value.__self__
        kind = type(value)
        if value is None:
            return False
    return type_name(kind).startswith("builtins.") and not has_name(value)


def has_name(value: Any) -> bool:
    """Whether it is a module, class or function: known by its own name, however it is reached."""
    kind = type(value)
    return (
        isinstance_raw(value, (ModuleType, type, partial, staticmethod, classmethod))
        or kind in (FunctionType, BuiltinFunctionType, MethodType, _METHOD_WRAPPER, _GENERIC_ALIAS)
        or kind in _METHOD_DESCRIPTORS
        or is_compiled_function(kind)
    )


def is_compiled_function(kind: type) -> bool:
    return type_name(kind).rpartition(".")[2] in ("cython_function_or_method", "fused_cython_function")


def own_names(value: Any) -> Iterator[str]:
    """The names that a thing is truly known by, best first."""
    kind = type(value)
    if isinstance_raw(value, (ModuleType,)):
        yield from module_names(value)
    elif isinstance_raw(value, (type,)):
        yield type_name(value)
    elif kind is FunctionType or is_compiled_function(kind):
        yield from function_names(value)
    elif kind is MethodType:
        yield from own_names(value.__func__)
        yield from (f"{owner}.{text(value.__func__, '__name__')}" for owner in own_names(value.__self__))
    elif kind is BuiltinFunctionType or kind is _METHOD_WRAPPER:
        owner, name = value.__self__, value.__name__
        if owner is None or isinstance_raw(owner, (ModuleType,)):
            module = text(value, "__module__") or (text(owner, "__name__") if owner is not None else "")
            yield f"{module or 'builtins'}.{name}"
        elif has_name(owner):
            yield from (f"{each}.{name}" for each in own_names(owner))
        else:
            yield from member_names(type(owner), name)
    elif kind in _METHOD_DESCRIPTORS:
        yield from member_names(value.__objclass__, value.__name__)
    elif bare(value) is not value:
        yield from own_names(bare(value))
    else:
        yield type_name(kind)


def further_names(value: Any) -> Iterator[str]:
    """More names under which a thing may be denied, but which do not make it allowed."""
    kind = type(value)
    if isinstance_raw(value, (ModuleType,)):
        yield from module_aliases(value)
        return
    if kind in (MethodType, BuiltinFunctionType, _METHOD_WRAPPER) and value.__self__ is not None:
        owner = value.__self__
        if not isinstance_raw(owner, (ModuleType,)):
            yield from own_names(owner)
            yield from further_names(owner)
    if kind is MethodType:
        yield from further_names(value.__func__)
    if isinstance_raw(value, (partial,)) or kind is _GENERIC_ALIAS:
        yield from further_names(bare(value))
    # A class is what its bases are, and an object what its class is.
    for base in _CLASS_MRO(value if isinstance_raw(value, (type,)) else kind):
        if not is_marker(base):
            yield type_name(base)
    if not has_name(value):
        # `__call__ = os.system` in a class makes its objects what that is.
        called = next(
            (_CLASS_DICT(base)["__call__"] for base in _CLASS_MRO(kind) if "__call__" in _CLASS_DICT(base)), None
        )
        if called is not None:
            yield from own_names(called)
    module, name = text(value, "__module__"), text(value, "__qualname__") or text(value, "__name__")
    if module and name:
        yield f"{module}.{name}"
    wrapped = attribute(value, "__wrapped__")
    if wrapped is not None and wrapped is not value and has_name(wrapped):
        yield from own_names(wrapped)
        yield from further_names(wrapped)


def function_names(value: Any) -> Iterator[str]:
    name = text(value, "__qualname__") or text(value, "__name__")
    # A decorator may give a function another module's name; its globals are where it was written.
    space = attribute(value, "__globals__")
    written = space.get("__name__") if type(space) is dict else None
    for module in (text(value, "__module__"), written):
        if type(module) is str and module:
            yield f"{module}.{name}"


def member_names(owner: type, name: str) -> Iterator[str]:
    """The names of a method: by the class that it was looked up in, and by the one that defines it."""
    yield f"{type_name(owner)}.{name}"
    for base in _CLASS_MRO(owner):
        if name in _CLASS_DICT(base):
            yield f"{type_name(base)}.{name}"
            return


def module_names(module: Any) -> list[str]:
    name = _MODULE_DICT(module).get("__name__")
    return [name] if type(name) is str else []


def module_aliases(module: Any) -> list[str]:
    return [name for name, other in list(sys.modules.items()) if other is module and type(name) is str]


def path_names(holder: Any) -> list[str]:
    """What stands before the dot in the words for an attribute: the module, or the class and its bases."""
    if isinstance_raw(holder, (ModuleType,)):
        return [*module_names(holder), *module_aliases(holder)]
    kind = holder if isinstance_raw(holder, (type,)) else type(holder)
    return [type_name(base) for base in _CLASS_MRO(kind) if base is kind or not is_marker(base)]


def is_marker(kind: type) -> bool:
    return type_name(kind).rpartition(".")[0] in MARKERS


def attribute(value: Any, name: str) -> Any:
    """An attribute that the object holds itself, asked without its own `__getattr__`."""
    try:
        if isinstance_raw(value, (type,)):
            return _CLASS_DICT(value).get(name)
        return object.__getattribute__(value, name)
    except Exception:
        return None


def text(value: Any, name: str) -> str:
    found = _MODULE_DICT(value).get(name) if isinstance_raw(value, (ModuleType,)) else attribute(value, name)
    return found if type(found) is str else ""


def with_twins(names: Iterable[str]) -> list[str]:
    """Names, and the same in the modules that wrap theirs."""
    found = dict.fromkeys(names)
    for name in list(found):
        head, dot, rest = name.partition(".")
        twin = TWINS.get(head) or (head[1:] if head[:1] == "_" and head[1:2] not in ("", "_") else None)
        if twin is not None:
            found[twin + dot + rest] = None
    return list(found)


def find_object(name: str) -> Any:
    steps = name.split(".")
    for end in range(len(steps), 0, -1):
        value: Any = sys.modules.get(".".join(steps[:end]))
        if value is None:
            continue
        for step in steps[end:]:
            if isinstance_raw(value, (ModuleType,)):
                value = _MODULE_DICT(value).get(step)
            elif isinstance_raw(value, (type,)):
                value = next((_CLASS_DICT(base)[step] for base in _CLASS_MRO(value) if step in _CLASS_DICT(base)), None)
            else:
                value = None
        return None if value is None or type(value) in INTERNED else bare(value)
    return None
