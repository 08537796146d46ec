# From Python values to trees that any MessagePack library encodes the same way (proto/PROTOCOL.md 5). The walk is in
# Python, so lists and dicts of plain values are recognised by their sets of types, which C computes, and passed as
# they are. Time, numbers of numpy and tables have files of their own, loaded when such a value first appears.
from __future__ import annotations

import sys
from _struct import pack as struct_pack

from snakebridge._internal.limits import MAX_BUFFERS, SAFE_INT
from snakebridge._internal.packing import Ext
from snakebridge._internal.problems import LimitProblem, ValueProblem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from snakebridge._internal.codecs import Codec
    from snakebridge._internal.limits import Limits
    from snakebridge._internal.refs import RefTable

    Handler = Callable[["WireEncoder", Any, int], Any]

AUTO = 0
VALUE = 1
BUFFER_BYTES = 4_096
MAX_KNOWN_KEYS = 4_096
# What the texts of all refs in one message may take; those beyond have none.
REPRS_S = 0.25
# From so many items on a container is looked at as a whole first.
BULK_ITEMS = 16

_NONE = type(None)
_ATOMS = frozenset((str, float, bool, _NONE))
_ATOMS_AND_INT = _ATOMS | {int}
_ONLY_STR = {str}
_NOTHING = ("", object())


