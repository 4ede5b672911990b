"""Websockets that die or fall silent, as the unmodified `solana` package lives through it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from solana.rpc.commitment import Processed
from solana.rpc.websocket_api import SolanaWsClientProtocol, connect
from websockets.exceptions import ConnectionClosed

from chain.simulated.faults.plan import Rule
from chain.simulated.faults.sockets import DyingSocket, SilentSocket
from tests.simulated.faults.stage import GOOD_FOR, SOMEBODY, Stage, staged

Script = Callable[[SolanaWsClientProtocol], Awaitable[None]]


def talk(stage: Stage, *scripts: Script) -> None:
    """Run each of *scripts* on a connection of its own, one after the other."""

    async def run() -> None:
        for script in scripts:
            async with connect(stage.world.ws_url) as socket:
                await asyncio.wait_for(script(socket), GOOD_FOR)

    asyncio.run(run())


def subscribed_to(stage: Stage) -> Script:
    """Return a script that subscribes and is told of a payment."""

    async def script(socket: SolanaWsClientProtocol) -> None:
        await socket.account_subscribe(SOMEBODY, Processed)
        await socket.recv()
        await asyncio.to_thread(stage.world.fund, str(SOMEBODY), lamports=1)
        await socket.recv()

    return script


@pytest.mark.parametrize("code", [None, 1011])
def test_a_websocket_dies_after_the_messages_it_is_scripted_for(code: int | None) -> None:
    """Without a close frame, or with one; the next connection is a good one."""
    with staged(Rule(fault=DyingSocket(after=1, code=code), at=[1])) as stage:

        async def script(socket: SolanaWsClientProtocol) -> None:
            await socket.account_subscribe(SOMEBODY, Processed)
            await socket.recv()
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
            assert (caught.value.rcvd.code if caught.value.rcvd else None) == code

        talk(stage, script, subscribed_to(stage))
        assert stage.plan.counts() == {"dying_socket": 1}


def test_a_dead_websocket_leaves_no_subscription_behind() -> None:
    """The node forgets the client, and its clock has nothing more to do."""
    with staged(Rule(fault=DyingSocket(after=1), every=1)) as stage:

        async def script(socket: SolanaWsClientProtocol) -> None:
            await socket.slot_subscribe()
            await socket.recv()
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            while stage.world.bank._cluster.watchers.wants_slots:
                await asyncio.to_thread(stage.result, "getHealth")

        talk(stage, script)


def test_a_websocket_that_dies_at_once_is_never_of_use() -> None:
    """It is accepted, and that is all."""
    with staged(Rule(fault=DyingSocket(after=0), every=1)) as stage:

        async def script(socket: SolanaWsClientProtocol) -> None:
            with pytest.raises(ConnectionClosed):
                await socket.recv()

        talk(stage, script)


def test_a_silent_websocket_answers_pings_and_tells_nothing() -> None:
    """The subscription is acknowledged, the account changes, and no word comes."""
    with staged(Rule(fault=SilentSocket(after=1), every=1)) as stage:

        async def script(socket: SolanaWsClientProtocol) -> None:
            await socket.account_subscribe(SOMEBODY, Processed)
            await socket.recv()
            await asyncio.to_thread(stage.world.fund, str(SOMEBODY), lamports=1)
            pong = await socket.ping()
            await pong
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.05)

        talk(stage, script)


def test_a_good_websocket_goes_through_untouched() -> None:
    """Rules about other requests do not concern it."""
    with staged(Rule(fault=SilentSocket(), at=[5])) as stage:
        talk(stage, subscribed_to(stage))
        assert stage.plan.counts() == {"silent_socket": 0}
