"""Conversion of results that have no encoding, markers, and what markers may say."""

from __future__ import annotations

import array
import enum
from collections import Counter, OrderedDict, namedtuple
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from snakebridge.serialization import (
    DETAILS,
    MARKER_KEY,
    UnserializableInfo,
    is_unserializable,
    make_marker,
    redact,
    to_plain,
    unserializable_info,
)
from support.codec_rig import Rig
from support.generate import SEED, Generator
from test_properties import equal

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("SNAKEBRIDGE", "SNAKEPIT"):
        for name in ("UNSERIALIZABLE_DETAIL", "UNSERIALIZABLE_REPR_MAXLEN", "TOLIST_MAX_ELEMENTS"):
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)


class Plain:
    def __repr__(self) -> str:
        return "Plain(api_key='abc', size=3)"


MARK = {MARKER_KEY: True, "__type__": "test_serialization.Plain"}


def test_values_stay_what_they_are() -> None:
    for seed in range(SEED, SEED + 300):
        value, _ = Generator(seed, "msgpack").any()
        assert to_plain(value) is value, value


def test_everything_made_has_an_encoding() -> None:
    rig = Rig("msgspec")
    odd = [
        Plain(),
        Counter("ab"),
        np.array([object(), 1]),
        pd.DataFrame({"a": [1]}),
        time(1, tzinfo=timezone.utc),
        "\ud800",
    ]
    for seed in range(SEED, SEED + 300):
        generator = Generator(seed, "msgpack")
        value = [generator.any()[0], {"odd": (generator.rng.choice(odd), {generator.rng.choice(odd[2:]) is None})}]
        data, _ = rig.encode(to_plain(value), 1)
        assert data and not rig.refs.entries


