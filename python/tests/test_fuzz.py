"""Every decoder of the worker meets damaged input, always the same for the same SNAKEBRIDGE_TEST_SEED.

By default each decoder meets 20,000 damaged frames, which takes a few seconds; SNAKEBRIDGE_FUZZ_FRAMES=200000 is the
full number.
"""

from __future__ import annotations

import json
import random
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from snakebridge._internal import tagged_json
from snakebridge._internal.frames import FrameReader
from snakebridge._internal.limits import Limits
from snakebridge._internal.problems import LimitProblem, Problem, ValueProblem
from support.codec_rig import CODECS, Rig
from support.generate import SEED, Generator, setting
from support.host import Host, frame
from support.mutate import mutate, mutate_json
from test_properties import equal
from test_vectors import MALFORMED, VALUES, binary, load

COUNT = setting("SNAKEBRIDGE_FUZZ_FRAMES", 20_000)
# One length that was believed would need more.
MAX_GROWTH_KB = 500_000


def small_limits() -> Limits:
    limits = Limits()
    limits.update({"limits": {"maxFrameBytes": 1_000_000, "maxDepth": 100, "maxElements": 20_000}})
    return limits


def call(value: bytes) -> bytes:
    """A call with one argument."""
    return bytes.fromhex("9a010101a17300a16da16691") + value + bytes.fromhex("c000")


def bodies() -> list[bytes]:
    """Messages of the vectors, and of generated values; none is long, so that damage hits what matters."""
    rig = Rig("builtin")
    generated = [rig.encode(Generator(seed, "msgpack").any(3)[0])[0] for seed in range(500)]
    values = [binary(vector["msgpack"]) for vector in VALUES["vectors"]]
    values += [binary(vector["value"]) for vector in MALFORMED["values"]]
    whole = [binary(vector["body"]) for vector in MALFORMED["messages"]]
    whole += [binary(vector["frame"])[8:] for vector in load("frames.json")["vectors"]]
    return [body for body in (*map(call, values), *map(call, generated), *whole) if len(body) <= 2_000]


