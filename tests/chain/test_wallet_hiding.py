"""What walks, inspects or reports the objects of a process finds a wallet, and no key in it."""

from __future__ import annotations

import copy
import gc
import io
import json
import pickle
import pprint
import reprlib
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from pydantic import TypeAdapter
from rich._inspect import Inspect
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback
from solders.keypair import Keypair

from chain.keys.wallet import Wallet
from tests.system.canary import Canary

KEYPAIR = Keypair.from_seed(bytes(range(100, 132)))
CANARY = Canary.of_keypair("wallet", KEYPAIR)


def wallet() -> Wallet:
    """Return the wallet of the canary."""
    return Wallet.from_bytes(bytes(KEYPAIR))


def _rendered(thing: Any) -> str:
    console = Console(file=io.StringIO(), width=400)
    console.print(thing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _failing(held: Wallet) -> Exception:
    try:
        held.sign(None)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - whatever it is, its traceback is looked at
        return error
    raise AssertionError("nothing was refused")


def _private(held: Wallet) -> str:
    found = {name: getattr(held, name) for name in dir(held) if name.startswith("_Wallet__")}
    deeper = {name: getattr(thing, name, None) for thing in found.values() for name in dir(thing)}
    return f"{found} {deeper}"


def _rich_traceback(held: Wallet) -> str:
    error = _failing(held)
    return _rendered(
        Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True, locals_hide_dunder=False)
    )


def _structlog_traceback(held: Wallet) -> str:
    render = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=True))
    return json.dumps(render(None, "error", {"exc_info": _failing(held)}), default=repr)


def _plain_traceback(held: Wallet) -> str:
    return "".join(traceback.TracebackException.from_exception(_failing(held), capture_locals=True).format())


SHOWN: dict[str, Callable[[Wallet], str]] = {
    "rich": _rendered,
    "rich, pretty": pretty_repr,
    "rich, inspected": lambda held: _rendered(Inspect(held, private=True, dunder=True, methods=True)),
    "rich, traceback with locals": _rich_traceback,
    "structlog, traceback with locals": _structlog_traceback,
    "traceback with locals": _plain_traceback,
    "pprint": pprint.pformat,
    "reprlib": reprlib.repr,
    "private names": _private,
    "what the collector follows": lambda held: repr(gc.get_referents(held)),
    "json by whatever fits": lambda held: json.dumps(held, default=lambda thing: repr(gc.get_referents(thing))),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN.keys())
def test_no_report_shows_the_key(show: Callable[[Wallet], str]) -> None:
    """Error reporters, debuggers and pretty printers, with the variables of every frame."""
    shown = show(wallet())
    assert shown
    assert CANARY.found_in(shown) == []


def test_these_reports_would_show_a_bare_keypair() -> None:
    """What solders itself shows is the secret: the wallet is what keeps it."""
    held: Any = KEYPAIR
    for show in (_rendered, pretty_repr, pprint.pformat):
        assert CANARY.found_in(show(held)) != []


def test_the_collector_has_no_keypair_to_list() -> None:
    """A memory profiler that prints all objects there are meets none."""
    held = wallet()
    assert not any(isinstance(thing, Keypair) for thing in gc.get_objects())
    assert held.address == str(KEYPAIR.pubkey())


def _inner(held: Wallet) -> Any:
    return held._Wallet__keypair  # type: ignore[attr-defined]


TAKEN: dict[str, Callable[[Wallet], Any]] = {
    "pydantic": lambda held: TypeAdapter(Any).dump_json(held),
    "object's own reduce": lambda held: object.__reduce_ex__(held, 2),
    "pickle of the inner object": lambda held: pickle.dumps(_inner(held)),
    "copy of the inner object": lambda held: copy.deepcopy(_inner(held)),
    "variables of the inner object": lambda held: vars(_inner(held)),
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN.keys())
def test_no_serializer_takes_the_key(take: Callable[[Wallet], Any]) -> None:
    """Each refuses, and says nothing in doing so."""
    with pytest.raises((TypeError, ValueError)) as caught:
        take(wallet())
    assert CANARY.found_in(str(caught.value)) == []
