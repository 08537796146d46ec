"""What the host may reach under a policy, and every way round it that was tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snakebridge._internal.packing import Ext, Unpacker, pack
from snakebridge._internal.policy import Pattern
from snakebridge._internal.problems import Problem
from support.host import REF, CallFailed, Host, read_message

GET_ATTR, SET_ATTR, DEL_ATTR, MODULE_ATTR, OPERATION, NEXT, VALUE = 2, 3, 4, 5, 6, 7, 8
TARGET = "policy_target"


def host_with(**policy: Any) -> Host:
    return Host(hello={"policy": policy, "pythonPaths": [str(Path(__file__).parent / "support")]})


@pytest.fixture(scope="module")
def denying() -> Iterator[Host]:
    with host_with(deny=["os", "subprocess.Popen", f"{TARGET}.secret", f"{TARGET}.number", "json.*"]) as host:
        yield host


@pytest.fixture(scope="module")
def allowing() -> Iterator[Host]:
    with host_with(
        allow=[
            "math",
            TARGET,
            "collections.Counter",
            "builtins.len",
            "builtins.type",
            "os.path.join",
            "pathlib.Path.cwd",
        ]
    ) as host:
        yield host


def ref(host: Host, target: Any, name: str = "", *args: Any, kind: int | None = None) -> int:
    """Makes a call whose result is kept, and gives its ref."""
    if kind is None:
        kind = 0 if isinstance(target, str) else 1
    call = host.start(kind, target, name, list(args), flags=REF)
    host.answer(call)
    return call


def arg(number: int) -> Ext:
    return Ext(15, pack([number]))


def refused(host: Host, *call: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(CallFailed) as raised:
        host.call(*call, **options)
    failure = raised.value.failure
    assert failure["kind"] == "policy", failure
    assert type(failure["name"]) is str and type(failure["rule"]) is str
    return failure


def refs_in(values: list[Any]) -> list[list[Any]]:
    """What the refs among values say of themselves."""
    given = [value.data for value in values if isinstance(value, Ext)]
    return [Unpacker(data, lambda code, data: Ext(code, bytes(data)), 100).unpack() for data in given]


# Names


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("os", ["os", "os.system", "os.path.join"], ["osx", "o", "my.os", "os_"]),
        ("os.*", ["os.system", "os.path.join"], ["os", "osx.y"]),
        ("os.path", ["os.path", "os.path.join"], ["os", "os.pathx"]),
        ("*", ["os", "a.b.c"], []),
    ],
)
def test_patterns_match_whole_steps(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [Pattern(pattern).matches(name) for name in yes] == [True] * len(yes)
    assert [Pattern(pattern).matches(name) for name in no] == [False] * len(no)


@pytest.mark.parametrize(
    "pattern", ["", ".", "os.", ".os", "os..path", "o*", "*.os", "*.*", ".*", "os.*.x", "1a", 5, None]
)
def test_patterns_that_are_no_names_are_refused(pattern: object) -> None:
    with pytest.raises(Problem, match="expected a dotted name"):
        Pattern(pattern)


@pytest.mark.parametrize("policy", [5, {"deny": "os"}, {"allow": [1]}, {"deny": ["o*"]}])
def test_a_policy_that_makes_no_sense_ends_the_conversation(policy: object) -> None:
    with Host(greet=False) as host:
        host.send([0, {"protocol": 1, "minProtocol": 1, "policy": policy}])
        kind, call, failure = read_message(host.data)
        assert (kind, call, failure["kind"]) == (17, 0, "protocol")
        assert failure["message"].startswith("Cannot use policy: ")


# What stays possible


def test_what_no_rule_names_is_called_as_ever(denying: Host) -> None:
    assert denying.call("math", "sqrt", 16) == 4
    assert denying.call("math", "pi", kind=MODULE_ATTR) > 3
    assert denying.call("pathlib", "PurePosixPath.joinpath", arg(ref(denying, "pathlib", "PurePosixPath", "a")), "b")
    box = ref(denying, TARGET, "Box")
    assert denying.call(box, "own") == "own"
    counter = ref(denying, "collections", "Counter", "banana")
    assert denying.call(counter, "most_common", 1)
    assert denying.call(counter, "getitem", "a", kind=OPERATION) == 3
    items = ref(denying, "builtins", "iter", [1, 2, 3])
    assert denying.call(items, "", 5, kind=NEXT)[:2] == [[1, 2, 3], True]
    listed = ref(denying, "builtins", "list", "ab")
    denying.call(listed, "append", "c")
    assert denying.call(listed, kind=VALUE) == ["a", "b", "c"]
    denying.call(box, "held", 5, kind=SET_ATTR)
    assert denying.call(box, "held", kind=GET_ATTR) == 5
    with pytest.raises(CallFailed) as raised:
        denying.call(TARGET, "fail")
    assert raised.value.failure["type"] == "builtins.ValueError"


def test_below_only_leaves_the_thing_itself(denying: Host) -> None:
    json = ref(denying, "json", "", kind=MODULE_ATTR)
    assert denying.call(json, "repr", kind=OPERATION).startswith("<module 'json'")
    assert refused(denying, json, "dumps", 1)["rule"] == "deny 'json.*'"
    assert refused(denying, "json", "dumps", 1)["name"] == "json.dumps"


# Ways round a `deny`


@pytest.mark.parametrize(
    "call",
    [
        ("os", "system", "true"),
        ("os", "path.join", "a", "b"),
        ("os.path", "join", "a", "b"),
        ("posixpath", "join", "a", "b"),
        ("genericpath", "exists", "a"),
        ("posix", "system", "true"),
        ("ntpath", "join", "a", "b"),
        ("shutil", "os.system", "true"),
        ("platform", "os.system", "true"),
        ("platform", "os.path.join", "a"),
        (TARGET, "innocent", "true"),
        (TARGET, "operating.system", "true"),
        (TARGET, "posix.system", "true"),
        (TARGET, "environ.copy"),
        (TARGET, "bound", "PATH"),
        (TARGET, "started"),
        (TARGET, "deep"),
        (TARGET, "started.func", "true"),
        (TARGET, "Box.run", "true"),
        (TARGET, "Box.module.system", "true"),
        (TARGET, "Box.listing", "."),
        (TARGET, "wrapped", "true"),
        (TARGET, "wrapped.__wrapped__", "true"),
        (TARGET, "alias", ["true"]),
        (TARGET, "alias.__origin__", ["true"]),
        (TARGET, "Child", ["true"]),
        (TARGET, "caller", "true"),
        (TARGET, "cached"),
        (TARGET, "proxy.system", "true"),
        (TARGET, "subprocess.Popen", ["true"]),
        ("subprocess", "Popen", ["true"]),
        ("asyncio.subprocess", "subprocess.Popen", ["true"]),
        ("subprocess", "Popen.__init__", None, ["true"]),
        ("os", "environ.get.__self__.copy"),
        ("threading", "_os.getpid"),
        ("os", "system.__call__", "true"),
        (TARGET, "innocent.__call__", "true"),
        (TARGET, "Box.run.__self__.system", "true"),
        ("json", "decoder.JSONDecoder"),
        ("json.decoder", "JSONDecoder"),
        ("_json", "make_encoder"),
    ],
)
def test_denied_things_are_known_however_they_are_reached(denying: Host, call: tuple[Any, ...]) -> None:
    assert refused(denying, *call)["rule"].startswith("deny ")


def test_data_is_denied_by_the_words_it_is_reached_by(denying: Host) -> None:
    for name in ("secret", "number"):
        assert refused(denying, TARGET, name, kind=MODULE_ATTR)["name"] == f"{TARGET}.{name}"
    target = ref(denying, TARGET, "", kind=MODULE_ATTR)
    assert refused(denying, target, "number", kind=GET_ATTR)["rule"] == f"deny '{TARGET}.number'"
    assert refused(denying, target, "secret.get", "token")["rule"] == f"deny '{TARGET}.secret'"
    assert refused(denying, "os", "sep", kind=MODULE_ATTR)
    assert refused(denying, "os", "environ", kind=MODULE_ATTR)


def test_attributes_of_objects_are_denied_by_their_class_and_its_bases() -> None:
    with host_with(deny=[f"{TARGET}.Box.mark", f"{TARGET}.Box.own", f"{TARGET}.Box.seen"]) as host:
        for made in ("Box", "Chest"):
            box = ref(host, TARGET, made)
            for name in ("mark", "seen"):
                assert refused(host, box, name, kind=GET_ATTR)["rule"] == f"deny '{TARGET}.Box.{name}'"
                assert refused(host, TARGET, f"{made}.{name}", kind=MODULE_ATTR)
            assert refused(host, box, "own")["rule"] == f"deny '{TARGET}.Box.own'"
            assert host.call(box, "other", kind=GET_ATTR) == 2


def test_refs_that_were_given_are_checked_when_they_are_used(denying: Host) -> None:
    module = ref(denying, TARGET, "give_module")
    assert refused(denying, module, "system", "true")["rule"] == "deny 'os'"
    assert refused(denying, module, "system", kind=GET_ATTR)
    assert refused(denying, module, "dir", kind=OPERATION)
    assert refused(denying, module, kind=VALUE)
    assert refused(denying, "builtins", "vars", arg(module))
    assert refused(denying, "builtins", "repr", arg(module))
    assert refused(denying, "builtins", "repr", [{"in": arg(module)}])
    assert refused(denying, ref(denying, TARGET, "Caller"), "", "true")["rule"] == "deny 'os'"
    weak = ref(denying, TARGET, "weak")
    assert refused(denying, weak, "system", "true")
    items = ref(denying, TARGET, "generate")
    found, done = denying.call(items, "", 1, kind=NEXT)[:2]
    assert not done
    system = int(refs_in(found)[0][0])
    assert refused(denying, system, "", "true")["rule"] == "deny 'os'"
    assert refused(denying, system, "call", "true", kind=OPERATION)


def test_refs_of_denied_things_do_not_say_what_they_hold(denying: Host) -> None:
    given = refs_in(denying.call(TARGET, "give_all"))
    texts = {kind: text for _, kind, text, _ in given}
    assert texts == {
        "builtins.module": None,
        "builtins.builtin_function_or_method": None,
        "os._Environ": None,
        "builtins.type": f"<class '{TARGET}.Box'>",
    }


def test_steps_of_chains_are_checked(denying: Host) -> None:
    made = denying.start(0, TARGET, "give_module", flags=15)
    used = denying.start(1, made, "system", ["true"])
    with pytest.raises(CallFailed) as raised:
        denying.answer(used)
    assert raised.value.failure["kind"] == "policy"


def test_attributes_of_objects_are_checked_by_what_they_are(denying: Host) -> None:
    box = ref(denying, TARGET, "Box")
    for name in ("run", "held", "listing"):
        assert refused(denying, box, name, "true")["rule"] == "deny 'os'"
    assert refused(denying, box, "late", "true")["rule"] == "deny 'os'"
    assert refused(denying, box, "module", kind=GET_ATTR)
    # Its own `__getattr__` looks in os.
    assert refused(denying, box, "getpid")["rule"] == "deny 'os'"
    assert refused(denying, box, "path.join", "a")


@pytest.mark.parametrize(
    "walk",
    [
        "__class__.__mro__",
        "__class__.__base__",
        "__class__.__bases__",
        "__class__.mro",
        "__class__.__subclasses__",
        "__class__.__dict__",
        "__init__.__globals__",
        "own.__globals__",
        "own.__func__.__globals__",
        "own.__code__",
        "own.__func__.__closure__",
        "own.__builtins__",
        "__reduce_ex__",
        "__reduce__",
        "__getattribute__",
        "__class__.__getattribute__",
        "__dict__",
        "__setattr__",
        "__delattr__",
    ],
)
def test_walks_behind_an_object_are_refused(denying: Host, walk: str) -> None:
    box = ref(denying, TARGET, "Box")
    assert refused(denying, box, walk, kind=GET_ATTR)["rule"].startswith("introspection ")


def test_the_well_known_walk_from_a_tuple_is_refused(denying: Host) -> None:
    empty = ref(denying, "builtins", "tuple")
    assert refused(denying, empty, "__class__.__mro__", kind=GET_ATTR)
    kind = ref(denying, empty, "__class__", kind=GET_ATTR)
    assert refused(denying, kind, "__mro__", kind=GET_ATTR)
    assert refused(denying, kind, "mro")
    assert refused(denying, "builtins", "type.mro", arg(kind))
    assert refused(denying, "builtins", "object.__subclasses__")
    assert refused(
        denying, "builtins", "type.__subclasses__", arg(ref(denying, "builtins", "object", kind=MODULE_ATTR))
    )
    assert refused(denying, "builtins", "object.__getattribute__", arg(kind), "__mro__")
    assert refused(denying, "types", "FunctionType.__globals__", kind=MODULE_ATTR)
    assert refused(denying, "math", "__loader__.load_module", "os")
    assert refused(denying, "math", "__spec__.loader", kind=MODULE_ATTR)
    assert refused(denying, "math", "__dict__", kind=MODULE_ATTR)
    assert refused(denying, "json", "__builtins__", kind=MODULE_ATTR)


def test_frames_and_code_are_refused_when_something_gives_them(denying: Host) -> None:
    frame = ref(denying, TARGET, "frame")
    assert refused(denying, frame, "f_globals", kind=GET_ATTR)["rule"] == "introspection"
    assert refused(denying, frame, "str", kind=OPERATION)
    generator = ref(denying, TARGET, "generate")
    assert refused(denying, generator, "gi_frame", kind=GET_ATTR)


@pytest.mark.parametrize(
    "call",
    [
        ("builtins", "eval", "1"),
        ("builtins", "exec", "1"),
        ("builtins", "compile", "1", "x", "eval"),
        ("builtins", "__import__", "os"),
        ("builtins", "getattr", 1, "real"),
        ("builtins", "vars"),
        ("builtins", "globals"),
        ("builtins", "str.format", "{0.real}", 1),
        ("builtins", "str.format_map", "{a.real}", {"a": 1}),
        (TARGET, "evaluate", "1"),
        (TARGET, "lookup", 1, "real"),
        (TARGET, "modules.get", "os"),
        ("sys", "modules.get", "os"),
        ("sys", "_getframe"),
        ("collections", "_sys.modules.get", "os"),
        ("importlib", "import_module", "os"),
        ("importlib.util", "find_spec", "os"),
        ("operator", "attrgetter", "real"),
        ("_operator", "attrgetter", "real"),
        ("operator", "methodcaller", "system", "true"),
        ("string", "Formatter"),
        ("string", "Formatter.get_field", 1),
        ("collections", "UserString.format", 1),
        ("functools", "update_wrapper", 1, 2, ["__globals__"]),
        ("functools", "wraps", 1),
        ("inspect", "getattr_static", 1, "real"),
        ("gc", "get_objects"),
        ("ctypes", "CDLL", None),
        ("_ctypes", "dlopen", None, 0),
        ("pickle", "loads", b""),
        ("_pickle", "loads", b""),
        ("marshal", "loads", b""),
        ("types", "FunctionType"),
        ("types", "LambdaType"),
        ("types", "CodeType"),
        ("typing", "get_type_hints", 1),
        ("typing", "ForwardRef", "1"),
        ("pkgutil", "resolve_name", "os:system"),
        ("pydoc", "locate", "os.system"),
        ("runpy", "run_module", "os"),
        ("timeit", "timeit", "1"),
        ("code", "InteractiveInterpreter"),
        ("cProfile", "run", "1"),
        ("logging.config", "dictConfig", {}),
        ("unittest.mock", "patch", "os.system"),
        ("xmlrpc.server", "SimpleXMLRPCDispatcher"),
        ("multiprocessing.managers", "BaseManager"),
        ("__main__", "__name__"),
        ("snakebridge._internal.calls", "import_module", "os"),
        ("snakebridge", "_internal.calls.walk", 1, "real"),
        ("snakebridge._internal.policy", "Policy", {}),
    ],
)
def test_gateways_are_refused_under_any_policy(denying: Host, call: tuple[Any, ...]) -> None:
    rule = refused(denying, *call)["rule"]
    assert rule.startswith(("gateway ", "introspection ")), rule


def test_text_does_not_format_its_way_out(denying: Host) -> None:
    text = ref(denying, "builtins", "str", "{0.__init__.__globals__}")
    box = ref(denying, TARGET, "Box")
    assert refused(denying, text, "format", arg(box))["rule"] == "gateway 'builtins.str.format'"
    assert refused(denying, text, "__class__.format", arg(text), arg(box))
    assert refused(denying, text, "format.__call__", arg(box))


def test_what_things_are_known_by_cannot_be_changed(denying: Host) -> None:
    box = ref(denying, TARGET, "Box", kind=MODULE_ATTR)
    target = ref(denying, TARGET, "", kind=MODULE_ATTR)
    assert refused(denying, box, "__module__", "math", kind=SET_ATTR)
    assert refused(denying, box, "own.__module__", "math", kind=SET_ATTR)
    assert refused(denying, target, "__name__", "math", kind=SET_ATTR)
    assert refused(denying, target, "plain.__code__", 1, kind=SET_ATTR)
    assert refused(denying, target, "__name__", kind=DEL_ATTR)
    assert refused(denying, target, "operating.x", 1, kind=SET_ATTR)


def test_a_lie_about_class_and_module_does_not_help() -> None:
    with host_with(deny=["json"]) as host:
        assert refused(host, TARGET, "Liar")["rule"] == "deny 'json'"
    with host_with(allow=["builtins"]) as host:
        assert refused(host, TARGET, "Liar")["rule"] == "no entry of allow matches it"


def test_nothing_denied_is_imported() -> None:
    with host_with(deny=["wave", "xml.dom"], allow=["*", "sys.modules"]) as host:
        refused(host, "wave", "open", "x")
        refused(host, "xml", "dom.minidom.parseString", "<a/>")
        modules = ref(host, "sys", "modules", kind=MODULE_ATTR)
        for name in ("wave", "xml.dom", "xml.dom.minidom"):
            assert host.call(modules, "contains", name, kind=OPERATION) is False


# `allow`


def test_allowed_things_are_called(allowing: Host) -> None:
    assert allowing.call("math", "sqrt", 16) == 4
    assert allowing.call("math", "pi", kind=MODULE_ATTR) > 3
    assert allowing.call(TARGET, "plain", 5) == 5
    box = ref(allowing, TARGET, "Box")
    assert allowing.call(box, "own") == "own"
    counter = ref(allowing, "collections", "Counter", "abca")
    assert allowing.call(counter, "most_common", 1)
    assert allowing.call("builtins", "len", [1, 2]) == 2
    assert allowing.call("os.path", "join", "a", "b") == "a/b"
    assert allowing.call("os", "path.join", "a", "b") == "a/b"
    assert allowing.call("posixpath", "join", "a", "b") == "a/b"
    assert ref(allowing, "pathlib", "Path.cwd")
    # Builtin data types and their methods are what results are made of.
    values = ref(allowing, TARGET, "plain", [3, 1, 2])
    allowing.call(values, "sort")
    assert allowing.call(values, kind=VALUE) == [1, 2, 3]
    iterator = ref(allowing, values, "iter", kind=OPERATION)
    assert allowing.call(iterator, "", 5, kind=NEXT)[:2] == [[1, 2, 3], True]


@pytest.mark.parametrize(
    "call",
    [
        ("json", "dumps", 1),
        ("os", "system", "true"),
        ("os", "getcwd"),
        ("os.path", "exists", "a"),
        ("pathlib", "Path.home"),
        ("pathlib", "Path", "a"),
        ("collections", "OrderedDict"),
        ("collections", "deque"),
        ("builtins", "sorted", [1]),
        ("builtins", "eval", "1"),
        (TARGET, "innocent", "true"),
        (TARGET, "operating.getcwd"),
        (TARGET, "environ.copy"),
        (TARGET, "bound", "PATH"),
        (TARGET, "started"),
        (TARGET, "Box.run", "true"),
        (TARGET, "alias", ["true"]),
        (TARGET, "modules.copy"),
        (TARGET, "collections.deque"),
        (TARGET, "proxy.getcwd"),
        ("math", "__loader__"),
    ],
)
def test_nothing_else_is_reached(allowing: Host, call: tuple[Any, ...]) -> None:
    refused(allowing, *call)


def test_a_module_on_the_way_is_not_reached_itself(allowing: Host) -> None:
    module = ref(allowing, "collections", "", kind=MODULE_ATTR)
    assert refused(allowing, module, "Counter", "a")["rule"] == "no entry of allow matches it"
    assert refused(allowing, module, "dir", kind=OPERATION)
    # But what it holds is, when it is allowed by name.
    assert ref(allowing, "collections", "Counter", kind=MODULE_ATTR)


def test_results_of_allowed_things_are_checked_when_they_are_used(allowing: Host) -> None:
    module = ref(allowing, TARGET, "give_module")
    assert refused(allowing, module, "getcwd")
    path = ref(allowing, "pathlib", "Path.cwd")
    assert refused(allowing, path, "exists")["rule"] == "no entry of allow matches it"
    assert refused(allowing, "builtins", "type", arg(path))


def test_deny_wins_over_allow() -> None:
    with host_with(allow=["os"], deny=["os.system"]) as host:
        assert host.call("os", "getpid") > 0
        assert host.call("posix", "getpid") > 0
        assert refused(host, "os", "system", "true")["rule"] == "deny 'os.system'"
        assert refused(host, "posix", "system", "true")["rule"] == "deny 'os.system'"


def test_an_exact_name_means_the_object_whatever_it_is_called_elsewhere() -> None:
    with host_with(deny=["builtins.open"]) as host:
        for module, name in (("builtins", "open"), ("io", "open"), ("_io", "open"), ("tokenize", "_builtin_open")):
            assert refused(host, module, name, "/dev/null")["rule"] == "deny 'builtins.open'"
    with host_with(allow=["asyncio.subprocess.subprocess.check_output", "collections.abc.Mapping"]) as host:
        assert ref(host, "collections.abc", "Mapping", kind=MODULE_ATTR)


def test_gateways_can_be_allowed_by_name_alone() -> None:
    with host_with(allow=["*", "builtins.eval", "importlib.util.find_spec"]) as host:
        assert host.call("builtins", "eval", "1 + 1") == 2
        assert host.call("importlib.util", "find_spec", "no_such_module") is None
        assert host.call("importlib", "util.find_spec", "no_such_module") is None
        assert refused(host, "importlib", "import_module", "os")["rule"] == "gateway 'importlib'"
        assert refused(host, "builtins", "exec", "1")["rule"] == "gateway 'builtins.exec'"
    with host_with(allow=["builtins", "importlib"]) as host:
        assert refused(host, "builtins", "eval", "1")
        assert ref(host, "importlib", "import_module", "math")
    with host_with() as host:
        assert host.call("os", "getpid") > 0
        assert refused(host, "builtins", "eval", "1")


def test_a_rule_about_builtins_spares_data() -> None:
    with host_with(deny=["builtins"]) as host:
        assert refused(host, "builtins", "len", [1])
        made = ref(host, TARGET, "plain", [1])
        host.call(made, "append", 2)
        assert host.call(made, "len", kind=OPERATION) == 2
    with host_with(deny=["builtins.list"]) as host:
        made = ref(host, TARGET, "plain", [1])
        assert refused(host, made, "append", 2)["rule"] == "deny 'builtins.list'"


@pytest.mark.parametrize("kind", [9, 10])
def test_expression_kinds_are_refused_unless_the_policy_says_otherwise(kind: int) -> None:
    with host_with(deny=["os"]) as host:
        assert refused(host, "x", kind=kind)["rule"] == "expressions is not true"
    with host_with(deny=["os"], expressions=True) as host, pytest.raises(CallFailed) as raised:
        host.call("x", kind=kind)
    assert raised.value.failure["kind"] != "policy"


def test_kinds_that_a_policy_does_not_know_are_refused(denying: Host) -> None:
    assert refused(denying, "math", "sqrt", 16, kind=99)["rule"] == "unknown kind"


def test_messages_that_make_no_sense_are_told_as_ever(denying: Host) -> None:
    wrong: list[tuple[int, Any, Any]] = [(0, 5, "x"), (0, "", "x"), (1, "math", "x"), (2, "math", "x"), (0, "math", 5)]
    for kind, target, name in wrong:
        with pytest.raises(CallFailed) as raised:
            denying.call(target, name, kind=kind)
        assert raised.value.failure["kind"] == "protocol"


def test_without_a_policy_nothing_is_loaded_or_replaced() -> None:
    with Host() as host:
        assert host.eval("'snakebridge._internal.policy' in __import__('sys').modules") is False
        host.run("import snakebridge._internal.calls as calls")
        assert host.eval("[f.__qualname__ for f in (calls.walk, calls.invoke)]") == ["walk", "invoke"]


def test_libraries_work_under_an_allow_list() -> None:
    pytest.importorskip("numpy")
    pytest.importorskip("pandas")
    with host_with(allow=["numpy", "pandas"], deny=["numpy.load", "numpy.linalg"]) as host:
        grid = ref(host, "numpy", "arange", 6)
        assert host.call(grid, "sum") == 15
        assert host.call("numpy", "sin", 0.0) == 0
        assert host.call("numpy", "random.default_rng.__name__", kind=MODULE_ATTR) == "default_rng"
        table = ref(host, "pandas", "DataFrame", {"a": [1, 2]})
        assert host.call(table, "len", kind=OPERATION) == 2
        column = ref(host, table, "getitem", "a", kind=OPERATION)
        assert host.call(column, "sum") == 3
        assert host.call(ref(host, table, "mean"), "to_dict") == {"a": 1.5}
        for name in ("load", "linalg.inv", "f2py.os.getcwd", "f2py.sys.exit"):
            refused(host, "numpy", name, 1)
        for name in ("query", "eval"):
            assert refused(host, table, name, "@sys.modules")["rule"].startswith("gateway ")
        assert refused(host, "pandas", "eval", "1")
        assert refused(host, "pandas", "read_pickle", "x")
        refused(host, "pandas", "io.common.os.getcwd")
        refused(host, "pandas", "core.frame.sys.modules.get", "os")
