"""What is said on one websocket of a Solana node; no I/O.

The protocol: a request ``<topic>Subscribe`` is answered with the number of the subscription, under which every
``<topic>Notification`` comes and which ``<topic>Unsubscribe`` takes back. Numbers end with their connection.
Source: https://solana.com/docs/rpc/websocket.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain.values import whole_number

OnNotification = Callable[[Any], None]
"""Takes the ``result`` of a notification as plain JSON, such as ``{"context": {"slot": 5}, "value": ...}``."""

_ONE_SHOT = {"signatureSubscribe"}
"""Subscriptions that the node forgets with their first notification."""


class UnreadableFrameError(ValueError):
    """A frame that is no message of the protocol."""


@dataclass(slots=True, eq=False)
class Subscription:
    """Something that a node is to tell of, until it is cancelled; a one-shot, until it was told.

    Attributes:
        method: such as ``accountSubscribe``.
        params: of the method.
        on_notification: called with each notification.
        refused: whether the node declined it on the newest connection.
    """

    method: str
    params: tuple[Any, ...]
    on_notification: OnNotification
    _release: Callable[[Subscription], None]
    refused: bool = False

    @property
    def one_shot(self) -> bool:
        """Whether its first notification is its last."""
        return self.method in _ONE_SHOT

    def cancel(self) -> None:
        """Take it back, from any thread; harmless when repeated. A notification under way may still be told."""
        self._release(self)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The node will tell of *subscription*."""

    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Refused:
    """The node declined *subscription*."""

    subscription: Subscription
    code: object
    """The JSON-RPC error code; its message is left out, as a gateway may repeat the key of a request in it."""


@dataclass(frozen=True, slots=True)
class Notified:
    """The node tells of *subscription*."""

    subscription: Subscription
    result: Any


class Conversation:
    """The requests and subscriptions of one connection."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._asked: dict[int, Subscription] = {}
        self._numbers: dict[int, Subscription] = {}

    def ask_for(self, subscription: Subscription) -> str:
        """Return the frame that asks for *subscription*."""
        subscription.refused = False
        request_id = next(self._ids)
        self._asked[request_id] = subscription
        return _request(request_id, subscription.method, subscription.params)

    def take_back(self, subscription: Subscription) -> str | None:
        """Return the frame that takes *subscription* back; None where the node has not given it a number (yet)."""
        number = next((number for number, held in self._numbers.items() if held is subscription), None)
        if number is None:
            return None
        del self._numbers[number]
        return _request(next(self._ids), f"{subscription.method.removesuffix('Subscribe')}Unsubscribe", (number,))

    def understand(self, frame: str | bytes) -> Accepted | Refused | Notified | None:
        """Return what *frame* means; None where it concerns nothing that is wanted any more.

        Raises:
            UnreadableFrameError: it is no message of the protocol.
        """
        try:
            return self._read(json.loads(frame))
        except (ValueError, RecursionError) as error:
            raise UnreadableFrameError(type(error).__name__) from error

    def _read(self, message: Any) -> Accepted | Refused | Notified | None:
        match message:
            case {"method": str(), "params": {"subscription": int(number), "result": result}}:
                return self._notified(number, result)
            case {"id": int(request_id), "error": error}:
                refused = self._asked.pop(request_id, None)
                if refused is None:
                    return None
                refused.refused = True
                return Refused(refused, error.get("code") if isinstance(error, dict) else None)
            case {"id": int(request_id), "result": result}:
                accepted = self._asked.pop(request_id, None)
                if accepted is None:
                    return None
                self._numbers[whole_number(result)] = accepted
                return Accepted(accepted)
            case _:
                raise ValueError("neither an answer nor a notification")

    def _notified(self, number: int, result: Any) -> Notified | None:
        subscription = self._numbers.get(number)
        if subscription is None:
            return None
        if subscription.one_shot:
            del self._numbers[number]
        return Notified(subscription, result)


def _request(request_id: int, method: str, params: tuple[Any, ...]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)})