class All:
    """Has every conversion; the first wins."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def _answer(self, name: str, made: Any) -> Any:
        if name not in self.names:
            raise TypeError(name)
        return made

    def model_dump(self) -> Any:
        return self._answer("model_dump", {"by": "model_dump"})

    def to_dict(self) -> Any:
        return self._answer("to_dict", {"by": "to_dict"})

    def _asdict(self) -> Any:
        return self._answer("_asdict", {"by": "_asdict"})

    def tolist(self) -> Any:
        return self._answer("tolist", ["tolist"])

    def isoformat(self) -> Any:
        return self._answer("isoformat", "isoformat")


def test_the_order_of_conversions() -> None:
    names = ["model_dump", "to_dict", "_asdict", "tolist", "isoformat"]
    expected = [{"by": "model_dump"}, {"by": "to_dict"}, {"by": "_asdict"}, ["tolist"], "isoformat"]
    for first, made in enumerate(expected):
        assert to_plain(All(*names[first:])) == made
    assert is_unserializable(to_plain(All()))


Pair = namedtuple("Pair", "left right")


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Name(str):
    pass


def test_what_real_objects_become() -> None:
    assert to_plain(Pair(1, Plain())) == {"left": 1, "right": MARK}
    assert to_plain(pd.DataFrame({"a": [1, 2]})) == {"a": {0: 1, 1: 2}}
    assert to_plain(pd.Series([1.5])) == {0: 1.5}
    assert to_plain(pd.Index(["x"])) == ["x"]
    assert to_plain(np.array([{"a": 1}, (2,)], dtype=object)) == [{"a": 1}, (2,)]
    assert to_plain(np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])) == [(1, 2.5)]
    assert to_plain(array.array("i", [1, 2])) == [1, 2]
    assert to_plain(time(1, 2, tzinfo=timezone.utc)) == "01:02:00+00:00"
    odd_zone = timezone(timedelta(seconds=1))
    assert to_plain(datetime(2024, 1, 1, tzinfo=odd_zone)) == "2024-01-01T00:00:00+00:00:01"
    assert to_plain(pd.Timestamp(1)) == "1970-01-01T00:00:00.000000001"
    made = to_plain([Counter("aab"), OrderedDict(b=1), Level.HIGH, Name("n"), Color.RED])
    assert made[:4] == [{"a": 2, "b": 1}, {"b": 1}, 3, "n"]
    assert [type(item) for item in made[:4]] == [dict, dict, int, str]
    assert unserializable_info(made[4]) == UnserializableInfo("test_serialization.Color", None)
    assert is_unserializable(to_plain(pd.DataFrame)), "a class has methods of its instances"
    assert to_plain(Decimal("1.10")) == Decimal("1.10")


def test_containers_keep_their_type_where_they_can() -> None:
    plain = Plain()
    assert to_plain((1, plain)) == (1, MARK)
    assert equal(to_plain(slice(plain)), slice(MARK))
    assert to_plain({1, plain}) in ([1, MARK], [MARK, 1])
    assert to_plain({plain: 1, Plain(): 2, "x": plain}) == {
        "<test_serialization.Plain>": 1,
        "<test_serialization.Plain> 2": 2,
        "x": MARK,
    }
    ring: list[Any] = [1]
    ring.append(ring)
    assert to_plain(ring) == [1, {MARKER_KEY: True, "__type__": "builtins.list"}]
    made = to_plain([plain, plain])
    assert made[0] is made[1]


class Hostile:
    """Raises whatever it is asked."""

    error: type[BaseException] = ValueError

    def __getattribute__(self, name: str) -> Any:
        raise object.__getattribute__(self, "error")(name)

    def __repr__(self) -> str:
        raise object.__getattribute__(self, "error")("repr")

    def to_dict(self) -> Any:
        raise AssertionError("never reached")

    def __eq__(self, other: object) -> bool:
        raise object.__getattribute__(self, "error")("eq")

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("error", [ValueError, MemoryError, RecursionError, SystemExit, GeneratorExit, StopIteration])
@pytest.mark.parametrize("detail", DETAILS)
def test_hostile_objects_are_markers(error: type[BaseException], detail: Any) -> None:
    class Worse(Hostile):
        pass

    Worse.error = error
    made = to_plain([Worse(), {"a": Worse()}, 1], detail=detail)
    assert is_unserializable(made[0]) and is_unserializable(made[1]["a"]) and made[2] == 1
    assert unserializable_info(made[0]) is not None


def test_hostile_metaclasses_and_endless_conversions_are_markers() -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

    class Odd(metaclass=Meta):
        pass

    class Endless:
        def to_dict(self) -> Any:
            return {"next": Endless()}

    class Itself:
        def to_dict(self) -> Any:
            return self

    assert to_plain(Odd())[MARKER_KEY] is True
    made = to_plain(Endless())
    depth = 0
    while "next" in made:
        made, depth = made["next"], depth + 1
    assert is_unserializable(made) and depth < 200
    assert is_unserializable(to_plain(Itself()))
    deep: Any = Plain()
    for _ in range(5_000):
        deep = [deep]
    made = to_plain(deep)
    while isinstance(made, list):
        made = made[0]
    assert is_unserializable(made)


def test_tangled_containers_have_no_text_rather_than_an_endless_one() -> None:
    people: list[dict[str, Any]] = [{} for _ in range(40)]
    for person in people:
        person["knows"] = people
    made = to_plain(people, detail="repr_truncated")
    assert made[0]["knows"] == {MARKER_KEY: True, "__type__": "builtins.list"}


def test_interrupts_pass() -> None:
    from snakebridge._internal.problems import Interrupted

    class Slow:
        def to_dict(self) -> Any:
            raise Interrupted

    for error in (Interrupted, KeyboardInterrupt):
        Slow.to_dict = lambda self, error=error: (_ for _ in ()).throw(error)  # type: ignore[method-assign,misc]
        with pytest.raises(error):
            to_plain([Slow()])


class Sized:
    """An array of a size that it tells, which must not be made a list of."""

    def __init__(self, **known: Any) -> None:
        self.__dict__.update(known)

    shape: Any = None
    size: Any = None

    def tolist(self) -> Any:
        raise AssertionError("was asked for its elements")

    def to_dict(self) -> Any:
        raise AssertionError("was asked for its elements")


def test_large_arrays_are_not_converted() -> None:
    assert is_unserializable(to_plain(Sized(shape=(2_000, 2_000))))
    assert is_unserializable(to_plain(Sized(size=1_000_001)))
    objects = np.empty(11, dtype=object)
    assert is_unserializable(to_plain(objects, tolist_max_elements=10))
    assert to_plain(objects, tolist_max_elements=11) == [None] * 11
    assert is_unserializable(to_plain(pd.Series(range(11)), tolist_max_elements=10))
    assert is_unserializable(to_plain(array.array("b", bytes(11)), tolist_max_elements=10))

    class Untold:
        def tolist(self) -> Any:
            return [[0] * 10] * 10

    assert is_unserializable(to_plain(Untold(), tolist_max_elements=100))
    assert to_plain(Untold(), tolist_max_elements=110) == [[0] * 10] * 10


def test_detail_modes() -> None:
    assert make_marker(Plain()) == MARK
    assert make_marker(Plain(), detail="none") == MARK
    assert make_marker(Plain(), detail="type")["__repr__"] == "<test_serialization.Plain>"
    assert make_marker(Plain(), detail="repr_truncated")["__repr__"] == "Plain(api_key='abc', size=3)"
    assert make_marker(Plain(), detail="repr_truncated", repr_max_chars=5)["__repr__"] == "Plain"
    assert make_marker(Plain(), detail="repr_truncated", repr_max_chars=0)["__repr__"] == ""
    redacted = make_marker(Plain(), detail="repr_redacted_truncated")
    assert redacted["__repr__"] == "Plain(api_key=[REDACTED], size=3)"
    # Struck out before it is cut: the secret is not there when the cut comes in its middle.
    assert make_marker(Plain(), detail="repr_redacted_truncated", repr_max_chars=16)["__repr__"] == "Plain(api_key=[R"


@pytest.mark.parametrize("prefix", ["SNAKEBRIDGE", "SNAKEPIT"])
def test_environment(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Long:
        def __repr__(self) -> str:
            return "x" * 5_000

    def text() -> Any:
        return make_marker(Long()).get("__repr__")

    assert text() is None
    monkeypatch.setenv(f"{prefix}_UNSERIALIZABLE_DETAIL", " Repr_Truncated ")
    assert len(text()) == 500
    for given, chars in [("7", 7), ("0", 0), ("-3", 0), ("9999", 2_000), ("many", 500), ("", 500), ("1.5", 500)]:
        monkeypatch.setenv(f"{prefix}_UNSERIALIZABLE_REPR_MAXLEN", given)
        assert len(text()) == chars, given
    monkeypatch.setenv(f"{prefix}_UNSERIALIZABLE_DETAIL", "everything")
    assert text() is None
    for given, converted in [("3", True), ("2", False), ("-1", True), ("few", True), ("0", False)]:
        monkeypatch.setenv(f"{prefix}_TOLIST_MAX_ELEMENTS", given)
        assert (to_plain(array.array("b", b"abc")) == [97, 98, 99]) == converted, given


def test_our_own_variables_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAKEPIT_UNSERIALIZABLE_DETAIL", "type")
    monkeypatch.setenv("SNAKEBRIDGE_UNSERIALIZABLE_DETAIL", "none")
    assert make_marker(Plain()) == MARK


@pytest.mark.parametrize(
    "options", [{"detail": "all"}, {"repr_max_chars": -1}, {"repr_max_chars": 2_001}, {"tolist_max_elements": -1}]
)
def test_wrong_arguments_are_the_callers_mistake(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        to_plain(1, **options)


SECRETS = [
    "Authorization: Bearer SECRET",
    "{'Authorization': 'Bearer SECRET', 'x': 1}",
    "{'authorization': 'Basic U0VDUkVUSECRET=='}",
    "Proxy-Authorization: Digest user=SECRET",
    "bearer SECRET.SECRET-SECRET",
    "client(sk-SECRETSECRET)",
    "sk-proj-SECRETSECRET",
    "api_key='SECRET'",
    "api-key=SECRET",
    "apikey: SECRET",
    "OPENAI_API_KEY=SECRET",
    'Config(apiKey="SECRET")',
    '{"token": "SECRET with spaces and \\"quotes\\" SECRET"}',
    "token='SECRET",
    "access_token=SECRET&x=1",
    "os.environ['DB_PASSWORD'] = 'SECRET'",
    "password=SECRET, user='ada'",
    "password: SECRET",
    "passwd=SECRET",
    "pwd => SECRET",
    "client_secret=b'SECRET'",
    "secret_key: 'SECRET'",
    "postgres://ada:SECRET@host/db",
    "ghp_SECRETSECRET",
    "AKIASECRETSECRETXX",
    "eyJSECRET.SECRET.SECRET",
    "-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nSECRET",
    "Cookie: SECRET",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_struck_out(text: str) -> None:
    assert "SECRET" not in redact(text), redact(text)
    assert "[REDACTED]" in redact(text)


@pytest.mark.parametrize(
    "text",
    ["Point(x=1, y=2)", "tokenizer=BertTokenizer(vocab=30522)", "author='Ada'", "secretary: Ada", "skate-boarding shop",
     "the basics of it", "https://host/path?x=1", "risk-adjustedreturns"],
)  # fmt: skip
def test_other_text_stays(text: str) -> None:
    assert redact(text) == text


def test_what_is_around_a_secret_stays() -> None:
    assert redact("User(name='ada', password='a\\'b', age=36)") == "User(name='ada', password=[REDACTED], age=36)"
    assert redact("{'token': 'x', 'n': 1}") == "{'token': [REDACTED], 'n': 1}"


def test_long_texts_are_looked_at_in_part_only() -> None:
    class Long:
        def __init__(self, front: str) -> None:
            self.front = front

        def __repr__(self) -> str:
            return self.front + "token" * 1_000_000

    made = make_marker(Long("password='" + "SECRET" * 10_000), detail="repr_redacted_truncated", repr_max_chars=2_000)
    assert made["__repr__"] == "password=[REDACTED]"
    made = make_marker(
        Long("a" * 1_900 + " sk-" + "SECRET" * 10_000), detail="repr_redacted_truncated", repr_max_chars=2_000
    )
    assert "SECRET" not in made["__repr__"]


def test_markers_of_objects_with_odd_texts_have_an_encoding() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "\ud800 ä"

    Odd.__qualname__ = "Odd\udfff"
    made = make_marker(Odd(), detail="repr_truncated")
    assert made["__repr__"] == "\\ud800 ä"
    assert made["__type__"].endswith("Odd\\udfff")
    Rig("msgspec").encode(made)


def test_info() -> None:
    assert unserializable_info({MARKER_KEY: True, "__type__": "m.C", "__repr__": "C()"}) == UnserializableInfo(
        "m.C", "C()"
    )
    assert unserializable_info({MARKER_KEY: True, "__type__": 5, "__repr__": 5}) == UnserializableInfo("", None)
    for other in (None, {}, {MARKER_KEY: 1}, {MARKER_KEY: "true"}, [MARKER_KEY]):
        assert not is_unserializable(other)
        assert unserializable_info(other) is None
