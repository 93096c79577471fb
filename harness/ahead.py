"""Work in two steps: what is prepared waits its turn, so that the next is prepared while one is done.

A function of this kind is a context manager that gives a function, the second step; what it holds goes with it.
"""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

from harness.errors import ClusterError, HarnessError

P = ParamSpec("P")
T = TypeVar("T")
Prepared = AbstractContextManager[Callable[[], T]]


def at_once(prepare: Callable[P, Prepared[T]]) -> Callable[P, T]:
    """Return the function that does both steps, one after the other."""

    @functools.wraps(prepare)
    def both(*args: P.args, **kwargs: P.kwargs) -> T:
        with prepare(*args, **kwargs) as finish:
            return finish()

    return both


def in_turn(preparing: Iterable[Callable[[], Prepared[T]]], ahead: int) -> Iterator[T | HarnessError]:
    """Yield what each comes to, in their order, while up to `ahead` that follow are prepared.

    An error of one is yielded in its place, and the others go on; that of a cluster is none of one, and is raised.
    Whoever stops listening ends what is prepared.

    Examples
    --------
    >>> @contextlib.contextmanager
    ... def prepare(name):
    ...     print("begin", name)
    ...     yield lambda: name.upper()
    ...     print("end", name)
    >>> for done in in_turn([functools.partial(prepare, name) for name in "abc"], ahead=1):
    ...     print(done)
    begin a
    begin b
    end a
    A
    begin c
    end b
    B
    end c
    C
    """
    rest = iter(preparing)
    waiting: deque[tuple[contextlib.ExitStack, Callable[[], T] | HarnessError]] = deque()
    try:
        while True:
            while len(waiting) <= ahead and (prepare := next(rest, None)):
                stack = contextlib.ExitStack()
                try:
                    waiting.append((stack, stack.enter_context(prepare())))
                except HarnessError as error:
                    waiting.append((stack, error))
            if not waiting:
                return
            stack, finish = waiting.popleft()
            done: T | HarnessError
            try:
                with stack:
                    done = finish if isinstance(finish, HarnessError) else finish()
            except ClusterError:
                raise
            except HarnessError as error:
                done = error
            yield done
    finally:
        for stack, _ in waiting:
            stack.close()


def only(results: Iterator[T | HarnessError]) -> T:
    """Return what the only one came to, or raise its error."""
    (result,) = results
    if isinstance(result, HarnessError):
        raise result
    return result
