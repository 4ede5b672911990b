"""Websockets that stop telling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from starlette.types import Message, Send

from chain.simulated.faults.call import SocketFault

_SENT = "websocket.send"


@dataclass(frozen=True, slots=True, kw_only=True)
class DyingSocket(SocketFault):
    """The connection ends after some messages, answers to subscriptions included.

    Stands for: a provider's deployment, an idle limit, a network that changes. Every subscription is gone, and what
    happened meanwhile is never told.
    """

    after: int = 1
    code: int | None = None
    """Of the close frame, such as 1011; None drops the TCP connection without one."""

    def over(self, send: Send, hang_up: Callable[[], None], dice: Random) -> Send:
        """Count what is sent, and end it."""
        del dice
        left, over = self.after, False

        async def counting(message: Message) -> None:
            nonlocal left, over
            if over:
                return
            await send(message)
            left -= message["type"] == _SENT
            if left > 0:
                return
            over = True
            if self.code is None:
                hang_up()
            else:
                await send({"type": "websocket.close", "code": self.code})

        return counting


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentSocket(SocketFault):
    """The connection stays open and answers pings, and after some messages nothing more is told.

    Stands for: a node that has stopped following the chain, a provider that drops a subscription it finds too busy.
    Whoever waits for a notification alone waits for ever.
    """

    after: int = 1

    def over(self, send: Send, hang_up: Callable[[], None], dice: Random) -> Send:
        """Count what is sent, and swallow the rest."""
        del hang_up, dice
        left = self.after

        async def counting(message: Message) -> None:
            nonlocal left
            if message["type"] == _SENT:
                if left <= 0:
                    return
                left -= 1
            await send(message)

        return counting
