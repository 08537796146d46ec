# What each kind of call does (proto/PROTOCOL.md 3.1). Names are real Python names; Python's own errors come back.
from __future__ import annotations

import sys

from snakebridge._internal.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.refs import RefTable

FUNCTION, METHOD, GET_ATTR, SET_ATTR, DEL_ATTR, MODULE_ATTR, OPERATION, NEXT, VALUE, EVALUATE, EXECUTE = range(11)

_ModuleType = type(sys)
# As it was before the worker put folders of the user in front.
_PATH = list(sys.path)


# Modules seen to be imported to their end.
_whole: dict[str, Any] = {}
_modules = sys.modules
_MISSING = object()


def import_module(name: str) -> Any:
    """Imports a module by its dotted name."""
    module = _modules.get(name)
    if module is None or getattr(getattr(module, "__spec__", None), "_initializing", False):
        __import__(name)
        module = _modules[name]
    _whole[name] = module
    return module


def walk(value: Any, name: str) -> Any:
    """Follows a dotted name; a submodule that is not imported yet is imported."""
    for step in name.split(".") if "." in name else (name,):
        try:
            value = getattr(value, step)
        except AttributeError as error:
            if not isinstance(value, _ModuleType):
                add_suggestion(error, value, step)
                raise
            value = _submodule(value, step, error)
    return value


def _submodule(module: Any, step: str, error: AttributeError) -> Any:
    if not hasattr(module, "__path__"):
        add_suggestion(error, module, step)
        raise error
    name = f"{module.__name__}.{step}"
    try:
        __import__(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        add_suggestion(error, module, step)
        raise error from None
    return sys.modules[name]


def _expressions() -> Any:
    module = sys.modules.get("snakebridge._internal.expressions")
    if module is None:
        # Of the standard library it needs more than is loaded, and no folder of the user may stand in for that.
        current = sys.path
        sys.path = _PATH
        try:
            from snakebridge._internal import expressions as module
        finally:
            sys.path = current
    return module


def add_suggestion(error: BaseException, value: Any, step: str) -> None:
    from snakebridge._internal.failures import suggest

    suggest(error, value, step)


def invoke(refs: RefTable, message: list[Any]) -> Any:
    """Runs one call and returns its result.

    Raises:
        Problem: If the message or its target is not usable.
        BaseException: Whatever Python raises.
    """
    if len(message) != 10:
        message = message[:10]
    _, _, _, session, kind, target, name, args, kwargs, _ = message
    if type(args) is not list or type(name) is not str or not (kwargs is None or type(kwargs) is dict):
        raise Problem("Cannot run call: name, args or kwargs have the wrong type")
    if kind == METHOD and type(target) is int:
        value = refs.get(target, session)
        if name:
            if "." in name or (found := getattr(value, name, _MISSING)) is _MISSING:
                found = walk(value, name)
            value = found
        return value(*args, **kwargs) if kwargs else value(*args)
    if kind == FUNCTION or kind == MODULE_ATTR:  # noqa: SIM109 -- a tuple of globals is built at every call
        if type(target) is not str or not target:
            raise Problem("Cannot run call: target is no module name")
        value = _modules.get(target)
        if value is None or value is not _whole.get(target):
            value = import_module(target)
        if name:
            if "." in name or (found := getattr(value, name, _MISSING)) is _MISSING:
                found = walk(value, name)
            value = found
        if kind == MODULE_ATTR:
            return value
        return value(*args, **kwargs) if kwargs else value(*args)
    if kind == EVALUATE or kind == EXECUTE:  # noqa: SIM109
        # Code of the host's choice: the one place where a policy can refuse it.
        if kind == EVALUATE:
            return _expressions().evaluate(session, target, args, kwargs)
        return _expressions().execute(session, target, args, kwargs)
    if type(target) is not int:
        raise Problem("Cannot run call: target is no ref id")
    value = refs.get(target, session)
    if kind == GET_ATTR:
        return walk(value, name)
    if kind in (SET_ATTR, DEL_ATTR):
        path, _, last = name.rpartition(".")
        holder = walk(value, path) if path else value
        if kind == DEL_ATTR:
            delattr(holder, last)
        else:
            setattr(holder, last, *args)
        return None
    if kind == OPERATION:
        if name in ("enter", "exit"):
            from snakebridge._internal import contexts

            return contexts.operate(refs, session, value, name, args)
        from snakebridge._internal.operations import operate

        return operate(value, name, args)
    if kind == VALUE:
        return value
    raise Problem(f"Cannot run call: kind is {kind!r}, expected 0 to 10")
