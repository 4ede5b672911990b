"""The dead-man's switch: a server elsewhere that raises the alarm when it has not been called for a while."""

from __future__ import annotations

from typing import Literal

import httpx

from engine.domain.errors import DeliveryError
from engine.notify.bounded import Bounded

LIMIT = 10.0
"""Seconds that one call may take."""


class HttpDeadMansSwitch:
    """Calls one address, such as that of a check of healthchecks.io.

    Args:
        url: the address, which is a secret: whoever knows it can call it.
        method: how it is called.
        limit: seconds that one call may take.
    """

    def __init__(self, url: str, *, method: Literal["GET", "POST"] = "GET", limit: float = LIMIT) -> None:
        self._url = url
        self._method = method
        self._limit = limit
        self._bounded = Bounded("dead-mans-switch", limit=limit)

    def beat(self) -> None:
        """Call it once.

        Raises:
            DeliveryError: it did not answer with success in time.
        """
        status = self._bounded.run(self._call)
        if not httpx.codes.is_success(status):
            raise DeliveryError(f"it answered {status}")

    def _call(self) -> int:
        try:
            # What it answers is never read: the status says all.
            with httpx.stream(self._method, self._url, timeout=self._limit, follow_redirects=False) as response:
                return response.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryError(f"it cannot be reached ({type(error).__name__})") from None
