"""No secret leaves its place: canaries go through every error path, and nothing that is left behind holds them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Literal

import base58
import httpx
import pytest
import structlog
from rich.console import Console
from rich.traceback import Traceback
from solders.keypair import Keypair

from chain.http.client import HttpClient
from chain.jupiter.build import jupiter_http
from chain.jupiter.venue import jupiter_venue
from chain.keys.sealed import Work
from chain.keys.secret import Secret
from chain.keys.sources import VARIABLE, encrypt_key, key_source, open_wallet
from chain.keys.wallet import Wallet
from chain.ledger import SolanaChain
from chain.node.rpc import RpcClient
from chain.prices.jupiter import JupiterPrices
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.faults.refusals import RateLimited, RpcRefusal, ServerError
from chain.simulated.world import World
from engine import logs
from engine.app import Engine
from engine.cli import main
from engine.clock import ManualClock
from engine.config import Settings
from engine.domain.alert import Alert
from engine.domain.errors import BadInputError, EngineError, SwapError
from engine.domain.plan import ExitPlan
from engine.domain.swap import PreparedSwap, Quote, Side, SwapRequest
from engine.domain.units import SOL_MINT, BasisPoints, Lamports, Mint, Nanos, Signature, lamports, seconds
from engine.ids import CountedIds
from engine.messages.prices import Tick
from engine.store.sql import SqlStore
from engine.wiring import Ports, connect
from tests.system.canary import Canary

KEYPAIR = Keypair.from_seed(hashlib.sha256(b"canary").digest())
ADDRESS = str(KEYPAIR.pubkey())
RPC_KEY = "rpc-canary-5f0c8d1e-77aa-4b62-9d0e"
API_KEY = "jup_canary_92b7f4c1d36e48a0b5"
PHRASE = "canary passphrase 1c9e"
WALLET = Canary.of_keypair("wallet", KEYPAIR)
RPC, API, PASSPHRASE = (
    Canary.of_text("rpc", RPC_KEY),
    Canary.of_text("jupiter", API_KEY),
    Canary.of_text("passphrase", PHRASE),
)
CANARIES = (WALLET, RPC, API, PASSPHRASE)
LIGHT = Work(n=2**15)
PLAN = ExitPlan(stop_loss_pct=Decimal(20))


def leaks(*contents: bytes | str) -> list[tuple[str, list[str]]]:
    """Return which canaries are in *contents*, and how they are written there."""
    found = [(canary.name, canary.found_in(content)) for canary in CANARIES for content in contents]
    return [(name, encodings) for name, encodings in found if encodings]


# The detector ---------------------------------------------------------------------------------------------

WHOLE, SEED = bytes(KEYPAIR), bytes(KEYPAIR)[:32]
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "latin-1 as text": lambda key: key.decode("latin-1").encode(),
    "hex": lambda key: key.hex().encode(),
    "upper hex": lambda key: key.hex().upper().encode(),
    "base58": base58.b58encode,
    "base64": base64.b64encode,
    "base64 after one byte": lambda key: base64.b64encode(b"k" + key),
    "base64 after two bytes": lambda key: base64.b64encode(b"k:" + key),
    "base64 in a longer text": lambda key: base64.b64encode(b"key=" + key + b";more"),
    "url base64": base64.urlsafe_b64encode,
    "wrapped base64": base64.encodebytes,
    "array": lambda key: json.dumps(list(key), separators=(",", ":")).encode(),
    "spaced array": lambda key: json.dumps(list(key)).encode(),
    "indented array": lambda key: json.dumps(list(key), indent=2).encode(),
    "python bytes": lambda key: repr(key).encode(),
    "json text": lambda key: json.dumps(key.decode("latin-1")).encode(),
    "first half": lambda key: key[: len(key) // 2],
    "cut off base58": lambda key: base58.b58encode(key)[:24],
}


@pytest.mark.parametrize("key", [WHOLE, SEED], ids=["keypair", "seed"])
@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_the_detector_finds_a_key_however_it_is_written(key: bytes, encode: Callable[[bytes], bytes]) -> None:
    """The keypair and its seed alone, in the middle of something else."""
    assert leaks(b'{"event": "x", "value": "' + encode(key) + b'", "more": 1}') != []


@pytest.mark.parametrize("canary", [RPC, API, PASSPHRASE], ids=lambda canary: canary.name)
@pytest.mark.parametrize("encode", [bytes, base64.b64encode, bytes.hex, base58.b58encode])
def test_the_detector_finds_a_key_that_is_text(canary: Canary, encode: Callable[[bytes], bytes | str]) -> None:
    """In a URL, a header, or encoded."""
    written = encode(canary.secret)
    text = written if isinstance(written, str) else written.decode()
    assert leaks(f"https://host/?key={text}&x=1")[0][0] == canary.name


def test_the_detector_passes_what_is_public() -> None:
    """The address in every encoding, and a signature."""
    public = bytes(KEYPAIR)[32:]
    signature = KEYPAIR.sign_message(b"anything")
    shown = [encode(public) for encode in ENCODINGS.values()]
    assert leaks(*shown, ADDRESS, str(signature), bytes(signature)) == []


# What is said of an error ---------------------------------------------------------------------------------


def told(error: BaseException) -> list[str]:
    """Return what loggers and reporters make of *error*, with the variables of every frame below the test's own."""
    error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
    console = Console(file=io.StringIO(), width=400)
    console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    assert isinstance(console.file, io.StringIO)
    plain = traceback.TracebackException.from_exception(error, capture_locals=True)
    contexts = [error, error.__cause__, error.__context__]
    return [console.file.getvalue(), "".join(plain.format()), *_logged(error), *(repr(vars(e)) for e in contexts if e)]


