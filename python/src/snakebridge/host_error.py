"""What errors of the host are in Python."""

from __future__ import annotations

__all__ = ["HostCancelledError", "HostError", "HostTimeoutError"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import CancelledError


class HostError(RuntimeError):
    """The host threw an error, or a function of it could not be called.

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


class HostTimeoutError(HostError, TimeoutError):
    """The host ran out of time."""


if TYPE_CHECKING:

    class HostCancelledError(CancelledError):
        """The host cancelled what it was doing; like its base it is no `Exception`."""

        name: str
        message: str
        stack: str

else:

    def __getattr__(name):
        # Its base takes asyncio to be imported, which only those pay for who cancel something.
        if name != "HostCancelledError":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from asyncio import CancelledError

        class HostCancelledError(CancelledError):
            """The host cancelled what it was doing; like its base it is no `Exception`."""

            def __init__(self, message, name="AbortError", stack=""):
                super().__init__(f"{name}: {message}" if name else message)
                self.name = name
                self.message = message
                self.stack = stack

        HostCancelledError.__qualname__ = name
        globals()[name] = HostCancelledError
        return HostCancelledError
