"""Values of numpy, pandas and pyarrow through the real worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from snakebridge._internal.packing import Ext, Unpacker, pack
from support.host import KEEP, NONE, REF, SILENT, CallFailed, Host

np = pytest.importorskip("numpy")
pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as host:
        host.run("import numpy as np, pandas as pd, datetime")
        yield host


def payload(ext: Ext) -> Any:
    return Unpacker(ext.data, lambda code, data: Ext(code, bytes(data)), 100).unpack()


def test_arrays_travel_as_buffers(host: Host) -> None:
    data = np.arange(10_000, dtype="<f8")
    sent = Ext(14, pack(["<f8", [100, 100], "C", Ext(13, b"\x00")]))
    call = host.start(0, "numpy", "transpose", [sent], buffers=(data.tobytes(),))
    _, answered, value, buffer = host.receive()
    assert answered == call
    # The transpose of C order is F order: the same bytes, not copied.
    assert payload(value) == ["<f8", [100, 100], "F", Ext(13, b"\x00")]
    assert bytes(buffer) == data.tobytes()


def test_received_arrays_are_writable(host: Host) -> None:
    sent = Ext(14, pack(["<i4", [2], "C", b"\x01\0\0\0\x02\0\0\0"]))
    assert host.call("builtins", "eval", "[a.flags.writeable, a.sum().item()]", {"a": sent}) == [True, 3]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("np.float64(1.5)", 1.5),
        ("np.int64(7)", 7),
        ("np.bool_(True)", True),
        ("np.str_('a')", "a"),
        ("np.bytes_(b'a')", b"a"),
        ("np.float32(0.5)", 0.5),
        ("[np.int8(1), np.float64(2.5)]", [1, 2.5]),
        ("np.uint64(2**64 - 1)", Ext(1, bytes.fromhex("00ffffffffffffffff"))),
        ("pd.Timestamp('2024-01-02T03:04:05.5')", Ext(8, b"2024-01-02T03:04:05.500000")),
    ],
)
def test_scalars_are_values(host: Host, code: str, value: Any) -> None:
    assert host.eval(code) == value


@pytest.mark.parametrize(
    "code", ["np.array([object()])", "pd.Timestamp(1)", "pd.NaT", "pd.Series([1])", "np.ma.array([1])", "np.float64"]
)
def test_others_are_refs(host: Host, code: str) -> None:
    assert host.eval(code).code == 15


@pytest.mark.parametrize("shape", ["()", "(0,)", "(0, 3)", "(2, 3)", "(2, 3)[::-1]"])
def test_shapes(host: Host, shape: str) -> None:
    dtype, got, order, data = payload(host.eval(f"np.ones({shape})"))
    assert (dtype, order) == ("<f8", "C")
    assert data == b"".join([b"\0\0\0\0\0\0\xf0\x3f"] * int(np.prod(got)))


def test_tables_both_ways(host: Host) -> None:
    frame = host.start(0, "pandas", "DataFrame", [{"a": [1, 2], "b": ["x", None]}], flags=KEEP | NONE | SILENT)
    library, data = payload(host.answer(host.start(6, frame, "to_arrow")))
    assert library == "pandas"
    assert pa.ipc.open_stream(data).read_all().to_pydict() == {"a": [1, 2], "b": ["x", None]}
    back = host.start(0, "builtins", "id", [Ext(19, pack(["pandas", data]))], flags=NONE)
    assert host.answer(back) is None
    again = host.start(0, "pandas", "concat", [[Ext(19, pack(["pandas", data]))] * 2], flags=REF)
    assert payload(host.answer(again))[1].startswith("pandas.")
    assert host.call(again, "len", kind=6) == 4
    with pytest.raises(CallFailed) as raised:
        host.call(again, "len", kind=6, session="other")
    assert raised.value.failure["reason"] == "session"


def test_a_slow_first_text_of_a_type_is_forgiven(host: Host) -> None:
    host.run(
        "import time\nclass Once:\n    slept = False\n    def __repr__(self):\n"
        "        if not Once.slept: time.sleep(0.06)\n        Once.slept = True\n        return 'once'"
    )
    assert [payload(ref)[2] for ref in host.eval("[Once() for _ in range(4)]")] == ["once"] * 4


def test_slow_texts_of_objects_are_not_asked_for_again(host: Host) -> None:
    host.run("import time\nclass Slow:\n    def __repr__(self):\n        time.sleep(0.06)\n        return 'slow'")
    assert [payload(ref)[2] for ref in host.eval("[Slow() for _ in range(4)]")] == ["slow", "slow", None, None]
    host.run("class Bad:\n    def __repr__(self): raise ValueError")
    assert [payload(ref)[2] for ref in host.eval("[Bad(), Bad()]")] == [None, None]
