# Limits of proto/PROTOCOL.md 6.
from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

MAX_BUFFERS = 65_536
SAFE_INT = 2**53 - 1

# Before 3.11 each Python frame takes C stack, of which the main thread mostly has 8 MiB.
MAX_FRAMES = 12_000


class Limits:
    """Limits of one conversation; hello may change them."""

    __slots__ = ("max_depth", "max_elements", "max_frame_bytes", "repr_max_chars", "small_body")

    def __init__(self) -> None:
        self.max_frame_bytes = 1_073_741_824
        self.max_depth = 512
        self.max_elements = 10_000_000
        self.repr_max_chars = 200
        # A message of so few bytes cannot go beyond the limits above.
        self.small_body = 512

    def update(self, hello: dict[str, object]) -> None:
        """Takes over what the host's hello sets; what is missing or no positive int stays as it is."""
        given = hello.get("limits")
        if isinstance(given, dict):
            self.max_frame_bytes = _positive(given.get("maxFrameBytes"), self.max_frame_bytes)
            self.max_depth = _positive(given.get("maxDepth"), self.max_depth)
            self.max_elements = _positive(given.get("maxElements"), self.max_elements)
            self.small_body = min(self.max_depth, self.max_elements)
        self.repr_max_chars = _positive(hello.get("reprMaxChars"), self.repr_max_chars)

    def run_deep(self, function: Callable[..., T], *args: object) -> T:
        """Runs our own code again that met Python's recursion limit before `max_depth`.

        A container takes up to 17 frames. The limit is raised for us alone: raised for good, it would let Python
        code overflow the C stack.
        """
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(max(usual, min(usual + 18 * self.max_depth, MAX_FRAMES)))
        try:
            return function(*args)
        finally:
            sys.setrecursionlimit(usual)


def _positive(value: object, default: int) -> int:
    return value if type(value) is int and value > 0 else default
