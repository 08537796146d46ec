# Python classes whose methods are functions of the host. They come as callables in the arguments of `make_class`, so
# nothing here knows how a callable reaches the host, and tests give plain functions.
from __future__ import annotations

import ast
import inspect
import sys
import types

from snakebridge._internal.calls import import_module, walk
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

MODULE = "snakebridge.host"
# Python calls these where no function of the host can be waited for, or where there is no object yet.
REFUSED = {
    "__new__": "it runs before there is an object; write __init__",
    "__del__": "it may run at any moment, in any thread; write a close method, or __exit__",
    "__reduce_ex__": "its functions cannot leave this process",
}


def make_class(
    name: str,
    bases: Sequence[Any],
    methods: Mapping[str, Callable[..., Any]],
    *,
    attributes: Mapping[str, Any] | None = None,
    properties: Mapping[str, Mapping[str, Callable[..., Any]]] | None = None,
    static_methods: Mapping[str, Callable[..., Any]] | None = None,
    class_methods: Mapping[str, Callable[..., Any]] | None = None,
    signatures: Mapping[str, str] | None = None,
    keywords: Mapping[str, Any] | None = None,
    doc: str | None = None,
) -> type:
    """Makes a class.

    Args:
        name: Its name.
        bases: Classes, or their dotted names.
        methods: Called with the object first. What `__init__` returns is dropped.
        attributes: Attributes of the class.
        properties: By name, functions under `get`, `set` and `delete`.
        static_methods: Called without an object.
        class_methods: Called with the class first.
        signatures: Parameters of methods by name, as they stand between the brackets of a `def`, without the first one.
            Arguments arrive in that order then, with defaults filled in, and `inspect.signature` gives it. One for
            `__init__` without a method of that name makes one that keeps each argument as an attribute.
        keywords: Keywords of the class statement, such as `metaclass`.
        doc: Its documentation.

    Raises:
        TypeError: If something is of a wrong type, or a method cannot be a function of the host.
        SyntaxError: If a signature is none.
    """
    if type(name) is not str or not name.isidentifier():
        raise TypeError(f"Cannot make class: its name is {name!r:.80}, expected an identifier")
    parents = tuple(_find_base(base, name) for base in bases)
    given = dict(signatures or {})
    space: dict[str, Any] = {"__module__": MODULE, "__doc__": doc, **(attributes or {})}
    groups: tuple[tuple[Mapping[str, Callable[..., Any]] | None, Any], ...] = (
        (methods, None),
        (static_methods, staticmethod),
        (class_methods, classmethod),
    )
    for group, wrap in groups:
        for member, call in (group or {}).items():
            _check_member(name, member, call)
            is_bound = wrap is not staticmethod
            signature = _signature(name, member, given.pop(member, None), is_bound)
            function = _function(name, member, call, signature, is_bound)
            space[member] = function if wrap is None else wrap(function)
    for member, parts in (properties or {}).items():
        space[member] = _property(name, member, parts)
    # The class does not exist yet; what needs it for `super` looks here.
    own: list[type] = []
    init = _signature(name, "__init__", given.pop("__init__", None), True)
    if init is not None:
        space["__init__"] = _named(_storing_init(init, own), name, "__init__", init)
    if given:
        raise TypeError(f"Cannot make class {name}: there is a signature for {next(iter(given))!r}, but no such method")
    space.setdefault("__reduce_ex__", _named(_reducer(own), name, "__reduce_ex__", None))
    made = types.new_class(name, parents, dict(keywords or {}), lambda body: body.update(space))
    own.append(made)
    return made


def _find_base(base: Any, name: str) -> Any:
    if type(base) is str:
        module, _, rest = base.partition(".")
        base = walk(import_module(module), rest) if rest else walk(import_module("builtins"), module)
    if isinstance(base, type) or hasattr(base, "__mro_entries__"):
        return base
    raise TypeError(f"Cannot make class {name}: a base is of type {type_name(type(base))}, expected a class")


def _check_member(name: str, member: str, call: Any) -> None:
    if not member.isidentifier():
        raise TypeError(f"Cannot make class {name}: {member!r:.80} is no name of a method")
    if member in REFUSED:
        raise TypeError(f"Cannot make class {name}: {member} cannot be a function of the host: {REFUSED[member]}")
    if not callable(call):
        raise TypeError(f"Cannot make class {name}: {member} is of type {type_name(type(call))}, expected a function")


