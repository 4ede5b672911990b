"""The market on devnet: setting it up, and serving it in a process of its own."""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.config import UrlOption, resolved
from engine.domain.errors import BadInputError
from engine.domain.units import Lamports, lamports, sol

if TYPE_CHECKING:
    from chain.node.rpc import RpcClient
    from chain.simulated.remote.building import Piece
    from chain.simulated.remote.feeds import MakeFeed
    from engine.config import Loaded
    from engine.devnet import DevnetMarket
    from engine.ports import Clock

commands = typer.Typer(
    help="A market of test tokens on devnet, where Jupiter itself does not trade.", no_args_is_help=True
)

_EXPLORER = "https://explorer.solana.com/address/{}?cluster=devnet"
_READ_TIMEOUT, _ANSWER_TIMEOUT = 10.0, 20.0
"""Seconds. Public nodes take their time, and nothing here is urgent."""
_LONGEST_GAP = "1h"

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        help="Where keys and addresses are kept. [default: ripcord/devnet in $XDG_DATA_HOME or ~/.local/share]",
        show_default=False,
    ),
]


@commands.command("setup")
def setup(
    *,
    funds: Annotated[
        str, typer.Option("--sol", help="Test SOL for the wallet and for the maker each, from the faucet.")
    ] = "2",
    tokens: Annotated[int, typer.Option("--tokens", help="How many test tokens, 1 to 4.", min=1, max=4)] = 3,
    url: UrlOption = None,
    folder: FolderOption = None,
) -> None:
    """Make keys, fund them, deploy the swap program, and create mints and markets; print where all of it is.

    What is there already is left alone, so an interrupted setup is finished by running it again.
    """
    from chain.simulated.remote.blueprint import TOKENS
    from chain.simulated.remote.cluster import pausing
    from chain.simulated.remote.setup import set_up
    from chain.simulated.remote.state import Folder
    from engine.clock import SystemClock
    from engine.devnet import default_folder, devnet_genesis

    files, clock = Folder(folder or default_folder()), SystemClock()
    with closing(clock), closing(_rpc(_loaded(url))) as rpc:
        state = set_up(
            files,
            rpc,
            genesis=devnet_genesis(),
            funds=_funds(funds),
            listings=TOKENS[:tokens],
            pause=pausing(clock),
            tell=_show,
        )
    named = f" --folder {folder}" if folder else ""
    sys.stderr.write(
        f"{files.state} says where all is. The engine's wallet is {state.wallet}, its key is {files.wallet}.\n"
        f"Next:  run.py devnet serve{named}\n"
    )


@commands.command("serve")
def serve(
    *,
    prices: Annotated[
        str,
        typer.Option(
            "--prices",
            help="live (each token takes the price of its model on mainnet), a CSV file, seed:N, or none.",
        ),
    ] = "live",
    port: Annotated[int, typer.Option("--port", help="Of the server; 0 for any.", min=0, max=65_535)] = 0,
    url: UrlOption = None,
    folder: FolderOption = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning, error or critical.")] = "warning",
) -> None:
    """Serve the market's Jupiter-compatible API on 127.0.0.1 until Ctrl-C or SIGTERM.

    Prints the settings by which an engine trades there.
    """
    from engine import logs
    from engine.cli.console import level_of
    from engine.clock import SystemClock
    from engine.devnet import default_folder, devnet_market
    from engine.ids import RandomIds

    logs.configure(level=level_of(log_level))
    loaded, clock, ended = _loaded(url), SystemClock(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    with ExitStack() as stack:
        stack.callback(clock.close)
        rpc = stack.enter_context(closing(_rpc(loaded)))
        feed = _feed(prices, loaded, clock, stack)
        market = stack.enter_context(
            devnet_market(folder or default_folder(), rpc, clock, ids=RandomIds(), feed=feed, port=port)
        )
        sys.stdout.write(_settings(market))
        sys.stdout.flush()
        ended.wait()


def _settings(market: DevnetMarket) -> str:
    """Return the settings by which an engine trades on *market*."""
    return f"""\
profile = "devnet"

[jupiter]
urls = ["{market.url}"]
v1_urls = []
requests_per_minute = 9000
program = "{market.program}"

[prices]
sources = ["jupiter"]

[wallet]
keypair = {json.dumps(str(market.wallet_file))}
"""


def _show(piece: Piece) -> None:
    """Print a piece as soon as it is there: a setup takes a minute."""
    sys.stdout.write(f"{'made ' if piece.made else 'there'}  {piece.what}: {_EXPLORER.format(piece.address)}\n")
    sys.stdout.flush()


def _loaded(url: str | None) -> Loaded:
    return resolved(None, None, url=url, profile="devnet")


def _rpc(loaded: Loaded) -> RpcClient:
    from chain.node.rpc import RpcClient

    first = loaded.settings.chain.rpc_urls[0].reveal()
    return RpcClient(first, read_timeout=_READ_TIMEOUT, answer_timeout=_ANSWER_TIMEOUT)


def _feed(prices: str, loaded: Loaded, clock: Clock, stack: ExitStack) -> MakeFeed | None:
    """Return what --prices names; *stack* closes what it needs."""
    from chain.jupiter.build import jupiter_http
    from chain.prices.jupiter import JupiterPrices
    from chain.simulated.remote.feeds import live, played
    from engine.cli.replay import price_path

    if prices == "none":
        return None
    if prices != "live":
        return played(price_path(prices, _LONGEST_GAP), clock)
    key = loaded.jupiter_key.get_secret_value() if loaded.jupiter_key is not None else None
    http = stack.enter_context(closing(jupiter_http(loaded.settings.jupiter.urls[0].reveal(), key)))
    return live(JupiterPrices(http, clock))


def _funds(text: str) -> Lamports:
    least, most = lamports(1), lamports(100)
    try:
        found = lamports(text)
    except (ArithmeticError, ValueError, OverflowError):
        found = Lamports(0)
    if not least <= found <= most:
        raise BadInputError(f"--sol is {text!r}, and must be a number of SOL from 1 to {sol(most):f}")
    return found
