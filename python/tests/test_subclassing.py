"""Classes made of functions of the host, which are plain functions here."""

from __future__ import annotations

import abc
import asyncio
import collections.abc
import copy
import inspect
import logging
import pickle
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from snakebridge._internal.subclassing import MODULE, make_class


class Base:
    def __init__(self, size: int = 1) -> None:
        self.size = size

    def area(self, factor: int = 1) -> int:
        return self.size * factor


def test_methods_are_bound_and_super_is_reachable() -> None:
    class Callable:
        """Callables of the host are objects, not functions."""

        def __call__(self, this: Any, factor: int = 1) -> int:
            return int(super(made, this).area(factor)) + 1  # type: ignore[misc]

    made: Any = make_class("Square", [Base], {"area": Callable(), "both": lambda *args, **kwargs: (args, kwargs)})
    square = made(3)
    assert (square.area(), square.area(2), square.area(factor=3)) == (4, 7, 10)
    assert square.both(1, this=2) == ((square, 1), {"this": 2})
    assert isinstance(square, Base) and made.__mro__[1] is Base
    assert (made.__name__, made.__qualname__, made.__module__) == ("Square", "Square", MODULE)
    assert made.area.__qualname__ == "Square.area" and str(inspect.signature(square.area)) == "(*args, **kwargs)"

    class Further(made):  # type: ignore[misc]
        def area(self, factor: int = 1) -> int:
            return 100 + int(super().area(factor))

    assert Further(3).area() == 104


def test_init_may_be_inherited_written_or_made() -> None:
    def init(this: Any, size: int) -> str:
        super(written, this).__init__(size * 2)
        return "dropped"

    written: Any = make_class("Written", [Base], {"__init__": init})
    assert written(4).size == 8
    stored: Any = make_class("Stored", [Base], {}, signatures={"__init__": "alpha=1.5, *, names=('a',), copy"})
    made = stored(copy=True)
    assert (made.size, made.alpha, made.names, made.copy) == (1, 1.5, ("a",), True)
    with pytest.raises(TypeError, match="missing a required argument: 'copy'"):
        stored(1)
    assert str(inspect.signature(stored)) == "(alpha=1.5, *, names=('a',), copy)"


def test_signatures_arrange_arguments() -> None:
    seen: list[Any] = []
    made: Any = make_class(
        "Arranged",
        [],
        {"fit": lambda *args, **kwargs: seen.append((args[1:], kwargs)), "none": lambda this: 5},
        signatures={"fit": "X, y=None, *, weight=1", "none": ""},
        static_methods={"alone": lambda *args: args},
        class_methods={"build": lambda cls, *args: (cls, args)},
    )
    this = made()
    this.fit(1)
    this.fit(y=2, X=1, weight=3)
    assert seen == [((1, None), {"weight": 1}), ((1, 2), {"weight": 3})]
    assert this.none() == 5 and made.alone(1) == (1,) and made.build(2) == (made, (2,)) == this.build(2)
    with pytest.raises(TypeError, match="too many positional"):
        this.none(1)
    for text in ("X, X", "x=", "): import os; (", "x): pass\nimport os\ndef f(y", "x): return 1; (y"):
        with pytest.raises(SyntaxError, match="Cannot make class C: the signature of fit is"):
            make_class("C", [], {"fit": print}, signatures={"fit": text})
    with pytest.raises(TypeError, match="a signature for 'predict', but no such method"):
        make_class("C", [], {}, signatures={"predict": "X"})


def test_metaclasses_generics_and_keywords() -> None:
    made: Any = make_class(
        "Bag", ["collections.abc.Collection"], {"__len__": lambda this: 2, "__iter__": lambda this: iter([1, 2])}
    )
    assert type(made) is abc.ABCMeta
    with pytest.raises(TypeError, match=r"abstract.*__contains__"):
        made()
    whole: Any = make_class("Whole", [made], {"__contains__": lambda this, item: item == 1})
    assert list(whole()) == [1, 2] and 1 in whole() and isinstance(whole(), collections.abc.Collection)

    class Registered:
        kinds: ClassVar[list[str]] = []

        def __init_subclass__(cls, *, kind: str, **rest: Any) -> None:
            super().__init_subclass__(**rest)
            cls.kinds.append(kind)

    make_class("Made", [Registered], {}, keywords={"kind": "host"})
    assert Registered.kinds == ["host"]
    generic: Any = Generic
    plain: Any = make_class("Plain", [generic[TypeVar("T")]], {}, attributes={"level": 3}, doc="Says what it is.")
    assert plain.level == 3 and plain[int] and plain.__doc__ == "Says what it is."
    meta: Any = make_class("Meta", ["builtins.type"], {})
    assert type(make_class("Metered", [], {}, keywords={"metaclass": meta})) is meta


def test_asynchronous_methods() -> None:
    from snakebridge._internal.callbacks import AsyncHostFunction

    class Calls:
        """Stands where the conversation with the host would be; it answers at once."""

        def call_async(self, number: int, session: str, args: Any, kwargs: Any) -> Any:
            return asyncio.sleep(0, (number, session, args[1:], kwargs))

    async def local(this: Any, x: int) -> int:
        return x + 1

    made: Any = make_class(
        "Async",
        [],
        {"local": local, "far": AsyncHostFunction(Calls(), 7, "far", "s")},  # type: ignore[arg-type]
        signatures={"local": "x=1"},
    )
    this = made()
    assert inspect.iscoroutinefunction(made.local) and inspect.iscoroutinefunction(this.far)
    assert asyncio.run(this.local()) == 2
    assert asyncio.run(this.far(1, a=2)) == (7, "s", (1,), {"a": 2})


