"""The one holder of the secret key signs what is its own, and nothing else can be had of it."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.transaction import VersionedTransaction

from chain.keys.wallet import Wallet
from chain.transactions.inspection import InspectedSwap
from chain.transactions.marker import reclaim_markers
from chain.transactions.rules import Ordered
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.swap import PreparedSwap, Quote
from engine.domain.units import Lamports
from engine.ports import Signer
from tests.chain.answers import SELL

KEYPAIR = Keypair.from_seed(bytes(range(32)))
OTHER = Keypair.from_seed(bytes([7] * 32))


def _wallet() -> Wallet:
    return Wallet.from_bytes(bytes(KEYPAIR))


def _forms() -> list[str]:
    """Return the secret as anybody could write it, whole and without its public half."""
    whole = bytes(KEYPAIR)
    forms = [str(KEYPAIR), whole.hex(), base64.b64encode(whole).decode(), str(list(whole)), repr(whole)]
    half = whole[:32]
    forms += [half.hex(), base64.b64encode(half).decode()[:40], str(list(half))[1:-1], repr(half)[2:-1]]
    return [*forms, json.dumps(list(half), separators=(",", ":"))[1:-1], whole.decode("latin-1")[:32]]


def _assert_silent(shown: str) -> None:
    leaked = [form for form in _forms() if form in shown]
    assert not leaked


def _prepared(key: Keypair = KEYPAIR) -> InspectedSwap:
    """Return a transaction of *key*'s wallet that passed the inspection: one marker is reclaimed."""
    wallet = str(key.pubkey())
    ours = reclaim_markers(wallet, [("seed", 1)])
    message = MessageV0.try_compile(key.pubkey(), ours, [], Hash.new_unique())
    return InspectedSwap(
        quote=Quote(request=SELL, expected_out=2, minimum_out=1, venue="v", payload=None),
        message=to_bytes_versioned(message),
        last_valid_block_height=99,
        priority_fee=Lamports(0),
        compute_unit_limit=1,
        ordered=Ordered(wallet=wallet, terms=None, ours=tuple(ours), priority_fee=Lamports(0)),
    )


def _uninspected() -> PreparedSwap:
    """Return the same, of which nobody says that it was inspected."""
    swap = _prepared()
    return PreparedSwap(
        quote=swap.quote,
        message=swap.message,
        last_valid_block_height=swap.last_valid_block_height,
        priority_fee=swap.priority_fee,
        compute_unit_limit=swap.compute_unit_limit,
    )


def test_the_wallet_is_a_signer() -> None:
    """It can be handed to whoever wants the port."""
    signer: Signer = _wallet()
    assert signer.address == str(KEYPAIR.pubkey())


def test_a_swap_of_its_own_is_signed_over_its_very_bytes() -> None:
    """The signature is valid, named first, and the transaction holds the message unchanged."""
    swap = _prepared()
    signed = _wallet().sign(swap)
    transaction = VersionedTransaction.from_bytes(signed.raw)
    assert to_bytes_versioned(transaction.message) == swap.message
    assert transaction.verify_with_results() == [True]
    assert (signed.signature, signed.last_valid_block_height) == (str(transaction.signatures[0]), 99)


@pytest.mark.parametrize("swap", [_uninspected(), _prepared(OTHER)], ids=["not inspected", "another wallet's"])
def test_what_is_not_its_own_to_sign_is_refused_for_good(swap: PreparedSwap) -> None:
    """What nobody inspected, and what was inspected for another wallet."""
    with pytest.raises(SwapError) as caught:
        _wallet().sign(swap)
    assert caught.value.kind is FailureKind.PERMANENT


def test_an_inspected_swap_with_other_bytes_cannot_be_made() -> None:
    """To change the message is to inspect it again."""
    with pytest.raises(SwapError, match="not the swap that was ordered"):
        dataclasses.replace(_prepared(), message=_prepared(OTHER).message)


def _logged(wallet: Wallet) -> str:
    stream = io.StringIO()
    logger = logging.Logger("test")  # noqa: LOG001 - one that no handler of the test run sees
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("%s %r %s", wallet, wallet, {"wallet": wallet})
    return stream.getvalue()


def _structlogged(renderer: Any) -> Callable[[Wallet], str]:
    def show(wallet: Wallet) -> str:
        return str(renderer(None, "info", {"event": "signed", "wallet": wallet}))

    return show


