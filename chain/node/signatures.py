"""Hearing of a signature: the `SignatureListener` port over the subscriptions of a node."""

from __future__ import annotations

from collections.abc import Callable

from chain.node.subscriptions import Subscription
from chain.node.websocket import SolanaWebsocket
from engine.domain.units import Signature


class WebsocketSignatures:
    """The `SignatureListener` port. Safe to share between threads.

    Args:
        websocket: of the node that is listened to; closed together with this.
    """

    def __init__(self, websocket: SolanaWebsocket) -> None:
        self._websocket = websocket
        self._listening: dict[Signature, Subscription] = {}

    def listen(self, signature: Signature, on_seen: Callable[[Signature], None]) -> None:
        """Call *on_seen* once *signature* is confirmed, whether it succeeded or not; see `SignatureListener`."""
        self.forget(signature)
        self._listening[signature] = self._websocket.subscribe(
            "signatureSubscribe", [signature, {"commitment": "confirmed"}], lambda _result: on_seen(signature)
        )

    def forget(self, signature: Signature) -> None:
        """Listen for *signature* no more."""
        subscription = self._listening.pop(signature, None)
        if subscription is not None:
            subscription.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._websocket.close()