def test_properties_and_special_methods() -> None:
    store: dict[str, Any] = {}
    made: Any = make_class(
        "Special",
        ["object"],
        {
            "__len__": lambda this: 4,
            "__eq__": lambda this, other: True,
            "__enter__": lambda this: 7,
            "__exit__": lambda this, *error: error[0] is KeyError,
            "__call__": lambda this, x: x + 1,
        },
        properties={
            "value": {"get": lambda this: store["v"], "set": lambda this, v: store.update(v=v)},
            "fixed": {"get": lambda this: 1},
        },
    )
    this = made()
    this.value = 5
    assert this.value == 5 and this.fixed == 1 and len(this) == 4 and this(1) == 2
    with pytest.raises(AttributeError):
        this.fixed = 2
    with this as entered:
        assert entered == 7
        raise KeyError("suppressed")
    with pytest.raises(TypeError, match="unhashable"):
        hash(this)


def test_copies_but_does_not_pickle() -> None:
    made: Any = make_class("Kept", [Base], {"area": lambda this: 0})
    this = made(3)
    this.inner = [made(4)]
    shallow, deep = copy.copy(this), copy.deepcopy(this)
    assert type(shallow) is made and shallow.inner is this.inner
    assert deep.inner[0] is not this.inner[0] and deep.inner[0].size == 4
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises((pickle.PicklingError, TypeError), match="Cannot pickle 'Kept' object: its methods"):
            pickle.dumps([this], protocol)


def test_refuses_what_cannot_work() -> None:
    for methods, message in (
        ({"__del__": print}, "__del__ cannot be a function of the host: it may run at any moment"),
        ({"__new__": print}, "write __init__"),
        ({"a b": print}, "'a b' is no name of a method"),
        ({"area": 5}, "area is of type builtins.int, expected a function"),
    ):
        with pytest.raises(TypeError, match=message):
            make_class("C", [], methods)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"a base is of type builtins.float, expected a class"):
        make_class("C", ["math.pi"], {})
    with pytest.raises(TypeError, match="its name is 'not a name'"):
        make_class("not a name", [], {})
    with pytest.raises(TypeError, match="expected get, set or delete"):
        make_class("C", [], {}, properties={"x": {"got": print}})
    with pytest.raises(AttributeError, match="has no attribute 'Handlr'"):
        make_class("C", ["logging.Handlr"], {})
    with pytest.raises(TypeError, match="not an acceptable base type"):
        make_class("C", ["bool"], {})


def test_a_logging_handler() -> None:
    lines: list[str] = []
    made: Any = make_class(
        "Lines", ["logging.Handler"], {"emit": lambda this, record: lines.append(this.format(record))}
    )
    logger = logging.Logger("test")
    logger.addHandler(made(logging.WARNING))
    logger.info("no")
    logger.warning("a %s", "b")
    assert lines == ["a b"]


def test_a_scikit_learn_estimator() -> None:
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")

    def fit(this: Any, X: Any, y: Any) -> Any:  # noqa: N803 - scikit-learn's name
        this.mean_ = float(y.mean()) * this.factor
        return this

    made: Any = make_class(
        "MeanRegressor",
        ["sklearn.base.RegressorMixin", "sklearn.base.BaseEstimator"],
        {"fit": fit, "predict": lambda this, rows: [this.mean_] * len(rows)},
        signatures={"__init__": "factor=1.0, *, name='m'", "fit": "X, y", "predict": "X"},
    )
    estimator = made(factor=2.0)
    assert estimator.get_params() == {"factor": 2.0, "name": "m"}
    copied = base.clone(estimator.set_params(name="n"))
    assert type(copied) is made and copied.get_params() == {"factor": 2.0, "name": "n"}
    assert "MeanRegressor(factor=2.0" in repr(estimator)
    np = pytest.importorskip("numpy")
    X, y = np.ones((9, 1)), np.arange(9.0)  # noqa: N806
    search = selection.GridSearchCV(made(), {"factor": [0.5, 1.0]}, cv=3).fit(X, y)
    assert search.best_params_["factor"] in (0.5, 1.0) and search.best_estimator_.mean_ > 0


def test_a_base_that_must_be_initialised_first() -> None:
    # As torch.nn.Module does it: attributes are registered, in a place that its `__init__` makes.
    class Module:
        parts: dict[str, Any]
        forward: Any

        def __init__(self) -> None:
            object.__setattr__(self, "parts", {})

        def __setattr__(self, name: str, value: object) -> None:
            self.parts[name] = value

        def __call__(self, *args: Any) -> Any:
            return self.forward(*args)

    def init(this: Any) -> None:
        super(made, this).__init__()
        this.layer = 3

    made: Any = make_class("Net", [Module], {"__init__": init, "forward": lambda this, x: this.parts["layer"] * x})
    assert made()(2) == 6 and made().parts == {"layer": 3}
