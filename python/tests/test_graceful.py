"""Results that can be encoded only in part: shared leaves, cycles, and what a failed encoding leaves behind."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from snakebridge._internal import tagged_json
from snakebridge._internal.cycles import Closing, cut, has_cycle
from snakebridge._internal.limits import Limits
from snakebridge._internal.packing import Ext, Unpacker
from snakebridge._internal.problems import LimitProblem
from support.codec_rig import CODECS, Rig
from support.host import Host

MANY = 10_000_000


def tangle(rng: random.Random, count: int) -> list[Any]:
    """Containers of every kind that hold each other as chance has it, and leaves that some share."""
    leaves = [object() for _ in range(3)]
    made: list[Any] = [rng.choice([[], {}]) for _ in range(count)]
    for value in made:
        for _ in range(rng.randrange(4)):
            item = rng.choice([*made, *leaves, 1, "text"])
            item = rng.choice([item, (item,), slice(item)])
            if type(value) is list:
                value.append(item)
            else:
                value[rng.choice("abcdef")] = item
    return made


def follow(original: Any, copy: Any, open_now: list[int]) -> int:
    """Checks that a copy says what the original is, path by path; returns the number of its containers."""
    if type(copy) is Closing:
        assert copy.target is original
        return 1
    assert type(copy) is type(original)
    if type(copy) not in (list, dict, tuple, slice):
        assert copy is original
        return 0
    assert id(original) not in open_now, "a cycle goes on"
    if type(copy) is slice:
        pairs = [(original.start, copy.start), (original.stop, copy.stop), (original.step, copy.step)]
    elif type(copy) is dict:
        assert list(original) == list(copy)
        pairs = list(zip(original.values(), copy.values(), strict=True))
    else:
        pairs = list(zip(original, copy, strict=True))
    return 1 + sum(follow(*pair, [*open_now, id(original)]) for pair in pairs)


@pytest.mark.parametrize("seed", range(300))
def test_cut_values_are_finite_and_lead_where_the_originals_lead(seed: int) -> None:
    value = tangle(random.Random(seed), 1 + seed % 9)
    copy = cut(value, MANY)
    assert (copy is value) == (not has_cycle(value))
    if copy is not value:
        follow(value, copy, [])


def test_cut_leaves_what_is_no_container_and_what_is_too_large() -> None:
    ring: list[Any] = [0, 1, 2]
    ring.append(ring)
    assert cut(ring, 3) is ring
    assert cut(ring, 4) is not ring
    assert cut(ring[0], MANY) == 0


def test_cut_does_not_recurse() -> None:
    deep: list[Any] = []
    inner = deep
    for _ in range(100_000):
        inner.append([])
        inner = inner[0]
    inner.append(deep)
    copy = cut(deep, MANY)
    for _ in range(100_000):
        copy = copy[0]
    assert copy[0].target is deep
    while deep:  # or freeing it would recurse
        deep = deep.pop()
    while type(copy) is list:
        copy = copy.pop()


def refs_in(tree: Any) -> list[list[Any]]:
    """The payloads of all refs in plain MessagePack."""
    found = []

    def hook(code: int, data: memoryview) -> Any:
        if code in (3, 4, 5, 6, 17):
            return Unpacker(data, hook, 100).unpack()
        if code == 15:
            found.append(Unpacker(data, lambda code, data: Ext(code, bytes(data)), 100).unpack())
        return None

    Unpacker(tree, hook, 1_000).unpack()
    return found


@pytest.mark.parametrize("codec", CODECS)
def test_one_object_is_one_ref(codec: str) -> None:
    rig = Rig(codec)
    one, other = object(), object()
    data, _ = rig.encode([one, {"a": one}, (one, other), {other}])
    assert [ref[0] for ref in refs_in(data)] == [-1, -1, -1, -2, -2]
    assert {key: entry[1] for key, entry in rig.refs.entries.items()} == {-1: one, -2: other}
    # Another message has refs of its own.
    rig.encode([one])
    assert list(rig.refs.entries) == [-1, -2, -3]


@pytest.mark.parametrize("codec", CODECS)
def test_a_cycle_closes_in_a_ref(codec: str) -> None:
    rig = Rig(codec)
    ring: list[Any] = [object()]
    ring.append({"back": ring, "again": (ring,)})
    rig.encode(ring)
    held = [entry[1] for entry in rig.refs.entries.values()]
    assert len(held) == 2
    assert any(value is ring for value in held)
    ring[0] = 0
    with pytest.raises(LimitProblem, match="contains itself"):
        rig.encode(ring, 1)
    assert len(rig.refs.entries) == 2


def test_ids_of_dead_objects_are_not_taken_for_theirs() -> None:
    rig = Rig("builtin")

    class Dying:
        def __repr__(self) -> str:
            # The object goes while its message is being written, as if the host had released an id it cannot know.
            rig.refs.forget([-1])
            rig.refs.graveyard.clear()
            return ""

    def items() -> Any:
        for _ in range(50):
            yield rig.encoder.ref(Dying(), 3)

    rig.encoder.begin(0, "s", 0)
    made = [Unpacker(tree.data, lambda code, data: None, 9).unpack()[0] for tree in items()]
    assert made == list(range(-1, -51, -1))


def test_failed_encodings_keep_nothing() -> None:
    rig = Rig("builtin")
    deep: list[Any] = [object()]
    for _ in range(2_000):
        deep = [object(), deep]
    with pytest.raises(LimitProblem):
        rig.encoder.begin(0, "s", 0)
        try:
            rig.encoder.encode(deep)
        finally:
            rig.refs.undo(0)
    assert not rig.refs.entries


def test_texts_of_many_objects_take_bounded_time() -> None:
    class Slow:
        asked = 0

        def __repr__(self) -> str:
            Slow.asked += 1
            rig.refs.repr_s_left -= 0.01
            return "slow"

    rig = Rig("builtin")
    data, _ = rig.encode([Slow() for _ in range(1_000)])
    assert Slow.asked == 25
    assert [ref[2] for ref in refs_in(data)] == ["slow"] * 25 + [None] * 975
    # The next message starts afresh.
    rig.encode(Slow())
    assert Slow.asked == 26


def test_tangled_containers_have_no_text_rather_than_an_endless_one() -> None:
    people: list[dict[str, Any]] = [{} for _ in range(50)]
    for person in people:
        person["knows"] = people
    rig = Rig("builtin")
    assert rig.refs.describe(1, people)[2] is None
    ring: list[Any] = [1]
    ring.append(ring)
    assert rig.refs.describe(1, ring)[2] == "[1, [...]]"


def test_tagged_json_closes_cycles_where_there_are_refs() -> None:
    held: list[Any] = []

    def keep(value: Any) -> list[Any]:
        held.append(value)
        return [-len(held), "t", None, 0]

    one = object()
    ring: list[Any] = [one, one]
    ring.append({"back": ring})
    tree = json.loads(tagged_json.dumps(ring, Limits(), keep))
    assert tree[0]["id"] == tree[1]["id"]
    assert held[-1 - tree[0]["id"]] is one
    assert held[-1 - tree[2]["back"]["id"]] is ring
    with pytest.raises(LimitProblem, match="contains itself"):
        del ring[:2]
        tagged_json.dumps(ring, Limits())


@pytest.mark.parametrize("depth", [511, 512])
def test_tagged_json_is_as_deep_as_the_limit(depth: int) -> None:
    value: Any = 0
    for _ in range(depth):
        value = (value,)
    if depth == 512:
        with pytest.raises(LimitProblem):
            tagged_json.dumps(value, Limits())
        return
    text = tagged_json.dumps(value, Limits())
    assert repr(tagged_json.loads(text, Limits(), lambda ref: None)) == repr(value)


def test_a_worker_sends_what_is_shared_and_cyclic_and_releases_what_failed() -> None:
    with Host() as host:
        before = host.ping()["refs"]
        call = host.start(0, "builtins", "eval", ["[l := [object()], l.append(l)][:1]"])
        [[leaf, closing]] = host.answer(call)
        assert (leaf.code, closing.code) == (15, 15)
        assert host.ping()["refs"] == before + 2
        host.start(0, "builtins", "eval", ["[l := [object()], l.append([l, chr(0xd800)])]"])
        assert host.receive()[2]["kind"] == "value"
        assert host.ping()["refs"] == before + 2
