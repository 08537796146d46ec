"""The exception that a failed function of the host raises in Python."""

from __future__ import annotations

__all__ = ["HostError"]


class HostError(RuntimeError):
    """A function of the host threw, or could not be called.

    Attributes:
        name: Name of the error's class in the host, such as `TypeError`.
        message: Its message.
        stack: Where it was thrown, as the host prints it; empty where that is not known.
    """

    def __init__(self, message: str, name: str = "Error", stack: str = "") -> None:
        super().__init__(f"{name}: {message}" if name else message)
        self.name = name
        self.message = message
        self.stack = stack