def _logged(error: BaseException) -> Iterator[str]:
    for as_json in (True, False):
        stream = io.StringIO()
        logs.configure(level="debug", stream=stream, json=as_json)
        structlog.get_logger().error("failed", exc_info=error, reason=str(error), detail=repr(error))
        logging.getLogger("test").error("failed: %r", error, exc_info=error)
        assert "failed" in stream.getvalue()
        yield stream.getvalue()


# Bad keys -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BadKey:
    """Something that ought to be a key, and holds one that cannot be used."""

    write: Callable[[Path], str]
    """Puts it into a folder, and returns what the command line is told."""
    variable: str = ""
    """What the environment holds."""


def _file(content: bytes | str, mode: int = 0o600) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        path = folder / "key.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return str(path)

    return write


def _sealed(change: Callable[[dict[str, Any]], object], phrase: str = PHRASE) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        plain, target = Path(_file(KEYPAIR.to_json())(folder)), folder / "wallet.json"
        encrypt_key(plain, target, environ={}, passphrase=lambda: Secret(bytearray(phrase.encode())), work=LIGHT)
        content = json.loads(target.read_text())
        change(content)
        target.write_text(json.dumps(content))
        return str(target)

    return write


def _of_the_variable(_folder: Path) -> str:
    return "env"


TORN = SEED + bytes(32)
BAD_KEYS = {
    "open to others": BadKey(_file(KEYPAIR.to_json(), 0o644)),
    "raw": BadKey(_file(WHOLE)),
    "raw seed": BadKey(_file(SEED)),
    "base58 in a file": BadKey(_file(str(KEYPAIR))),
    "hex in a file": BadKey(_file(WHOLE.hex())),
    "torn": BadKey(_file(json.dumps(list(TORN)))),
    "one short": BadKey(_file(json.dumps(list(WHOLE[:-1])))),
    "one too many": BadKey(_file(json.dumps([*WHOLE, 7]))),
    "seed only": BadKey(_file(json.dumps(list(SEED)))),
    "cut off": BadKey(_file(KEYPAIR.to_json()[:-5])),
    "too large a number": BadKey(_file(json.dumps([*WHOLE[:-1], 256]))),
    "a text among them": BadKey(_file(json.dumps([*WHOLE[:-1], str(KEYPAIR)]))),
    "nested": BadKey(_file(json.dumps([list(WHOLE)]))),
    "an object": BadKey(_file(json.dumps({"key": list(WHOLE), "text": str(KEYPAIR)}))),
    "a broken object": BadKey(_file('{"key": "' + str(KEYPAIR))),
    "far too large": BadKey(_file(json.dumps(list(WHOLE)) * 200)),
    "variable, cut off": BadKey(_of_the_variable, str(KEYPAIR)[:-4]),
    "variable, not base58": BadKey(_of_the_variable, str(KEYPAIR) + "0"),
    "variable, seed": BadKey(_of_the_variable, base58.b58encode(SEED).decode()),
    "variable, hex": BadKey(_of_the_variable, WHOLE.hex()),
    "variable, torn": BadKey(_of_the_variable, base58.b58encode(TORN).decode()),
    "variable, cut off array": BadKey(_of_the_variable, KEYPAIR.to_json()[:-5]),
    "variable, base64": BadKey(_of_the_variable, base64.b64encode(WHOLE).decode()),
}
BAD_SEALED = {
    "wrong passphrase": BadKey(_sealed(lambda _: None, "another one")),
    "changed address": BadKey(_sealed(lambda content: content.update(address=SOL_MINT))),
    "too weak": BadKey(_sealed(lambda content: content["kdf"].update(n=2))),
    "no salt": BadKey(_sealed(lambda content: content["kdf"].pop("salt"))),
    "later version": BadKey(_sealed(lambda content: content.update(version=9))),
}


