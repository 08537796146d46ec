# Failures that are not Python exceptions of the user: values without encoding, limits, refs, malformed messages
# (proto/PROTOCOL.md 7). Each is raised where it is found and turned into its map where the reply is made.
from __future__ import annotations

PROTOCOL = 1
MIN_PROTOCOL = 1


class Problem(Exception):  # noqa: N818 - its kinds say what went wrong, not all are errors
    """A failure with a kind of its own."""

    kind = "protocol"

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def failure(self) -> dict[str, object]:
        return {"kind": self.kind, "message": self.message, **self.fields}


class ValueProblem(Problem):
    """A value has no encoding, or bytes have no value. `steps` grows from the inside out."""

    kind = "value"

    def __init__(self, message: str, type_name: str) -> None:
        super().__init__(message, type=type_name)
        self.steps: list[str] = []

    def failure(self) -> dict[str, object]:
        path = "$" + "".join(reversed(self.steps))
        return {"kind": "value", "message": f"{self.message} at {path}", "path": path, **self.fields}


class LimitProblem(Problem):
    """A value or message is beyond a limit."""

    kind = "limit"

    def __init__(self, limit: str, value: int | None, maximum: int | None) -> None:
        seen = "" if value is None else f" is {value},"
        message = (
            "Cannot encode value: it contains itself"
            if limit == "cycle"
            else f"Cannot carry value: {limit}{seen} limit is {maximum}"
        )
        super().__init__(message, limit=limit, value=value, max=maximum)


class RefProblem(Problem):
    """A ref is not usable in this call."""

    kind = "ref"

    def __init__(self, reason: str, ref: int, limit: float | None = None) -> None:
        text = {
            "released": "was released",
            "unknown": "was never given",
            "session": "belongs to another session",
            "expired": f"was not used for {limit} seconds",
            "evicted": f"was used least recently when its session had {limit} refs",
        }
        fields = {} if limit is None else {"limit": limit}
        super().__init__(f"Cannot use ref {ref}: it {text[reason]}", reason=reason, id=ref, **fields)


class EarlierFailure(Problem):
    """A call uses the result of one that failed."""

    def __init__(self, failure: dict[str, object], origin: int) -> None:
        super().__init__(str(failure.get("message")))
        self._failure = failure
        self._origin = origin

    def failure(self) -> dict[str, object]:
        return {"origin": self._origin, **self._failure}


class NotYet(Problem):
    """A call uses the result of a task that has not ended; it is put off, so nobody sees this."""

    def __init__(self, ref: int) -> None:
        super().__init__(f"Cannot use ref {ref} yet")
        self.ref = ref


class Cancelled(Problem):
    """A call was withdrawn before it started, or interrupted."""

    kind = "cancelled"

    def __init__(self, started: bool) -> None:
        super().__init__(
            "Call was interrupted while it ran" if started else "Call was withdrawn before it started", started=started
        )


class VersionProblem(Problem):
    """The two sides speak no common version."""

    def __init__(self, host: object, host_min: object) -> None:
        super().__init__(
            f"Cannot talk to host: it speaks protocol {host_min} to {host}, this worker {MIN_PROTOCOL} to {PROTOCOL}",
            hostProtocol=host,
            hostMinProtocol=host_min,
            workerProtocol=PROTOCOL,
            workerMinProtocol=MIN_PROTOCOL,
        )


class Interrupted(BaseException):
    """Raised in a running call that the host cancelled; not an `Exception`, so that `except Exception` lets it by."""

    def __init__(self, call: int = 0) -> None:
        super().__init__("the host cancelled this call")
        # The call it is meant for, which may stand below the one it was raised in.
        self.call = call