class WireEncoder:
    """Encodes results; one for each conversation, reset for each message."""

    def __init__(self, codec: Codec, limits: Limits, refs: RefTable) -> None:
        self.codec = codec
        self.limits = limits
        self.refs = refs
        self.call = 0
        self.session = ""
        self.mode = AUTO
        self.buffers: list[memoryview] = []
        # Whether large containers of plain values may go to the codec as they are.
        self.takes_trees = False
        self.elements_left = 0
        self.bytes_left = 0
        # Refs made for this message, by `id` of their object: what is met twice is one ref.
        self._made: dict[int, tuple[int, list[Any]]] = {}
        # Keys seen to be no integers and not `__proto__`, so that records repeat the check in C.
        self._known_keys: set[str] = set()

    def begin(self, call: int, session: str, mode: int) -> None:
        """Resets what belongs to one message."""
        self.call = call
        self.session = session
        self.mode = mode
        self.buffers = []
        self.takes_trees = self.codec.takes_trees
        self.refs.mark = self.refs.last_own
        # The message and its three items are values of their own.
        self.elements_left = self.limits.max_elements - 4
        self.bytes_left = self.limits.max_frame_bytes
        if self._made:
            self._made = {}

    def encode(self, value: Any, depth: int = 1) -> Any:
        """Turns a value inside `depth` containers into a plain tree.

        Raises:
            ValueProblem: If something in it has no encoding.
            LimitProblem: If it is too deep or too large, or contains itself where a value was asked for.
        """
        last_own, buffers = self.refs.last_own, len(self.buffers)
        elements, size = self.elements_left, self.bytes_left
        try:
            return self.walk(value, depth)
        except (RecursionError, LimitProblem) as problem:
            return self._again(problem, value, depth, (last_own, buffers, elements, size))

    def each(self, values: list[Any], depth: int, *, as_refs: bool, apart: bool) -> tuple[list[Any], bool]:
        """Encodes the items of a batch, inside `depth` containers.

        Each item has a life of its own at the host, which may give it back before it looks at the next one. So an
        object in two of them is two refs.

        Args:
            values: The items.
            depth: How many containers they are in, the list not counted.
            as_refs: Whether to make a ref of each.
            apart: Whether to expect refs. Items without any are encoded much faster together.

        Returns:
            The encoded items, and whether there are refs among them.
        """
        if not as_refs and not apart:
            before = (self.refs.last_own, len(self.buffers), self.elements_left, self.bytes_left)
            self._made = {}
            tree: list[Any] = self.encode(values, depth)
            if not self._made or len(values) == 1:
                return tree, bool(self._made)
            self._undo(*before)
        inside = self.enter(len(values), depth)
        tree = []
        for value in values:
            self._made = {}
            tree.append(self.ref(value, inside) if as_refs else self.encode(value, inside))
        return tree, True

    def _again(self, problem: Exception, value: Any, depth: int, before: tuple[int, int, int, int]) -> Any:
        """Walks deeper what met Python's limit, and without its cycles what met one of ours."""
        if isinstance(problem, RecursionError):
            try:
                return self._deep(value, depth, before)
            except LimitProblem as met:
                problem = met
        # A walk without end may meet any limit first.
        from snakebridge._internal import cycles

        if self.mode == VALUE:
            raise LimitProblem("cycle", None, None) if cycles.has_cycle(value) else problem
        finite = cycles.cut(value, self.limits.max_elements)
        if finite is value:
            raise problem
        HANDLERS[cycles.Closing] = _closing
        return self._deep(finite, depth, before)

    def _deep(self, value: Any, depth: int, before: tuple[int, int, int, int]) -> Any:
        self._undo(*before)
        return self.limits.run_deep(self.walk, value, depth)

    def _undo(self, last_own: int, buffers: int, elements: int, size: int) -> None:
        """Takes back what a walk did, so that another can begin."""
        self.refs.undo(last_own)
        del self.buffers[buffers:]
        self.elements_left, self.bytes_left = elements, size

    def walk(self, value: Any, depth: int) -> Any:
        """Encodes one value inside `depth` containers, the message being the first."""
        kind = type(value)
        if kind is str:
            self.spend(len(value))
            return value
        if kind is int:
            return value if -SAFE_INT <= value <= SAFE_INT else self.big_int(value)
        if kind in _ATOMS:
            return value
        handler = HANDLERS.get(kind)
        if handler is None:
            handler = find_handler(kind, self.mode)
        if handler is None:
            return self.leaf(value, depth)
        return handler(self, value, depth)

    def spend(self, size: int) -> None:
        """Counts bytes that the frame will at least have, before they are made."""
        self.bytes_left -= size
        if self.bytes_left < 0:
            limit = self.limits.max_frame_bytes
            raise LimitProblem("maxFrameBytes", limit - self.bytes_left, limit)

    def check_bytes(self, size: int) -> None:
        """Refuses bytes that will not fit, before they are copied."""
        if size > self.bytes_left:
            self.spend(size)

    def enter(self, size: int, depth: int) -> int:
        """Counts a container of `size` values and returns the depth inside."""
        if depth >= self.limits.max_depth:
            raise LimitProblem("maxDepth", depth + 1, self.limits.max_depth)
        self.elements_left -= size
        if self.elements_left < 0:
            limit = self.limits.max_elements
            raise LimitProblem("maxElements", limit - self.elements_left, limit)
        return depth + 1

    def ext(self, code: int, payload: Any) -> Any:
        """An extension value whose payload is MessagePack."""
        try:
            return self.codec.ext(code, self.codec.pack(payload))
        except UnicodeEncodeError:
            from snakebridge._internal.surrogates import surrogate_problem

            raise surrogate_problem(payload) from None

    def fields(self, code: int, payload: list[Any], depth: int) -> Any:
        """An extension value whose payload is an array of plain fields."""
        self.enter(len(payload), depth)
        return self.ext(code, payload)

    def text_ext(self, code: int, text: str) -> Any:
        """An extension value whose payload is bare text."""
        return self.codec.ext(code, text.encode())

    def big_int(self, value: int) -> Any:
        self.spend(value.bit_length() // 8)
        size = (value if value >= 0 else ~value).bit_length() // 8 + 1
        return self.codec.ext(1, value.to_bytes(size, "big", signed=True))

    def data(self, view: memoryview) -> Any:
        """Raw bytes: inside the body when few, as a frame buffer otherwise. Takes a flat view of bytes."""
        size = len(view)
        self.spend(size)
        if size < BUFFER_BYTES:
            return bytes(view)
        if len(self.buffers) == MAX_BUFFERS:
            return bytes(view)
        self.buffers.append(view)
        return self.ext(13, len(self.buffers) - 1)

    def bulk(self, value: Any, items: Any, inside: int) -> Any:
        """Encodes a large container at once if it holds nothing but plain values; else gives None and does nothing.

        A walk in Python costs thirty times what the library needs; what this looks at costs about twice as much.
        """
        from snakebridge._internal.plain_values import Tangled, measure

        try:
            found = measure(items, self.limits.max_depth - inside, self.elements_left + len(items))
        except RuntimeError:  # another thread changed a dict
            return None
        except Tangled:
            # Every container on the way would find the same again.
            self.takes_trees = False
            return None
        if found is None:
            return None
        count, size = found
        # Its own items are counted already. What is beyond a limit is left to the walk, which says where.
        if count - len(items) > self.elements_left or size > self.bytes_left:
            return None
        try:
            data = self.codec.pack(value)
        except (OverflowError, RecursionError, UnicodeEncodeError):
            return None
        self.elements_left -= count - len(items)
        self.spend(len(data))
        return self.codec.encoded(data)

    def items(self, values: list[Any] | tuple[Any, ...], depth: int) -> Any:
        """The items of a sequence, as a list the codec takes."""
        inside = self.enter(len(values), depth)
        if len(values) >= BULK_ITEMS and self.takes_trees:
            encoded = self.bulk(values, values, inside)
            if encoded is not None:
                return encoded
        kinds = set(map(type, values))
        if kinds <= _ATOMS_AND_INT and (int not in kinds or self._ints_fit(values, kinds)):
            if str in kinds:
                self.spend(sum(map(len, values)) if len(kinds) == 1 else 0)
            return values if type(values) is list else list(values)
        out: list[Any] = []
        append = out.append
        walk = self.walk
        try:
            # A copy, here and for dicts below: another thread may change the container, or let it grow without end.
            for value in list(values):
                append(walk(value, inside))
        except ValueProblem as problem:
            problem.steps.append(f"[{len(out)}]")
            raise
        return out

    def _ints_fit(self, values: Any, kinds: set[type]) -> bool:
        if len(kinds) > 1:
            values = [value for value in values if type(value) is int]
        return bool(min(values) >= -SAFE_INT and max(values) <= SAFE_INT)

    def mapping(self, value: dict[Any, Any], depth: int) -> Any:
        """A dict: a map where host and Python agree on its keys, pairs otherwise."""
        if set(map(type, value)) <= _ONLY_STR and (value.keys() <= self._known_keys or self._learn_keys(value)):
            inside = self.enter(len(value), depth)
            values = value.values()
            if len(value) >= BULK_ITEMS and self.takes_trees:
                encoded = self.bulk(value, list(values), inside)
                if encoded is not None:
                    return encoded
            self.spend(sum(map(len, value)))
            kinds = set(map(type, values))
            if kinds <= _ATOMS and str not in kinds:
                return value
            out: dict[str, Any] = {}
            walk = self.walk
            key = ""
            try:
                for key, item in list(value.items()):
                    out[key] = walk(item, inside)
            except ValueProblem as problem:
                problem.steps.append(f".{key}" if key.isidentifier() else f"[{key!r}]")
                raise
            return out
        inside = self.enter(2 * len(value), depth)
        pairs: list[Any] = []
        try:
            for name, item in list(value.items()):
                pairs.append([self.walk(name, inside), self.walk(item, inside)])
        except ValueProblem as problem:
            problem.steps.append(f"[{name!r:.80}]" if type(name) in _ATOMS_AND_INT else f"{{{len(pairs)}}}")
            raise
        return self.ext(6, pairs)

    def _learn_keys(self, value: dict[str, Any]) -> bool:
        known = self._known_keys
        if len(known) > MAX_KNOWN_KEYS:
            known.clear()
        for key in value:
            if is_reordered_key(key):
                return False
        known.update(key for key in value if len(key) <= 64)
        return True

    def leaf(self, value: Any, depth: int) -> Any:
        """An object without encoding: a ref, or a failure where a value was asked for."""
        if self.mode == VALUE:
            name = type_name(type(value))
            raise ValueProblem(f"Cannot encode value: {name} has no encoding", name)
        return self.ref(value, depth)

    def ref(self, value: Any, depth: int) -> Any:
        """Keeps an object and names it; a whole result gets the id of its call."""
        refs = self.refs
        if not self._made:
            refs.repr_s_left = REPRS_S
        if depth == 1 and self.call:
            refs.keep(self.call, self.session, value)
            return self.fields(15, refs.describe(self.call, value), depth)
        made = self._made.get(id(value))
        # Only what the table still holds is surely the same object: the `id` of a dead one is given to another.
        if made is None or refs.entries.get(made[0], _NOTHING)[1] is not value:
            ref = refs.add(self.session, value)
            made = self._made[id(value)] = (ref, refs.describe(ref, value))
        return self.fields(15, made[1], depth)


def is_reordered_key(key: str) -> bool:
    """Whether a plain object of the host would move or lose this key."""
    if "0" <= key < ":":
        # An array index: a canonical decimal below 2^32 - 1.
        if len(key) > 10 or not (key.isdecimal() and key.isascii()) or (key[0] == "0" and key != "0"):
            return False
        return int(key) < 4_294_967_295
    return key == "__proto__"


def _bytes(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.data(memoryview(value))


def _memoryview(encoder: WireEncoder, value: memoryview, depth: int) -> Any:
    encoder.check_bytes(value.nbytes)
    if value.c_contiguous and value.nbytes:
        return encoder.data(value.cast("B"))
    return encoder.data(memoryview(value.tobytes()))


def _complex(encoder: WireEncoder, value: complex, depth: int) -> Any:
    return encoder.codec.ext(7, struct_pack(">dd", value.real, value.imag))


def _slice(encoder: WireEncoder, value: slice, depth: int) -> Any:
    return encoder.ext(17, encoder.items([value.start, value.stop, value.step], depth))


def _closing(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.ref(value.target, depth)


def _collection(code: int) -> Handler:
    def encode(encoder: WireEncoder, value: Any, depth: int) -> Any:
        return encoder.ext(code, encoder.items(value if code == 3 else list(value), depth))

    return encode


HANDLERS: dict[type, Handler] = {
    list: WireEncoder.items,
    dict: WireEncoder.mapping,
    tuple: _collection(3),
    set: _collection(4),
    frozenset: _collection(5),
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _memoryview,
    complex: _complex,
    slice: _slice,
    type(...): lambda encoder, value, depth: encoder.codec.ext(18, b""),
    Ext: lambda encoder, value, depth: encoder.codec.ext(value.code, value.data),
}

_BASES: tuple[type, ...] = (
    bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset,
)  # fmt: skip


def find_handler(kind: type, mode: int) -> Handler | None:
    """Finds the handler of a type met for the first time; None where it has no encoding in this mode."""
    root = type_name(kind).partition(".")[0]
    handler: Handler | None = None
    if root == "datetime":
        from snakebridge._internal import time_values

        handler = time_values.handler_of(kind)
    elif root == "decimal":
        if kind is getattr(sys.modules.get("decimal"), "Decimal", None):
            handler = _decimal
    elif root == "numpy":
        from snakebridge._internal import array_values

        handler = array_values.handler_of(kind)
    elif root == "pandas":
        from snakebridge._internal import time_values

        handler = time_values.pandas_handler_of(kind)
    elif root == "snakebridge":
        handler = _own_handler(kind)
    if handler is not None:
        HANDLERS[kind] = handler
        return handler
    return _base_handler(kind) if mode == VALUE else None


def _own_handler(kind: type) -> Handler | None:
    if kind.__module__ == "snakebridge._internal.callbacks":
        # A function of the host goes home as what it is.
        return lambda encoder, value, depth: encoder.fields(16, [value._number], depth)
    if kind is getattr(sys.modules.get("snakebridge.atoms"), "Atom", None):
        return _atom
    from snakebridge._internal import table_values

    return table_values.encode_table if kind is table_values.ArrowTable else None


def _atom(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.walk(str.__str__(value), depth)


def _decimal(encoder: WireEncoder, value: Any, depth: int) -> Any:
    return encoder.text_ext(12, str(value))


def _base_handler(kind: type) -> Handler | None:
    """For `returns: "value"`: sends an instance of a subclass as its base."""
    np: Any = sys.modules.get("numpy")
    if np is not None and issubclass(kind, np.ndarray):
        from snakebridge._internal import array_values

        return array_values.subclass_handler(kind)
    for base in _BASES:
        if issubclass(kind, base):
            if base is list or base is tuple:
                return lambda encoder, value, depth: encoder.walk(base(value), depth)
            # The base's own constructor is not enough: it would call `__int__`, `__str__` or `keys` of the subclass.
            return lambda encoder, value, depth: encoder.walk(as_base(base, value), depth)
    return None


def as_base(base: type, value: Any) -> Any:
    if base is int:
        return int.__index__(value)
    if base is float:
        return float.__float__(value)
    if base is str:
        return str.__str__(value)
    if base is bytes:
        return bytes(memoryview(value))
    if base is complex:
        return complex(complex.__getattribute__(value, "real"), complex.__getattribute__(value, "imag"))
    if base is dict:
        return dict(dict.items(value))
    return base(value)
