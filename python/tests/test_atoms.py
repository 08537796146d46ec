"""Atoms: text everywhere but in tagged JSON for a peer that was agreed on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from snakebridge._internal import tagged_json
from snakebridge._internal.limits import Limits
from snakebridge.atoms import Atom
from snakebridge.serialization import to_plain
from support.codec_rig import CODECS, Rig

TAG = {"__type__": "atom", "__schema__": 1, "value": "ok"}


def loads(tree: Any) -> Any:
    return tagged_json.loads(json.dumps(tree), Limits(), lambda ref: None)


def test_an_atom_arrives_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "no", "0", "maybe"):
        if value is None:
            monkeypatch.delenv("SNAKEBRIDGE_ATOM_CLASS", raising=False)
        else:
            monkeypatch.setenv("SNAKEBRIDGE_ATOM_CLASS", value)
        assert type(loads(TAG)) is str
        assert loads({"a": [TAG]}) == {"a": ["ok"]}


@pytest.mark.parametrize("value", ["true", "1", "YES "])
def test_or_as_an_atom_where_the_environment_says_so(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAKEBRIDGE_ATOM_CLASS", value)
    made = loads(TAG)
    assert type(made) is Atom
    assert (made, repr(made), hash(made)) == ("ok", "Atom('ok')", hash("ok"))


def test_only_atoms_on_the_allowlist_are_written_as_atoms() -> None:
    value = [Atom("ok"), Atom("other"), "ok", {Atom("ok"): Atom("ok")}]
    plain = json.loads(tagged_json.dumps(value, Limits()))
    assert plain[:3] == ["ok", "other", "ok"]
    chosen = json.loads(tagged_json.dumps(value, Limits(), atoms=frozenset(["ok"])))
    assert chosen[:3] == [TAG, "other", "ok"]
    assert loads(chosen) == loads(plain) == ["ok", "other", "ok", {"ok": "ok"}]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("mode", [0, 1])
def test_messagepack_has_text_only(codec: str, mode: int) -> None:
    rig = Rig(codec)
    data, _ = rig.encode([Atom("ok"), (Atom("x"),)], mode)
    assert rig.decode(data) == ["ok", ("x",)]
    assert not rig.refs.entries


def test_an_atom_is_plain() -> None:
    value = [Atom("ok")]
    assert to_plain(value) is value