TYPED = {
    "base58": str(KEYPAIR),
    "array": json.dumps(list(WHOLE)),
    "hex": WHOLE.hex(),
    "base64": base64.b64encode(WHOLE).decode(),
    "seed": base58.b58encode(SEED).decode(),
}


@pytest.mark.parametrize("bad", (BAD_KEYS | BAD_SEALED).values(), ids=(BAD_KEYS | BAD_SEALED).keys())
def test_a_bad_key_is_in_nothing_that_is_said_of_it(tmp_path: Path, bad: BadKey) -> None:
    """Neither in the sentence nor in a traceback with variables, logged either way."""
    source, environ = key_source(bad.write(tmp_path)), {VARIABLE: bad.variable}
    with pytest.raises(BadInputError) as opening:
        open_wallet(source, environ=environ, passphrase=_phrase)
    assert leaks(*told(opening.value)) == []
    environ = {VARIABLE: bad.variable}
    with pytest.raises(BadInputError) as encrypting:
        encrypt_key(source, tmp_path / "out.json", environ=environ, passphrase=_phrase, work=LIGHT)
    assert leaks(*told(encrypting.value)) == []


def _phrase() -> Secret:
    return Secret(bytearray(PHRASE.encode()))


@pytest.mark.parametrize("case", (BAD_KEYS | BAD_SEALED | TYPED).keys())
def test_the_command_line_shows_no_part_of_a_bad_key(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`wallet encrypt` refuses with one sentence and code 2; the passphrase that it was given is not shown either."""
    bad = (BAD_KEYS | BAD_SEALED).get(case)
    named = bad.write(tmp_path) if bad else TYPED[case]
    monkeypatch.setenv(VARIABLE, bad.variable if bad else "")
    code = _run(monkeypatch, "wallet", "encrypt", named, "--out", str(tmp_path / "out.json"))
    shown = capfd.readouterr()
    assert (code, shown.out, len(shown.err.splitlines())) == (2, "", 1)
    assert leaks(shown.err) == []
    assert not (tmp_path / "out.json").exists()


def test_a_good_key_is_shown_no_more_than_a_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Encrypting it prints its address, and the file holds neither key nor passphrase."""
    plain, target = _file(KEYPAIR.to_json())(tmp_path), tmp_path / "out.json"
    assert _run(monkeypatch, "wallet", "encrypt", plain, "--out", str(target)) == 0
    assert _run(monkeypatch, "wallet", "address", str(target)) == 0
    shown = capfd.readouterr()
    assert shown.out.split() == [ADDRESS, ADDRESS]
    assert leaks(shown.out, shown.err, target.read_bytes()) == []


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process, with the passphrase on a descriptor; return the exit code."""
    reading, writing = os.pipe()
    os.write(writing, PHRASE.encode() + b"\n")
    os.close(writing)
    fd = ["--passphrase-fd", str(reading)] if "encrypt" in arguments else []
    monkeypatch.setattr(sys, "argv", ["ripcord", *arguments, *fd])
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        os.close(reading)
    return int(ended.value.code or 0)


# Refused signatures ---------------------------------------------------------------------------------------

QUOTE = Quote(
    request=SwapRequest(side=Side.SELL, mint=Mint(ADDRESS), amount=1, slippage=BasisPoints(100)),
    expected_out=2,
    minimum_out=1,
    venue="v",
    payload=None,
)


@pytest.mark.parametrize("message", [b"", b"\x81" + bytes(50), b"\x80 noise", WHOLE, SEED])
def test_a_refused_signature_says_nothing_of_the_key(message: bytes) -> None:
    """Whatever was to be signed."""
    signer = Wallet.from_bytes(WHOLE)
    height, fee = 9, Lamports(0)
    swap = PreparedSwap(
        quote=QUOTE, message=b"x" + message[:8], last_valid_block_height=height, priority_fee=fee, compute_unit_limit=1
    )
    with pytest.raises(SwapError) as caught:
        signer.sign(swap)  # what was not inspected is refused at run time as well
    assert leaks(*told(caught.value)) == []


# Keys in URLs and headers ---------------------------------------------------------------------------------


def _echo(request: httpx.Request) -> str:
    return f"{request.method} {request.url} {dict(request.headers)} {request.content.decode()}"


def _says(status: int) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, text=f"<html>{_echo(request)}</html>")


def _json(status: int, **shape: str) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        body = {name: _echo(request) for name in shape}
        return httpx.Response(status, json=body, headers={"Retry-After": "1", "X-Echo": str(request.url)})

    return answer


def _rpc_says(status: int) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        error = {"code": -32001, "message": f"refused: {request.url}", "data": _echo(request)}
        return httpx.Response(status, json={"jsonrpc": "2.0", "id": 1, "error": error})

    return answer


def _breaks(kind: type[httpx.RequestError]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        raise kind(_echo(request), request=request)

    return answer


ANSWERS: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    **{f"text {status}": _says(status) for status in (200, 400, 401, 403, 404, 429, 500, 502, 503)},
    **{f"json {status}": _json(status, error="", message="", detail="") for status in (400, 401, 403, 429, 500)},
    **{f"json-rpc {status}": _rpc_says(status) for status in (200, 400, 401, 429, 503)},
    **{
        kind.__name__: _breaks(kind)
        for kind in (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.ReadTimeout,
            httpx.WriteError,
            httpx.RemoteProtocolError,
            httpx.ProxyError,
            httpx.PoolTimeout,
        )
    },
}
HOSTS = {
    "query": f"https://rpc.example.com/?api-key={RPC_KEY}",
    "path": f"https://rpc.example.com/v2/{RPC_KEY}",
}


@dataclass(frozen=True)
class Clients:
    """The clients of one wallet, whose keys are canaries, on a network that fails."""

    calls: dict[str, Callable[[], object]]
    connections: tuple[RpcClient, HttpClient]


def _clients(host: str, answer: Callable[[httpx.Request], httpx.Response]) -> Clients:
    transport, clock = httpx.MockTransport(answer), ManualClock()
    rpc = RpcClient(HOSTS[host], transport=transport)
    http = jupiter_http("https://api.example.com", API_KEY, transport=transport)
    chain, prices = SolanaChain(rpc, ADDRESS), JupiterPrices(http, clock)
    options: dict[str, Any] = {"http": http, "rpc": rpc, "wallet": ADDRESS, "clock": clock}
    venues = {api: jupiter_venue(api, swap_base_url="https://api.example.com", **options) for api in _APIS}
    calls: dict[str, Callable[[], object]] = {
        "send": lambda: chain.send(bytes(200)),
        "statuses": lambda: chain.statuses([Signature(str(KEYPAIR.sign_message(b"x")))]),
        "height": chain.finalized_height,
        "balance": chain.sol_balance,
        "token": lambda: chain.token(Mint(ADDRESS)),
        "fill": lambda: chain.fill(Signature(str(KEYPAIR.sign_message(b"x"))), Mint(ADDRESS)),
        "prices": lambda: prices.fetch([Mint(ADDRESS)]),
        **{f"quote {api}": lambda venue=venue: venue.quote(QUOTE.request) for api, venue in venues.items()},  # type: ignore[misc]
    }
    return Clients(calls, (rpc, http))


_APIS: tuple[Literal["v1", "v2"], ...] = ("v1", "v2")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_failed_request_says_nothing_of_its_keys(
    host: str, answer: Callable[[httpx.Request], httpx.Response]
) -> None:
    """A server that repeats the whole request in its error, and every way in which a request can break."""
    clients = _clients(host, answer)
    failed = 0
    for name, call in clients.calls.items():
        try:
            call()
        except EngineError as error:
            failed += 1
            shown = [str(error), repr(error), *_logged(error)]
            assert leaks(*shown) == [], name
    for connection in clients.connections:
        connection.close()
    assert failed >= len(clients.calls) - 1, "a network that fails was not noticed"


# A whole engine -------------------------------------------------------------------------------------------


@dataclass
class Remains:
    """What a run left behind."""

    log: io.StringIO
    folder: Path
    events: list[str] = field(default_factory=list)

    def everything(self) -> list[bytes | str]:
        """Return the log, the events, and every file beside the database."""
        files: list[bytes | str] = [file.read_bytes() for file in self.folder.iterdir() if file.is_file()]
        assert files
        return [self.log.getvalue(), *self.events, *files]


class Gossip:
    """A notifier and a listener that fail, each with all that it was told."""

    def notify(self, alert: Alert) -> None:
        """Fail."""
        raise RuntimeError(f"could not deliver {alert!r}")

    def hear(self, subject: str, data: Mapping[str, Any]) -> None:
        """Fail."""
        raise RuntimeError(f"could not take {subject} {data!r}")


@dataclass
class Trial:
    """An engine under canaries, on a world whose faults are scripted."""

    engine: Engine
    world: World
    clock: ManualClock
    remains: Remains
    faults: FaultPlan

    def advance(self, span: float) -> None:
        """Let *span* seconds pass, with all that falls due on the way."""
        end = Nanos(self.clock.now() + seconds(span))
        self._rest()
        while (at := self.clock.next_at()) is not None and at <= end:
            self.clock.advance_to(at)
            self._rest()
        self.clock.advance_to(end)
        self._rest()

    def price(self, mint: Mint, price: str) -> None:
        """Move the market, and tell the engine."""
        self.world.set_price(mint, Decimal(price))
        tick = Tick(mint=mint, price=float(price), source="test", observed_at=self.clock.now())
        self.engine.observe(tick)
        self.advance(3)

    def _rest(self) -> None:
        assert self.engine.system.activity.wait_idle(60)


@contextmanager
def under_canaries(folder: Path, api: str, *rules: Rule, broken: bool = False, as_json: bool = True) -> Iterator[Trial]:
    """Run an engine whose wallet, RPC URL and API key are canaries; log everything at debug."""
    log, clock, faults = io.StringIO(), ManualClock(), FaultPlan(rules, Random(3))
    logs.configure(level="debug", stream=log, json=as_json)
    faults.off()
    remains = Remains(log, folder)
    source = key_source(_file(KEYPAIR.to_json())(_beside(folder)))
    signer = open_wallet(source, environ={}, passphrase=_phrase)
    settings = Settings.model_validate({"jupiter": {"api": api}})
    store = SqlStore(folder / "engine.db")
    with World(clock, faults=faults) as world:
        world.fund(signer.address, lamports=lamports("50"))
        ports = connect(
            settings,
            clock=clock,
            ids=CountedIds(),
            store=store,
            signer=signer,
            rpc_url=f"{world.rpc_url}/?api-key={RPC_KEY}",
            jupiter_url=world.jupiter_url,
            ws_url=f"{world.ws_url}/?api-key={RPC_KEY}",
            jupiter_key=API_KEY,
            poll_prices=False,
        )
        gossiping = _gossiping(ports, remains)
        if broken:
            gossiping = replace(gossiping, signer=Broken(signer))
        engine = Engine(gossiping, settings, max_price_age=None, check_interval=None)
        try:
            engine.start()
            trial = Trial(engine, world, clock, remains, faults)
            trial.advance(2)
            yield trial
        finally:
            engine.stop(timeout=0)
            ports.close()


def _beside(folder: Path) -> Path:
    """Return a folder for the key file, which is not among what a run leaves behind."""
    beside = folder.parent / f"{folder.name}-key"
    beside.mkdir()
    return beside


def _gossiping(ports: Ports, remains: Remains) -> Ports:
    gossip = Gossip()
    ports.bus.subscribe(">", lambda subject, data: remains.events.append(f"{subject} {dict(data)!r}"))
    ports.bus.subscribe("order.>", gossip.hear)
    return replace(ports, notifier=gossip)


def _no_such_key(status: int) -> RpcRefusal:
    return RpcRefusal(code=-32401, message=f"no such key: {RPC_KEY}", data=RPC_KEY, status=status)


FAULTS: dict[str, tuple[Rule, ...]] = {
    "nothing": (),
    "a limit of requests": (Rule(fault=RateLimited(), every=1),),
    "an outage": (Rule(fault=ServerError(), every=1),),
    "a refused key": (Rule(fault=_no_such_key(401), every=1),),
    "a refused key, politely": (Rule(fault=_no_such_key(200), every=1),),
}


@pytest.mark.parametrize("api", ["v2", "v1"])
@pytest.mark.parametrize("what", FAULTS)
def test_an_engine_leaves_no_secret_behind(
    tmp_path: Path, api: str, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A stop that sells, or fails for good into an alert that cannot be delivered: log, events, database, output."""
    with under_canaries(tmp_path, api, *FAULTS[what]) as trial:
        mint = _opened(trial)
        trial.faults.on()
        _fall(trial, mint)
        failed = trial.engine.ports.store.alerts(unresolved_only=True)
    shown = capfd.readouterr()
    assert bool(failed) == (what != "nothing")
    assert ADDRESS in "".join(trial.remains.events) + trial.remains.log.getvalue() + repr(trial.engine.ports.signer)
    assert "listener_failed" in trial.remains.log.getvalue()
    assert leaks(*trial.remains.everything(), shown.out, shown.err) == []


def _opened(trial: Trial) -> Mint:
    """Open a position and return its mint."""
    token = trial.world.create_token("FALL", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(100_000))
    trial.engine.open_position(token.address, lamports("1"), PLAN, symbol="FALL")
    trial.advance(3)
    return token.address


def _fall(trial: Trial, mint: Mint) -> None:
    """Let the price of a position fall through its stop, and wait for what comes of it."""
    assert trial.engine.ports.store.positions(open_only=True)
    trial.price(mint, "0.0007")
    trial.advance(120)


class Broken:
    """A signer that holds the wallet, and fails as no wallet may."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet = wallet
        self.address = wallet.address

    def sign(self, swap: Any) -> Any:
        """Fail with everything that is at hand."""
        raise RuntimeError(f"{self.wallet!r} {self.wallet} {vars(self)} cannot sign {swap!r}")


def test_a_signer_that_breaks_down_leaves_no_secret_behind(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An error that no handler knows, with the wallet in its text and in the frames of its traceback."""
    with under_canaries(tmp_path, "v2", broken=True) as trial:
        _opened(trial)
        trial.advance(60)
    shown = capfd.readouterr()
    assert "cannot sign" in trial.remains.log.getvalue() + "".join(trial.remains.events)
    assert leaks(*trial.remains.everything(), shown.out, shown.err) == []


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "readable"])
def test_a_handler_that_fails_leaves_no_secret_behind(
    tmp_path: Path, as_json: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A store that cannot write, in each actor that asks it to, again and again: log and events have the traceback."""
    with under_canaries(tmp_path, "v2", as_json=as_json) as trial:
        mint, ports = _opened(trial), trial.engine.ports

        def full(*_: object, **__: object) -> None:
            raise OSError(f"the disk is full: {ports!r} {ports.signer!r} {ports.venue!r} {ports.chain!r}")

        monkeypatch.setattr(ports.store, "commit", full)
        _fall(trial, mint)
        monkeypatch.undo()
    shown = capfd.readouterr()
    assert "handler_failed" in trial.remains.log.getvalue()
    assert "Traceback" in trial.remains.log.getvalue()
    assert any(event.startswith("engine.message_failed") for event in trial.remains.events)
    assert leaks(*trial.remains.everything(), shown.out, shown.err) == []


def _plant_in_log(_trial: Trial) -> None:
    structlog.get_logger().debug("careless", value=SEED.hex())


def _plant_in_event(trial: Trial) -> None:
    trial.engine.ports.bus.publish("order.x.filled", {"value": list(WHOLE)})


def _plant_in_database(trial: Trial) -> None:
    with closing(sqlite3.connect(trial.remains.folder / "engine.db")) as database, database:
        database.execute("CREATE TABLE careless (value BLOB)")
        database.execute("INSERT INTO careless VALUES (?)", (WHOLE,))


@pytest.mark.parametrize("plant", [_plant_in_log, _plant_in_event, _plant_in_database])
def test_a_secret_in_any_of_these_places_is_found(tmp_path: Path, plant: Callable[[Trial], None]) -> None:
    """One careless line in the log, one event, one row: each is noticed."""
    with under_canaries(tmp_path, "v2") as trial:
        plant(trial)
    assert [name for name, _ in leaks(*trial.remains.everything())] == ["wallet"]
