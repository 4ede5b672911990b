"""The command line. Data goes to standard output, messages to standard error.

`engine.cli.codes` has the exit codes.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import alerts, devnet, lifecycle, positions, wallet
from engine.cli import config as settings
from engine.cli.backup import backup, restore
from engine.cli.codes import TOLD, ExitCode, code_of
from engine.cli.console import level_of, messages, printable
from engine.cli.doctor import doctor
from engine.cli.events import events
from engine.cli.export import export
from engine.cli.guard import guard
from engine.cli.init import init
from engine.cli.orders import orders
from engine.cli.pnl import pnl
from engine.cli.queue import queue
from engine.cli.run import run
from engine.cli.selling import cancel, emergency, exit_position, retry
from engine.domain.errors import EngineError

DATABASE = Path(".ripcord/demo.db")

app = typer.Typer(
    help="Ripcord guards open token positions on Solana: every position is an actor with its hand on the ripcord.",
    epilog=TOLD,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(settings.commands, name="config")
app.add_typer(wallet.commands, name="wallet")
app.add_typer(positions.commands, name="positions")
app.add_typer(devnet.commands, name="devnet")
app.add_typer(alerts.commands, name="alerts")
app.add_typer(lifecycle.commands, name="engine")
for command in (
    init,
    doctor,
    run,
    guard,
    orders,
    emergency,
    retry,
    cancel,
    queue,
    pnl,
    events,
    export,
    backup,
    restore,
):
    app.command()(command)
app.command("exit")(exit_position)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", show_default=False)]
DumpsOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of programs (ID.so) and accounts (solana account --output json) for the cluster.",
        show_default=False,
    ),
]
LogOption = Annotated[
    str, typer.Option("--log-level", help="debug, info, warning, error or critical; logs go to standard error.")
]


@app.command()
def demo(
    config: ConfigOption = None,
    database: Annotated[Path, typer.Option(help="SQLite file; replaced by each run.")] = DATABASE,
    dumps: DumpsOption = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning, error or critical.")] = "info",
    log_file: Annotated[Path, typer.Option(help="Where the log goes, as JSON lines.")] = Path(".ripcord/demo.log"),
    keep: Annotated[bool, typer.Option("--keep", help="Let the engine and its console stay until Ctrl-C.")] = False,
) -> None:
    """Run a guarded wallet on an embedded cluster for about a minute: no keys, no network.

    Exit code 0 only if the database agrees with the chain to the lamport.
    """
    from engine.cli.demo import run_demo

    level = level_of(log_level)
    raise typer.Exit(
        run_demo(config=config, database=database, dumps=dumps, log_level=level, log_file=log_file, keep=keep)
    )


@app.command()
def replay(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="CSV file of prices, plain or gzipped (see docs/replay.md), or seed:N for a random walk.",
        ),
    ],
    plan: Annotated[
        str, typer.Option(help="conservative, balanced, moonbag, a .json or .toml file, or a plan as JSON.")
    ] = "balanced",
    speed: Annotated[str, typer.Option(help="max, or how many times faster than real time (1 is real time).")] = "max",
    spend: Annotated[str, typer.Option(help="SOL to buy for at the first price.")] = "1",
    depth: Annotated[str, typer.Option(help="SOL of liquidity in the market: less makes more price impact.")] = "1000",
    decimals: Annotated[int, typer.Option(help="Decimals of the token.", min=0, max=9)] = 6,
    max_gap: Annotated[
        str, typer.Option(help="Longest silence in the file that is no fault, such as 90s or 1h.")
    ] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw price, stop, targets and exits: .png or .svg.")] = None,
    dumps: DumpsOption = None,
    config: ConfigOption = None,
    log_level: LogOption = "critical",
) -> None:
    """Guard one position over a price file, through the same engine and cluster, and print every exit."""
    from engine import logs
    from engine.cli.replay import ReplayOptions, run_replay

    logs.configure(level=level_of(log_level))
    options = ReplayOptions(
        source=source,
        plan=plan,
        speed=speed,
        spend=spend,
        depth=depth,
        decimals=decimals,
        max_gap=max_gap,
        as_json=as_json,
        plot=plot,
        config=config,
        dumps=dumps,
    )
    raise typer.Exit(run_replay(options))


def main() -> None:
    """Run the command line and exit."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every encoding has what a token calls itself
    try:
        code = app(standalone_mode=False)
    except EngineError as error:
        _complain(str(error))
        sys.exit(code_of(error))
    except typer.Abort:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        if not hasattr(error, "exit_code") or not hasattr(error, "format_message"):
            raise
        _complain(error.format_message())
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    messages().print(printable(f"ripcord: {message}"))
