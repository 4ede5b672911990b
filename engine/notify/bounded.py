"""Calls that may hang, and whoever makes them that may not.

A time-out of a socket bounds one wait and not the whole: a server that sends a byte now and then, a name server that is
away or a mail server's long greeting outlast it. So such a call runs on a thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from engine.domain.errors import DeliveryError

T = TypeVar("T")


class _Answer(Generic[T]):
    """What a call came to, once it did."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._done = threading.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None

    def find(self) -> None:
        try:
            self._result.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        finally:
            self._done.set()

    def wait(self, limit: float) -> T:
        if not self._done.wait(limit):
            raise DeliveryError(f"no answer within {limit:g} s")
        if self._error is not None:
            raise self._error
        return self._result[0]


class Bounded:
    """Makes one call at a time, and waits no longer than *limit* seconds for it."""

    def __init__(self, name: str, *, limit: float) -> None:
        self._name = name
        self._limit = limit
        self._thread: threading.Thread | None = None

    def run(self, call: Callable[[], T]) -> T:
        """Return what *call* returns, or raise what it raises.

        Raises:
            DeliveryError: it did not return in time, or an earlier one that did not still has not.
        """
        if self._thread is not None and self._thread.is_alive():
            raise DeliveryError(f"the call before has no answer after more than {self._limit:g} s")
        answer = _Answer(call)
        self._thread = threading.Thread(target=answer.find, name=self._name, daemon=True)
        self._thread.start()
        return answer.wait(self._limit)
