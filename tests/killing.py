"""Ends a process before or after the nth statement that it sends to the database."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from django.db import connection


def killed_at_every_statement(
    act: Callable[[], object],
    most: int = 60,
    wrapper: Callable[[Callable[..., Any]], AbstractContextManager[None]] | None = None,
) -> Iterator[int]:
    """Run `act` in processes of their own, each killed one step later; ends with one that lives.

    Gives control back after each, so that what is left behind can be looked at. `wrapper` is for
    statements that go elsewhere.
    """
    wrapper = wrapper or connection.execute_wrapper
    for step in range(most):
        connection.close()
        child = os.fork()
        if not child:
            with wrapper(_dying(step)):
                act()
            # A connection that the parent does not know of, closed as a living process would.
            connection.close()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        yield step
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            assert step, "it was never killed"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
    raise AssertionError(f"it has more than {most} steps")


def _dying(at: int) -> Callable[..., Any]:
    steps = iter(range(10_000))

    def step() -> None:
        if next(steps) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(execute: Callable[..., Any], *arguments: Any) -> Any:
        step()
        result = execute(*arguments)
        step()
        return result

    return run