SHOWN: dict[str, Callable[[Wallet], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda wallet: f"{wallet} {wallet!r} {wallet!s} {wallet!a}",
    "percent": lambda wallet: "%s %r" % (wallet, wallet),  # noqa: UP031 - an old log line may do so
    "container": lambda wallet: str({"wallet": [wallet]}),
    "logging": _logged,
    "structlog json": _structlogged(structlog.processors.JSONRenderer()),
    "structlog logfmt": _structlogged(structlog.processors.LogfmtRenderer()),
    "structlog key-value": _structlogged(structlog.processors.KeyValueRenderer()),
    "structlog console": _structlogged(structlog.dev.ConsoleRenderer(colors=False)),
    "json": lambda wallet: json.dumps({"wallet": wallet}, default=str),
    "public attributes": lambda wallet: " ".join(
        f"{getattr(wallet, name)!s} {getattr(wallet, name)!r}" for name in dir(wallet) if not name.startswith("_")
    ),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN.keys())
def test_the_wallet_shows_its_public_key_alone(show: Callable[[Wallet], str]) -> None:
    """Whatever prints, formats, logs or walks it."""
    shown = show(_wallet())
    _assert_silent(shown)
    assert str(KEYPAIR.pubkey()) in shown


@dataclasses.dataclass
class Holder:
    wallet: Wallet


TAKEN: dict[str, Callable[[Wallet], Any]] = {
    "pickle": pickle.dumps,
    "oldest pickle": lambda wallet: pickle.dumps(wallet, protocol=0),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": lambda wallet: dataclasses.asdict(Holder(wallet)),
    "state": lambda wallet: wallet.__getstate__(),
    "vars": vars,
    "bytes": lambda wallet: bytes(wallet),  # type: ignore[call-overload]  # noqa: PLW0108 - keeps the others typed
    "json": json.dumps,
    "format with a width": lambda wallet: f"{wallet:>200}",
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN.keys())
def test_the_wallet_cannot_be_taken_away(take: Callable[[Wallet], Any]) -> None:
    """No pickle, no copy, no attribute dictionary, no bytes; and the refusals are as silent."""
    with pytest.raises(TypeError) as caught:
        take(_wallet())
    _assert_silent(str(caught.value))


def _trace_with_locals(error: BaseException) -> str:
    """Return the traceback with the variables of every frame but the test's own."""
    error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_a_refused_signature_leaves_no_secret_in_a_traceback_with_locals() -> None:
    """Error reporters print the variables of every frame."""
    wallet = _wallet()
    with pytest.raises(SwapError) as caught:
        wallet.sign(_uninspected())
    _assert_silent(_trace_with_locals(caught.value))


@pytest.mark.parametrize("text", ["[1, 2]", "{}", "", "secret", json.dumps([300] * 64), json.dumps(["x"] * 64)])
def test_a_file_that_is_no_keypair_is_named_with_what_it_should_hold(tmp_path: Path, text: str) -> None:
    """One sentence: which file, and what belongs there."""
    path = tmp_path / "id.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadInputError, match=r"id\.json is not a keypair file: .*JSON array of 64 numbers"):
        Wallet.from_file(path)


def test_a_damaged_key_is_refused_without_a_trace_of_it(tmp_path: Path) -> None:
    """Secret and public half do not belong together; neither the sentence nor the frames show either."""
    damaged = bytes(KEYPAIR)[:32] + bytes(OTHER)[32:]
    path = tmp_path / "id.json"
    path.write_bytes(json.dumps(list(damaged)).encode())
    path.chmod(0o600)
    with pytest.raises(BadInputError) as from_file:
        Wallet.from_file(path)
    _assert_silent(_trace_with_locals(from_file.value))
    with pytest.raises(BadInputError) as from_bytes:
        Wallet.from_bytes(damaged)
    _assert_silent(_trace_with_locals(from_bytes.value))


def test_a_raw_key_file_is_refused_without_a_trace_of_it(tmp_path: Path) -> None:
    """Bytes that are not even text must not be quoted by the decoder's error."""
    path = tmp_path / "id.json"
    path.write_bytes(bytes(KEYPAIR))
    path.chmod(0o600)
    with pytest.raises(BadInputError) as caught:
        Wallet.from_file(path)
    _assert_silent(_trace_with_locals(caught.value))


def test_a_keypair_file_of_the_command_line_is_read(tmp_path: Path) -> None:
    """As `solana-keygen` writes it: an array of 64 numbers, for the owner alone."""
    path = tmp_path / "id.json"
    path.write_text(json.dumps(list(bytes(KEYPAIR))))
    path.chmod(0o600)
    assert Wallet.from_file(path).address == str(KEYPAIR.pubkey())


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_may_touch_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    """The sentence says what is wrong and which command mends it."""
    path = tmp_path / "id.json"
    path.write_text(json.dumps(list(bytes(KEYPAIR))))
    path.chmod(mode)
    with pytest.raises(BadInputError, match=rf"mode {mode:04o}\): run chmod 600 .*id\.json"):
        Wallet.from_file(path)


def test_a_missing_file_and_a_directory_are_refused_with_a_sentence(tmp_path: Path) -> None:
    """The path and the system's reason."""
    with pytest.raises(BadInputError, match=r"none\.json cannot be read: No such file"):
        Wallet.from_file(tmp_path / "none.json")
    with pytest.raises(BadInputError, match="cannot be read: Is a directory"):
        Wallet.from_file(tmp_path)


def test_generated_wallets_differ() -> None:
    """Each is a new key."""
    assert Wallet.generate().address != Wallet.generate().address
