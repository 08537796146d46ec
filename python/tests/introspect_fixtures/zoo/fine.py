"""A module behind the bad ones."""


def ok() -> int:
    """Say so."""
    return 1
