"""The subscriptions of one websocket: accounts, signatures, slots and logs.

Notifications come from whatever thread moves the bank, and go out in the order in which they happened. Like
account reads, account and log notifications show the newest block at every commitment level.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from solders.account import Account

from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.rpc_call import ChainView
from chain.simulated.rpc_codec import ui_account, with_context
from chain.simulated.rpc_errors import METHOD_NOT_FOUND, RpcError, invalid_params
from chain.simulated.rpc_params import Config, Params, pubkey
from chain.simulated.slots import SLOTS_BEHIND, Commitment
from chain.simulated.watchers import Unsubscribe

Send = Callable[[dict[str, Any]], None]
"""Takes a notification; must not wait."""

_ids = itertools.count(1)
"""Numbers of subscriptions; no two of a process are the same, so a stale one can hit nobody else's."""


class Subscriptions:
    """What one client has subscribed to. To be used on the thread of *loop* alone, where *send* is called too."""

    def __init__(self, bank: ChainView, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self._bank = bank
        self._loop = loop
        self._send = send
        self._open: dict[int, Unsubscribe] = {}
        self._methods: dict[str, Callable[[Params], Any]] = {}
        for topic, subscribe in {
            "account": self._account,
            "signature": self._signature,
            "slot": self._slot,
            "logs": self._logs,
        }.items():
            self._methods[f"{topic}Subscribe"] = subscribe
            self._methods[f"{topic}Unsubscribe"] = self._unsubscribe

    def call(self, method: str, params: Params) -> Any:
        """Serve a subscribe or unsubscribe *method* and return its result.

        Raises:
            RpcError: there is no such method, or its parameters make no sense.
        """
        handler = self._methods.get(method)
        if handler is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        return handler(params)

    def close(self) -> None:
        """Take every subscription back."""
        for unsubscribe in self._open.values():
            unsubscribe()
        self._open.clear()

    def _account(self, params: Params) -> int:
        key, config, number = params.pubkey(0), params.config(1), next(_ids)

        def notify(slot: int, account: Account | None) -> None:
            # A node shows a deleted account as an empty one.
            shown = Account(0, b"", key.default()) if account is None else account
            value = ui_account(shown, self._bank.account, config=config, default_encoding="binary")
            self._notify("account", number, with_context(slot, value))

        self._open[number] = self._bank.on_account(key, notify)
        return number

    def _signature(self, params: Params) -> int:
        signature, config, number = params.signature(0), params.config(1), next(_ids)

        def notify(slot: int, err: Any) -> None:
            self._notify("signature", number, with_context(slot, {"err": err}))

        self._open[number] = self._bank.on_signature(signature, notify, config.commitment())
        return number

    def _slot(self, params: Params) -> int:
        del params
        number = next(_ids)

        def notify(slot: int) -> None:
            root = slot - SLOTS_BEHIND[Commitment.FINALIZED]
            self._notify("slot", number, {"parent": slot - 1, "root": root, "slot": slot})

        self._open[number] = self._bank.on_slot(notify)
        return number

    def _logs(self, params: Params) -> int:
        mentions, number = _mentioned(params), next(_ids)

        def notify(executed: ExecutedTransaction) -> None:
            if mentions is None or mentions in executed.keys:
                value = {"signature": executed.signature, "err": executed.err, "logs": list(executed.logs)}
                self._notify("logs", number, with_context(executed.slot, value))

        self._open[number] = self._bank.on_transaction(notify)
        return number

    def _unsubscribe(self, params: Params) -> bool:
        unsubscribe = self._open.pop(params.unsigned(0), None)
        if unsubscribe is None:
            raise invalid_params("Invalid subscription id.")
        unsubscribe()
        return True

    def _notify(self, topic: str, number: int, result: dict[str, Any]) -> None:
        """Pass on what the bank tells, from whatever thread that is."""
        self._loop.call_soon_threadsafe(self._deliver, topic, number, result)

    def _deliver(self, topic: str, number: int, result: dict[str, Any]) -> None:
        if number not in self._open:  # taken back while the news was on its way
            return
        if topic == "signature":
            del self._open[number]
        params = {"result": result, "subscription": number}
        self._send({"jsonrpc": "2.0", "method": f"{topic}Notification", "params": params})


def _mentioned(params: Params) -> Any:
    """Return the account whose transactions are asked for, or None for all."""
    if params[0] in ("all", "allWithVotes"):
        return None
    if not isinstance(params[0], dict):
        raise invalid_params("Invalid params: expected `all`, `allWithVotes` or an object with `mentions`.")
    addresses = Config(params[0]).values("mentions")
    if len(addresses) != 1:
        raise invalid_params("Invalid Request: Only 1 address supported")
    return pubkey(addresses[0])
