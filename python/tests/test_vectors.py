"""The vectors of proto/vectors: both directions, both encodings, every codec."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from snakebridge._internal import tagged_json
from snakebridge._internal.limits import Limits
from snakebridge._internal.packing import Ext
from snakebridge._internal.problems import Problem
from support.codec_rig import CODECS, Rig

np = pytest.importorskip("numpy")
FOLDER = Path(__file__).parents[2] / "proto" / "vectors"
NAMES: dict[str, Any] = {
    "datetime": datetime, "date": date, "time": time, "timedelta": timedelta, "timezone": timezone,
    "ZoneInfo": ZoneInfo, "Decimal": Decimal, "np": np, "opaque": Ext,
}  # fmt: skip


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / name).read_text(encoding="utf-8")))


VALUES = load("values.json")
MALFORMED = load("malformed.json")


def binary(form: Any) -> bytes:
    if isinstance(form, str):
        return bytes.fromhex(form)
    return b"".join(
        bytes.fromhex(part) if isinstance(part, str) else bytes.fromhex(part["repeat"]) * part["times"] for part in form
    )


def cases(direction: str) -> list[Any]:
    return [
        pytest.param(vector, id=vector["name"])
        for vector in VALUES["vectors"]
        if vector.get("python") is not None and vector.get("direction", "both") in ("both", direction)
    ]


@pytest.fixture(params=CODECS)
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(request.param)


def same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.copysign(1, left) == math.copysign(1, right) and (
            left == right or (left != left and right != right)
        )
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return len(left) == len(right) and all(
            same(a, b) and same(left[a], right[b]) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, np.ndarray):
        both = left.dtype == right.dtype and left.shape == right.shape
        return bool(both and left.tobytes() == right.tobytes())
    if isinstance(left, Decimal):
        return str(left) == str(right)
    if isinstance(left, datetime):
        offsets = left.utcoffset() == right.utcoffset() and left.fold == right.fold
        return (
            offsets
            and str(left.tzinfo) == str(right.tzinfo)
            and left.replace(tzinfo=None) == right.replace(tzinfo=None)
        )
    return bool(left == right)


@pytest.mark.parametrize("vector", cases("toHost"))
def test_encodes_messagepack(rig: Rig, vector: dict[str, Any]) -> None:
    data, buffers = rig.encode(eval(vector["python"], NAMES))
    assert data.hex() == binary(vector["msgpack"]).hex()
    assert buffers == [binary(form) for form in vector.get("buffers", [])]


@pytest.mark.parametrize(
    "vector", cases("toWorker") + [case for case in cases("decode") if case.values[0].get("direction") == "decode"]
)
def test_decodes_messagepack(rig: Rig, vector: dict[str, Any]) -> None:
    buffers = [binary(form) for form in vector.get("buffers", [])]
    value = rig.decode(binary(vector["msgpack"]), buffers)
    assert same(value, eval(vector["python"], NAMES)), value


def has_json(case: Any) -> bool:
    vector = case.values[0]
    return "json" in vector and vector.get("direction") != "decode"


@pytest.mark.parametrize("vector", [case for case in cases("toHost") if has_json(case)])
def test_encodes_json(vector: dict[str, Any]) -> None:
    tree = json.loads(tagged_json.dumps(eval(vector["python"], NAMES), Limits()))
    assert same(tree, vector["json"]), tree


@pytest.mark.parametrize("vector", [case for case in cases("toWorker") if has_json(case)])
def test_decodes_json(vector: dict[str, Any]) -> None:
    for form in [vector["json"], vector.get("jsonFromHost", vector["json"])]:
        value = tagged_json.loads(json.dumps(form), Limits(), lambda ref: None)
        assert same(value, eval(vector["python"], NAMES)), value


@pytest.mark.parametrize("vector", VALUES["jsonOnly"], ids=lambda vector: str(vector["name"]))
def test_decodes_json_only(vector: dict[str, Any]) -> None:
    value = tagged_json.loads(json.dumps(vector["json"]), Limits(), lambda ref: None)
    if vector["python"] is None:
        assert json.loads(tagged_json.dumps(value, Limits())) == vector["json"]
    else:
        assert same(value, eval(vector["python"], NAMES))


@pytest.mark.parametrize("vector", MALFORMED["values"], ids=lambda vector: str(vector["name"]))
def test_refuses_values(rig: Rig, vector: dict[str, Any]) -> None:
    front, back = bytes.fromhex("9a010101a17300a16da16691"), bytes.fromhex("c000")
    with pytest.raises((Problem, ValueError)) as raised:
        message = rig.decode(front + binary(vector["value"]) + back)
        pytest.fail(f"decoded {message!r}")
    assert not isinstance(raised.value, UnicodeEncodeError)


@pytest.mark.parametrize("vector", MALFORMED["limits"], ids=lambda vector: str(vector["name"]))
@pytest.mark.parametrize("codec", CODECS)
def test_refuses_beyond_limits(codec: str, vector: dict[str, Any]) -> None:
    limits = Limits()
    limits.update({"limits": vector["limits"]})
    rig = Rig(codec, limits)
    front, back = bytes.fromhex("9a010101a17300a16da16691"), bytes.fromhex("c000")
    with pytest.raises(Problem) as raised:
        rig.decode(front + binary(vector["value"]) + back)
    assert raised.value.fields["limit"] == vector["limit"]