def rounds(count: int = COUNT) -> Iterator[random.Random]:
    """Sources of chance, one a round; watches memory, and says how to repeat a round that fails."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(SEED, SEED + count):
        try:
            yield random.Random(seed)
        except GeneratorExit:
            print(f"SNAKEBRIDGE_TEST_SEED={seed} SNAKEBRIDGE_FUZZ_FRAMES=1 repeats it")
            raise
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert growth < MAX_GROWTH_KB, f"memory grew by {growth} kB"


def outcome(work: Callable[[], Any]) -> tuple[Any, str | None]:
    """The result, or the name of the refusal; anything but a refusal is a failure of the test."""
    try:
        return work(), None
    except LimitProblem as problem:
        return None, f"limit {problem.fields['limit']}"
    except ValueProblem as problem:
        return None, problem.kind
    except (Problem, ValueError) as error:
        return None, "bad key" if "a map has a" in str(error) else "malformed"


def test_damaged_messages_are_values_or_refused_and_all_codecs_agree() -> None:
    corpus = bodies()
    rigs = [Rig(name, small_limits()) for name in CODECS]
    buffers = [bytes(5_000), b""]
    read = 0
    for rng in rounds():
        body = mutate(rng, rng.choice(corpus), corpus)
        found = [outcome(partial(rig.decode, body, buffers)) for rig in rigs]
        value, refused = found[0]
        read += refused is None
        if any(why == "bad key" for _, why in found):
            # One library makes tuples of arrays that are keys.
            continue
        for name, (other, also) in zip(CODECS[1:], found[1:], strict=True):
            assert (also is None) == (refused is None), (name, body.hex(), found)
            assert equal(value, other), (name, body.hex(), found)
    assert read > COUNT / 50, "some damage does not show"
    for rig in rigs:
        assert rig.decode(b"\x93\x01\x02\x03") == [1, 2, 3]


def test_damaged_streams_are_frames_or_refused() -> None:
    limits = small_limits()
    corpus = []
    for index, body in enumerate(bodies()):
        count = index % 3
        corpus.append(struct.pack(f"<II{count}Q", len(body), count, *[10] * count) + body + bytes(10 * count))
    corpus += [binary(vector["frame"]) for vector in MALFORMED["frames"]]
    complete = refusals = 0
    for rng in rounds():
        stream = mutate(rng, rng.choice(corpus), corpus)[:60_000]
        near, far = socket.socketpair()
        with near, far:
            near.sendall(stream)
            near.shutdown(socket.SHUT_WR)

            def read(reader: FrameReader) -> int:
                size = 0
                while (found := reader.read()) is not None:
                    size += len(found[0]) + sum(len(buffer.getvalue()) for buffer in found[1])
                return size

            size, refused = outcome(partial(read, FrameReader(far.fileno(), limits)))
            assert refused is not None or size <= len(stream)
            complete += bool(size)
            refusals += refused is not None
    assert complete > COUNT / 50, complete
    assert refusals > COUNT / 50, refusals


def test_damaged_tagged_json_is_a_value_or_refused() -> None:
    limits = small_limits()
    corpus = [vector["json"] for vector in (*VALUES["vectors"], *VALUES["jsonOnly"]) if "json" in vector]
    for seed in range(300):
        corpus.append(json.loads(tagged_json.dumps(Generator(seed, "json").any(3)[0], limits)))
    corpus = [tree for tree in corpus if len(json.dumps(tree)) <= 2_000]
    texts = [json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass") for tree in corpus]
    read = 0
    for rng in rounds():
        text: str | bytes
        if rng.randrange(3) == 0:
            text = mutate(rng, rng.choice(texts), texts)
        else:
            text = json.dumps(mutate_json(rng, rng.choice(corpus), corpus))
        _, refused = outcome(partial(tagged_json.loads, text, limits, lambda ref: None))
        read += refused is None
    assert read > COUNT / 50, "some damage does not show"


def harmless(rng: random.Random, number: int) -> bytes:
    """The body of a call that makes text of generated values, damaged behind what says which function it is."""
    rig = Rig("builtin")
    value = rig.encode(Generator(rng.randrange(2**31), "msgpack").any(3)[0])[0]
    head = b"\x9a\x01\x01\xcd" + number.to_bytes(2, "big") + b"\xa1s\x00\xa8builtins\xa4repr"
    return head + mutate(rng, b"\x91" + value + b"\xc0\x00", [value])


def test_a_worker_says_what_is_wrong_and_goes_on_or_ends() -> None:
    """A damaged call between two good ones: each is answered in its turn, or the worker ends and says why."""
    host: Host | None = None
    answered = 0
    try:
        for rng in rounds(300):
            if host is None:
                host = Host(hello={"limits": {"maxFrameBytes": 1_000_000, "maxDepth": 100, "maxElements": 20_000}})
            first = host.last + 1
            host.last += 3
            good = [[1, 1, number, "s", 0, "math", "sqrt", [16], None, 0] for number in (first, first + 2)]
            body = harmless(rng, first + 1)
            # In one write, so that they may be read in one go.
            host.data.sendall(frame(good[0]) + struct.pack("<II", len(body), 0) + body + frame(good[1]))
            assert host.answer(first) == 4
            kind, number, content = host.receive()[:3]
            if number == first + 2:
                # What was damaged are the flags: it is a call that is not answered.
                assert (kind, content) == (16, 4)
                continue
            assert kind in (16, 17)
            if kind == 17:
                assert content["message"], "the reason"
            if number == 0:
                assert content["kind"] in ("protocol", "limit", "value")
                assert host.process.wait(10) == 76
                host.__exit__()
                host = None
            else:
                assert number == first + 1
                assert host.answer(first + 2) == 4
                answered += 1
        assert host is None or host.eval("1 + 1") == 2
    finally:
        if host is not None:
            host.__exit__()
    assert answered > 50
