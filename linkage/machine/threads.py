"""Work in threads, results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")


def in_order(work: Iterable[Callable[[], T]], pool: Executor, n_ahead: int) -> Iterator[T]:
    """The results of ``work`` in its order, at most ``n_ahead`` of them begun before the one that is waited for.

    ``work`` itself is drawn in the caller's thread, while the pool is at it.
    """
    begun: deque[Future[T]] = deque()
    for task in work:
        begun.append(pool.submit(task))
        if len(begun) > n_ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