def _signature(name: str, member: str, text: str | None, is_bound: bool) -> inspect.Signature | None:
    if text is None:
        return None
    first = "self, " if is_bound else ""
    try:
        tree = ast.parse(f"def given({first}{text}): pass")
        definition = tree.body[0]
        if len(tree.body) != 1 or type(definition) is not ast.FunctionDef or type(definition.body[0]) is not ast.Pass:
            raise SyntaxError("more than parameters")
        code = compile(tree, f"<signature of {name}.{member}>", "exec")
    except SyntaxError as error:
        message = f"Cannot make class {name}: the signature of {member} is {text!r:.200}: {error.msg}"
        raise SyntaxError(message) from None
    space: dict[str, Any] = {}
    exec(code, space)
    return inspect.signature(space["given"])


def _named(function: Any, name: str, member: str, signature: inspect.Signature | None) -> Any:
    function.__name__ = member
    function.__qualname__ = f"{name}.{member}"
    function.__module__ = MODULE
    if signature is not None:
        function.__signature__ = signature
    return function


def _function(
    name: str, member: str, call: Callable[..., Any], signature: inspect.Signature | None, is_bound: bool
) -> Callable[..., Any]:
    """A true function: whatever the callable is, it is bound like one."""
    # Python wants None of these, and functions of the host give what their last expression happens to be.
    drops = member in ("__init__", "__init_subclass__", "__set_name__")

    def arrange(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if signature is None:
            return args, kwargs
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def method(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = arrange(args, kwargs)
        result = call(*args, **kwargs)
        return None if drops else result

    async def async_method(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = arrange(args, kwargs)
        return await call(*args, **kwargs)

    shown = signature
    if shown is None:
        every = inspect.Parameter
        kinds = [every("args", every.VAR_POSITIONAL), every("kwargs", every.VAR_KEYWORD)]
        shown = inspect.Signature([*([every("self", every.POSITIONAL_ONLY)] if is_bound else []), *kinds])
    made: Callable[..., Any] = _named(async_method if _is_async(call) else method, name, member, shown)
    return made


def _is_async(call: Callable[..., Any]) -> bool:
    # The module of functions of the host is there if one is.
    callbacks = sys.modules.get("snakebridge._internal.callbacks")
    return inspect.iscoroutinefunction(call) or (callbacks is not None and type(call) is callbacks.AsyncHostFunction)


def _property(name: str, member: str, parts: Mapping[str, Callable[..., Any]]) -> property:
    functions: dict[str, Callable[..., Any]] = {}
    for part, call in parts.items():
        if part not in ("get", "set", "delete"):
            raise TypeError(f"Cannot make class {name}: {member} has {part!r:.80}, expected get, set or delete")
        _check_member(name, member, call)
        functions[part] = _function(name, member, call, None, True)
    return property(functions.get("get"), functions.get("set"), functions.get("delete"))


def _storing_init(signature: inspect.Signature, own: list[type]) -> Callable[..., None]:
    """An `__init__` that keeps its arguments as attributes, as scikit-learn wants of its estimators."""

    def store(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        (_, this), *rest = bound.arguments.items()
        super(own[0], this).__init__()  # type: ignore[arg-type]
        for key, value in rest:
            setattr(this, key, value)

    return store


class _Here:
    """Stands in the recipe of a copy: can be copied, and refuses to be pickled."""

    def __init__(self, make: Callable[..., Any], kind: str) -> None:
        self.make = make
        self.kind = kind

    def __call__(self, *args: Any) -> Any:
        return self.make(*args)

    def __deepcopy__(self, _memo: object) -> _Here:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        from pickle import PicklingError

        raise PicklingError(f"Cannot pickle {self.kind!r} object: its methods are functions of the TypeScript program")


def _reducer(own: list[type]) -> Callable[..., Any]:
    def reduce(this: Any, protocol: Any) -> Any:
        recipe = super(own[0], this).__reduce_ex__(protocol)  # type: ignore[arg-type]
        if type(recipe) is not tuple:
            return recipe
        return _call, (_Here(recipe[0], type(this).__name__), recipe[1]), *recipe[2:]

    return reduce


def _call(make: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    return make(*args)
