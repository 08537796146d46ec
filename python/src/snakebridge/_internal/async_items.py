# Items of asynchronous iterators: `next` (kind 7 of proto/PROTOCOL.md 3.1) as a task. Loaded when one is first read.
from __future__ import annotations

import asyncio
from time import perf_counter

from snakebridge._internal.batches import FULL, LATE, MAX_BATCH_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The step that an iterator has begun and not ended, by the iterator's identity: a batch is not held back by a slow
# item, and the item is not lost with the batch. The iterator stands beside it, so that no other gets its identity.
_begun: dict[int, tuple[Any, asyncio.Future[Any]]] = {}
MAX_BEGUN = 1_000


class Taken:
    """Items, and what stopped them."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.error: BaseException | None = None
        self.is_done = False
        self.why = FULL


async def take(iterator: Any, most: int) -> Taken:
    """Takes up to `most` items; with at least one in hand, it waits for another only a moment."""
    taken = Taken()
    begun = perf_counter()
    key = id(iterator)
    while len(taken.items) < most:
        step = _begun.pop(key, (None, None))[1] or asyncio.ensure_future(iterator.__anext__())
        if not step.done():
            _begun[key] = iterator, step
            if len(_begun) > MAX_BEGUN:
                # One that was let go of without being closed.
                _begun.pop(next(iter(_begun)))[1].cancel()
            try:
                left = max(0.0, MAX_BATCH_S - (perf_counter() - begun)) if taken.items else None
                await asyncio.wait((step,), timeout=left)
            except asyncio.CancelledError:
                # It stays there, because closing the iterator has to wait until it has ended.
                step.cancel()
                raise
            if not step.done():
                taken.why = LATE
                break
            _begun.pop(key, None)
        try:
            taken.items.append(step.result())
        except StopAsyncIteration:
            taken.is_done = True
            break
        except (Exception, asyncio.CancelledError) as error:
            taken.error = error
            break
        if perf_counter() - begun > MAX_BATCH_S:
            taken.why = LATE
            break
    return taken


async def close(iterator: Any) -> None:
    """Ends a step that was begun, and closes an asynchronous generator."""
    step = _begun.pop(id(iterator), (None, None))[1]
    if step is not None:
        step.cancel()
        await asyncio.wait((step,))
    if hasattr(type(iterator), "aclose"):
        await iterator.aclose()
