"""The command line. Data goes to standard output, messages to standard error.

Exit codes: 0 done, 1 failed, 2 bad input, 4 settings with faults, 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine import logs
from engine.cli import alerts, devnet, wallet
from engine.cli import config as settings
from engine.cli.console import level_of, messages
from engine.cli.doctor import doctor
from engine.cli.events import events
from engine.cli.guard import guard, positions
from engine.cli.init import init
from engine.cli.run import run
from engine.domain.errors import BadInputError, ConfigError, EngineError

DATABASE = Path(".ripcord/demo.db")

app = typer.Typer(
    help="Ripcord guards open token positions on Solana: every position is an actor with its hand on the ripcord.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(settings.commands, name="config")
app.add_typer(wallet.commands, name="wallet")
app.add_typer(positions, name="positions")
app.add_typer(devnet.commands, name="devnet")
app.add_typer(alerts.commands, name="alerts")
for command in (init, doctor, run, guard, events):
    app.command()(command)

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
) -> None:
    """Run a guarded wallet on an embedded cluster for about a minute: no keys, no network.

    Exit code 0 only if the database agrees with the chain to the lamport.
    """
    from engine.cli.demo import run_demo

    level = level_of(log_level)
    raise typer.Exit(run_demo(config=config, database=database, dumps=dumps, log_level=level, log_file=log_file))


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


@app.command()
def orders(
    order_id: Annotated[str | None, typer.Argument(help="Show this order's whole history.", show_default=False)] = None,
    database: Annotated[Path, typer.Option(help="SQLite file to read.")] = DATABASE,
) -> None:
    """List the orders in a database, or show one with every transition, attempt and error."""
    from engine.cli.orders import show_orders

    raise typer.Exit(show_orders(database, order_id))


def main() -> None:
    """Run the command line and exit."""
    try:
        code = app(standalone_mode=False)
    except ConfigError as error:
        _complain(str(error))
        sys.exit(4)
    except BadInputError as error:
        _complain(str(error))
        sys.exit(2)
    except EngineError as error:
        _complain(str(error))
        sys.exit(1)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if not hasattr(error, "exit_code") or not hasattr(error, "format_message"):
            raise
        _complain(error.format_message())
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    messages().print(f"ripcord: {message}")
