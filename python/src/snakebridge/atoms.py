"""Names that other systems have a type of their own for, such as `:ok` of Elixir.

To Python they are text. Where a peer with atoms is at the other end of tagged JSON, an `Atom` whose name is on the
encoder's allowlist is written as one; anywhere else it is written as text.
"""

from __future__ import annotations

import os

__all__ = ["Atom"]


class Atom(str):
    """Text that tagged JSON may write as an `atom`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Atom({str.__repr__(self)})"


def decodes_to() -> type[str]:
    """What an atom becomes: text, or `Atom` where `SNAKEBRIDGE_ATOM_CLASS` is `true`, `1` or `yes`."""
    wanted = os.environ.get("SNAKEBRIDGE_ATOM_CLASS", "").strip().lower()
    return Atom if wanted in ("true", "1", "yes") else str
