"""The real worker, driven over socket pairs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snakebridge._internal.packing import Ext, Unpacker, pack
from support.host import ERROR, KEEP, NONE, REF, RESULT, SILENT, CallFailed, Host, frame

VALUE = 1


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


def failure_of(host: Host, *call: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(CallFailed) as raised:
        host.call(*call, **options)
    return raised.value.failure


def payload(ext: Ext) -> Any:
    return Unpacker(ext.data, lambda code, data: Ext(code, bytes(data)), 100).unpack()


def wait_until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def has_socket(pid: int) -> bool:
    """Whether a process has a socket open; true too while its descriptors change."""
    try:
        return any(os.readlink(fd).startswith("socket:") for fd in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return True


def test_hello_describes_the_interpreter(host: Host) -> None:
    assert host.info["python"] == [*sys.version_info]
    assert host.info["executable"] == sys.executable
    assert host.info["pid"] == host.process.pid
    assert host.info["codec"] in ("msgspec", "msgpack", "builtin")
    assert host.info["gil"] is True


def test_kinds_of_calls(host: Host) -> None:
    assert host.call("math", "sqrt", 16) == 4.0
    assert host.call("os", "path.basename", "a/b") == "b"
    assert host.call("xml", "etree.ElementTree.Element", "a", flags=REF).code == 15  # submodules are imported
    assert host.call("math", "pi", kind=5) == pytest.approx(3.14159, abs=1e-5)
    assert payload(host.call("math", "", kind=5))[1] == "builtins.module"
    assert host.call("builtins", "int", "ff", kwargs={"base": 16}) == 255
    host.run("class A:\n    x = 1\n    class B:\n        y = 2\n    @staticmethod\n    def f(a, *, b): return [a, b]")
    call = host.start(0, "__main__", "A", flags=KEEP | REF)
    host.answer(call)
    assert host.call(call, "x", kind=2) == 1
    assert host.call(call, "B.y", kind=2) == 2
    assert host.call(call, "f", 1, kwargs={"b": 2}) == [1, 2]
    assert host.call(call, "x", 5, kind=3) is None
    assert host.call(call, "B.y", 6, kind=3) is None
    assert [host.call(call, "x", kind=2), host.call(call, "B.y", kind=2)] == [5, 6]
    assert host.call(call, "x", kind=4) is None
    assert host.call(call, "x", kind=2) == 1
    assert payload(host.call(call, "", kind=8, flags=REF))[1] == "__main__.A"
    assert failure_of(host, call, "", kind=8, flags=VALUE)["kind"] == "value"


def test_operations(host: Host) -> None:
    call = host.start(0, "builtins", "list", [[3, 1, 2]], flags=REF)
    host.answer(call)

    def operate(name: str, *args: Any) -> Any:
        return host.call(call, name, *args, kind=6)

    assert operate("len") == 3
    assert operate("repr") == "[3, 1, 2]"
    assert operate("contains", 2) is True
    assert operate("getitem", 0) == 3
    assert operate("setitem", 0, 9) is None
    assert operate("delitem", 1) is None
    assert operate("add", [1]) == [9, 2, 1]
    assert operate("eq", [9, 2]) is True
    assert operate("type") == "builtins.list"
    assert "append" in operate("dir")
    assert operate("getitem", Ext(17, pack([None, None, -1]))) == [2, 9]
    assert failure_of(host, call, "hash", kind=6)["type"] == "builtins.TypeError"
    assert failure_of(host, call, "frobnicate", kind=6)["kind"] == "protocol"
    assert failure_of(host, call, "len", 1, kind=6)["kind"] == "protocol"


def test_batches_end_early_and_defer_exceptions(host: Host) -> None:
    host.run(
        "import time\n"
        "def quick():\n    yield from range(10_000)\n"
        "def slow():\n    for i in range(3):\n        time.sleep(0.03)\n        yield i\n"
        "def broken():\n    yield 1\n    yield 2\n    raise ValueError('late')\n"
        "def large():\n    for i in range(100):\n        yield 'x' * 100_000\n"
    )

    def iterate(name: str) -> int:
        call = host.start(0, "__main__", name, flags=REF)
        host.answer(call)
        return call

    call = iterate("quick")
    assert host.call(call, "", 7, kind=7) == [list(range(7)), False, 0]
    items, done, _ = host.call(call, "", 100_000, kind=7)
    while not done:
        more, done, _ = host.call(call, "", 100_000, kind=7)
        items += more
    assert items == list(range(7, 10_000))
    assert failure_of(host, call, "", 1, kind=7) == {
        "kind": "ref", "message": f"Cannot use ref {call}: it was released", "reason": "released", "id": call,
    }  # fmt: skip
    call = iterate("slow")
    assert host.call(call, "", 100, kind=7) == [[0], False, 2]
    call = iterate("broken")
    assert host.call(call, "", 100, kind=7) == [[1, 2], False, 0]
    assert failure_of(host, call, "", 100, kind=7)["message"] == "late"
    assert host.call(call, "", 100, kind=7) == [[], True, 0]
    call = iterate("large")
    items, done, why = host.call(call, "", 100, kind=7)
    assert 1 <= len(items) <= 8 and not done and why == 1


def test_batches_of_values_keep_what_came_before_a_bad_item(host: Host) -> None:
    host.run("it = iter([1, 2, object(), 4])")
    call = host.start(5, "__main__", "it", flags=REF)
    host.answer(call)
    assert host.call(call, "", 100, kind=7, flags=VALUE) == [[1, 2], False, 0]
    assert failure_of(host, call, "", 100, kind=7, flags=VALUE)["kind"] == "value"


def test_chains_are_pipelined(host: Host) -> None:
    first = host.start(0, "builtins", "dict", kwargs={"a": [1, 2, 3]}, flags=KEEP | NONE | SILENT)
    second = host.start(1, first, "get", ["a"], flags=KEEP | NONE | SILENT)
    third = host.start(6, second, "len")
    assert host.answer(third) == 3


def test_failures_ride_along_pipelines(host: Host) -> None:
    first = host.start(0, "math", "sqrt", [-1], flags=KEEP | NONE | SILENT)
    second = host.start(1, first, "bit_length", flags=KEEP | NONE | SILENT)
    third = host.start(1, second, "bit_length")
    fourth = host.start(0, "builtins", "len", [Ext(15, pack([second]))])
    with pytest.raises(CallFailed) as raised:
        host.answer(first)
    assert "origin" not in raised.value.failure
    for call in (second, third, fourth):
        with pytest.raises(CallFailed) as raised:
            host.answer(call)
        assert raised.value.failure["origin"] == first
        assert raised.value.failure["type"] == "builtins.ValueError"


def test_refs_belong_to_sessions(host: Host) -> None:
    call = host.start(0, "builtins", "object", session="a")
    assert payload(host.answer(call))[0] == call
    assert failure_of(host, call, "", kind=8, session="b")["reason"] == "session"
    assert failure_of(host, "builtins", "len", Ext(15, pack([call])), session="b")["reason"] == "session"
    assert failure_of(host, call + 1_000, "", kind=8, session="a")["reason"] == "unknown"
    leaf = payload(host.call("builtins", "eval", "[object()]", session="a")[0])[0]
    assert leaf == -1
    host.last += 1
    host.send([2, 1, host.last, "a"])
    assert host.answer(host.last) == 2
    assert host.ping()["refs"] == 0
    assert failure_of(host, leaf, "", kind=8, session="a")["reason"] == "released"


def test_release_waits_for_calls_that_name_the_ref(host: Host) -> None:
    call = host.start(0, "builtins", "object", flags=REF)
    host.answer(call)
    host.tell([35, call + 1, [call]])
    host.ping()
    assert host.ping()["refs"] == 1
    assert "object object" in host.call(call, "repr", kind=6)
    wait_until(lambda: host.ping()["refs"] == 0)
    assert failure_of(host, call, "", kind=8)["reason"] == "released"


def test_release_of_a_running_call(host: Host) -> None:
    call = host.start(0, "time", "sleep", [0.3], flags=KEEP)
    wait_until(lambda: host.ping()["running"] == call)
    host.tell([35, call, [call]])
    host.answer(call)
    assert host.ping()["refs"] == 0


def test_released_objects_die_on_the_idle_main_thread(host: Host) -> None:
    host.run(
        "import threading\nlog = []\n"
        "class A:\n    def __del__(self): log.append(threading.current_thread() is threading.main_thread())"
    )
    call = host.start(0, "__main__", "A", flags=REF)
    host.answer(call)
    host.tell([35, call, [call]])
    host.ping()
    wait_until(lambda: host.eval("log") == [True])


def test_many_refs_leave_nothing(host: Host) -> None:
    for _ in range(10):
        items = host.call("builtins", "eval", "[object() for _ in range(10_000)]")
        host.tell([35, host.last, [payload(item)[0] for item in items]])
    host.ping()
    assert host.ping()["refs"] < 1_000


def test_flags(host: Host) -> None:
    host.run("from enum import IntEnum\nclass E(IntEnum):\n    A = 1\nclass S(str): pass\nclass D(dict): pass")
    assert payload(host.eval("E.A"))[1] == "__main__.E"
    assert host.eval("E.A", flags=VALUE) == 1
    assert host.eval("[S('x'), D(a=E.A), (True,)]", flags=VALUE)[:2] == ["x", {"a": 1}]
    assert host.eval("1", flags=NONE) is None
    assert payload(host.eval("[1]", flags=REF))[1:] == ["builtins.list", "[1]", 2 | 128]
    bad = failure_of(host, "builtins", "eval", "{'a': [1, (2, {'b c': object()})]}", flags=VALUE)
    assert (bad["path"], bad["type"]) == ("$.a[1][1]['b c']", "builtins.object")
    assert host.ping()["refs"] == 2 + 1  # the dict of __main__, E.A and [1]; the failed one left nothing


def test_failed_encodings_release_their_refs(host: Host) -> None:
    before = host.ping()["refs"]
    bad = failure_of(host, "builtins", "eval", "[object(), object(), 'a\\ud800']")
    assert (bad["kind"], bad["path"]) == ("value", "$[2]")
    assert host.ping()["refs"] == before


def test_limits() -> None:
    with Host(hello={"limits": {"maxFrameBytes": 1_000_000, "maxDepth": 50, "maxElements": 1_000}}) as host:

        def limit(code: str, **options: Any) -> Any:
            return failure_of(host, "builtins", "eval", code, **options)["limit"]

        assert limit("b'x' * 1_000_001") == "maxFrameBytes"
        assert limit("'x' * 1_000_001") == "maxFrameBytes"
        assert limit("['\\u86c7' * 200_000, '\\u86c7' * 200_000]") == "maxFrameBytes"
        assert limit("[0] * 1_000") == "maxElements"
        assert host.eval("[0] * 996") == [0] * 996
        assert limit("eval('[' * 60 + ']' * 60)") == "maxDepth"
        assert limit("[l := [], l.append(l)]", flags=1) == "cycle"
        assert limit("[d := {}, d.update(a=(d,))]", flags=1) == "cycle"
        assert limit("[l := [], l.append(slice(l))]", flags=1) == "cycle"
        assert host.eval("1") == 1


def test_a_call_with_flags_of_another_type_is_answered(host: Host) -> None:
    host.last += 1
    host.send([1, 1, host.last, "s", 0, "builtins", "repr", [1], {}, None])
    kind, call, failure = host.receive()
    assert (kind, call, failure["kind"]) == (17, host.last, "protocol")
    assert host.eval("1") == 1


def test_two_gigabytes_are_refused_without_a_copy(host: Host) -> None:
    host.run("big = bytes(2 << 30)")  # zero pages, which take no memory until written
    bad = failure_of(host, "__main__", "big", kind=5)
    assert (bad["kind"], bad["limit"], bad["value"]) == ("limit", "maxFrameBytes", 2 << 30)
    assert host.ping()["rssBytes"] < 200_000_000
    assert host.eval("1") == 1


def test_large_values_pass(host: Host) -> None:
    data = os.urandom(3_000_000)
    call = host.start(0, "builtins", "bytes", [Ext(13, b"\x00")], buffers=(data,))
    kind, answered, value, buffer = host.receive()
    assert (kind, answered, value) == (RESULT, call, Ext(13, b"\x00"))
    assert bytes(buffer) == data
    text = "\u86c7" * 500_000
    assert host.call("builtins", "str", text) == text
    many = list(range(100_000))
    assert host.call("builtins", "list", many) == many


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import sys; sys.exit(3)", "builtins.SystemExit"),
        ("raise KeyboardInterrupt", "builtins.KeyboardInterrupt"),
        ("raise GeneratorExit", "builtins.GeneratorExit"),
        ("def f(): f()\nf()", "builtins.RecursionError"),
        ("[0] * (1 << 60)", "builtins.MemoryError"),
        ("raise StopIteration", "builtins.StopIteration"),
        ("class E(BaseException): pass\nraise E", "__main__.E"),
    ],
)
def test_no_exception_ends_the_worker(host: Host, code: str, kind: str) -> None:
    assert failure_of(host, "builtins", "exec", code, host.main())["type"] == kind
    assert host.eval("1") == 1


def test_exit_and_kill_end_it(host: Host) -> None:
    host.start(0, "os", "_exit", [3])
    with pytest.raises((EOFError, ConnectionError)):
        host.receive()
    assert host.process.wait(10) == 3


def test_kill_itself(host: Host) -> None:
    host.start(0, "os", "kill", [host.process.pid, 9])
    with pytest.raises((EOFError, ConnectionError)):
        host.receive()
    assert host.process.wait(10) == -9


def test_output_never_touches_the_protocol(host: Host) -> None:
    assert host.process.stdout is not None
    call = host.start(0, "builtins", "exec", ["import sys\nfor _ in range(100): sys.stdout.write('x' * 1_000_000)"])
    got = 0
    fd = host.process.stdout.fileno()
    while got < 100_000_000:
        got += len(os.read(fd, 1 << 20))
    assert host.answer(call) is None


def test_bye_runs_exit_handlers(host: Host) -> None:
    host.run("import atexit, time\natexit.register(lambda: (time.sleep(0.1), print('bye', flush=True)))")
    host.send([5])
    host.data.close()
    host.control.close()
    assert host.process.wait(10) == 0
    assert host.process.stdout is not None
    assert host.process.stdout.read() == b"bye\n"


def test_names_in_the_current_folder_harm_nothing(tmp_path: Path) -> None:
    for name in ("struct", "random", "decimal", "msgspec", "__future__", "fcntl", "traceback", "select", "uuid"):
        (tmp_path / f"{name}.py").write_text("raise SystemError('shadowed')")
    (tmp_path / "mine.py").write_text("x = 5")
    with Host(cwd=str(tmp_path), env={"XDG_CACHE_HOME": str(tmp_path / "cache")}) as host:
        assert host.call("mine", "x", kind=5) == 5
        for _ in range(1_100):
            host.call("math", "sqrt", 4)
        assert failure_of(host, "math", "sqrt", "a")["type"] == "builtins.TypeError"
        assert host.eval("2 ** 70").code == 1


def test_compiled_code_is_kept_in_a_folder_of_the_user(tmp_path: Path) -> None:
    for _ in range(2):
        with Host(env={"XDG_CACHE_HOME": str(tmp_path)}) as host:
            assert host.call("math", "sqrt", 4) == 2
    (file,) = (tmp_path / "snakebridge").iterdir()
    assert (tmp_path / "snakebridge").stat().st_mode & 0o077 == 0
    file.write_bytes(b"rubbish")
    with Host(env={"XDG_CACHE_HOME": str(tmp_path)}) as host:
        assert host.call("math", "sqrt", 4) == 2
    (tmp_path / "snakebridge").chmod(0o777)
    file.write_bytes(b"rubbish")
    with Host(env={"XDG_CACHE_HOME": str(tmp_path)}) as host:
        assert host.call("math", "sqrt", 4) == 2
    assert file.read_bytes() == b"rubbish"
    with Host(env={"XDG_CACHE_HOME": "/proc/nowhere"}) as host:
        assert host.call("math", "sqrt", 4) == 2


def test_python_paths_come_first(tmp_path: Path) -> None:
    (tmp_path / "helper_of_ours.py").write_text("def f(): return 7")
    with Host(hello={"pythonPaths": [str(tmp_path)]}) as host:
        assert host.call("helper_of_ours", "f") == 7
        assert host.eval("__import__('sys').path[:2]") == [str(tmp_path), ""]


def test_versions_are_checked() -> None:
    with Host(greet=False) as host:
        host.send([0, {"protocol": 9, "minProtocol": 5}])
        kind, call, failure = host.receive()
        assert (kind, call, failure["kind"]) == (ERROR, 0, "protocol")
        numbers = [failure[f"{side}{name}"] for side in ("host", "worker") for name in ("Protocol", "MinProtocol")]
        assert numbers == [9, 5, 1, 1]
        assert host.process.wait(10) == 76
    with Host() as host:
        host.send([1, 7, 1, "s", 0, "math", "sqrt", [4], None, 0])
        kind, call, failure = host.receive()
        assert (kind, call, failure["kind"], failure["hostProtocol"]) == (ERROR, 1, "protocol", 7)


def test_bad_arguments_fail_their_call_alone(host: Host) -> None:
    body = bytes.fromhex("9a010101a17300a46d617468a47371727491818001c000")
    host.data.sendall(len(body).to_bytes(4, "little") + bytes(4) + body)
    kind, call, failure = host.receive()
    assert (kind, call) == (ERROR, 1)
    assert failure["kind"] in ("protocol", "value")
    host.last = 1
    assert failure_of(host, "builtins", "str", Ext(8, b"yesterday"))["kind"] == "value"
    assert failure_of(host, "builtins", "str", Ext(13, b"\x05"))["kind"] == "value"
    host.last += 1
    host.send([1, 1, host.last, "s", 0, 5, "sqrt", [4], None, 0])
    assert host.receive()[:2] == [ERROR, host.last]
    assert host.call("builtins", "str", Ext(99, b"opaque")).startswith("<")
    assert host.call("math", "sqrt", 4) == 2


def test_opaque_values_come_back(host: Host) -> None:
    for code in (99, -2, -5, 127):
        for _ in range(2):
            assert host.call("builtins", "list", [Ext(code, b"abcd")]) == [Ext(code, b"abcd")]
        for _ in range(600):
            host.call("math", "sqrt", 4)


def test_children_do_not_keep_the_streams(host: Host) -> None:
    host.run(
        "import os, subprocess\npid = os.fork()\n"
        "if pid == 0:\n    import time\n    time.sleep(60)\n    os._exit(0)\n"
        "child = subprocess.Popen(['sleep', '60'], close_fds=False)"
    )
    pids = [host.eval("pid"), host.eval("child.pid")]
    try:
        for pid in pids:
            wait_until(lambda pid=pid: not has_socket(pid))
        host.start(0, "os", "_exit", [0])
        with pytest.raises((EOFError, ConnectionError)):
            host.receive()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def test_a_forked_child_that_returns_from_its_call_ends(host: Host) -> None:
    pid = host.call("os", "fork")
    assert pid > 0
    wait_until(lambda: is_gone(pid))
    assert host.call("math", "sqrt", 4) == 2


@pytest.mark.parametrize("state", ["idle", "sleep", "python", "c call"])
def test_dies_with_a_killed_host(state: str, tmp_path: Path) -> None:
    code = {
        "idle": "pass",
        "sleep": "import time; time.sleep(60)",
        "python": "while True: pass",
        "c call": "sum(range(10 ** 11))",
    }[state]
    script = (
        "import sys, time\n"
        f"sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1] / 'src')]!r}\n"
        "from support.host import Host\n"
        "host = Host()\n"
        f"host.start(0, 'builtins', 'exec', [{code!r}])\n"
        "time.sleep(0.2)\n"
        "print(host.process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as middle:
        assert middle.stdout is not None
        pid = int(middle.stdout.readline())
        assert not is_gone(pid)
        middle.kill()
        begun = time.monotonic()
        wait_until(lambda: is_gone(pid))
        assert time.monotonic() - begun < 2


def test_interrupt_key_belongs_to_the_host(host: Host) -> None:
    host.process.send_signal(signal.SIGINT)
    assert host.call("math", "sqrt", 4) == 2


def test_one_write_may_hold_everything() -> None:
    with Host(greet=False) as host:
        calls = b"".join(frame([1, 1, n, "s", 0, "math", "sqrt", [n * n], None, 0]) for n in range(1, 5_001))
        host.data.sendall(frame([0, {"protocol": 1, "minProtocol": 1}]) + calls)
        assert host.receive()[0] == 0
        for n in range(1, 5_001):
            assert host.receive() == [RESULT, n, float(n)]


@pytest.mark.parametrize("calls", [1, 1_100], ids=["builtin codec", "best codec"])
def test_nesting_up_to_the_limit_passes_both_ways(host: Host, calls: int) -> None:
    for _ in range(calls):
        host.call("math", "sqrt", 4)
    # The message, its arguments and 510 of our own.
    host.run("l = []\nfor i in range(508): l = ((l,), {1: l}, [l], {'a': l})[i % 4]")
    value = host.eval("l")
    text = host.eval("repr(l)")
    assert host.call("builtins", "repr", value) == text
    host.run("for i in range(3): l = (l,)")
    assert failure_of(host, "builtins", "eval", "l", host.main())["limit"] == "maxDepth"
    assert host.eval("__import__('sys').getrecursionlimit()") == 1_000
