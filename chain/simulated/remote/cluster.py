"""A cluster behind JSON-RPC, as the market needs it: reading accounts, and landing transactions of its own.

Everything is read at `confirmed`. A provider answers with one of many nodes; an answer of one that has not come as far
as the maker's newest transaction is asked for again.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.token.state import TokenAccount

from chain.node.rpc import Rpc, RpcError, latest_blockhash, understood
from chain.simulated.remote.key import MakerKey
from chain.simulated.token_state import TOKEN_PROGRAMS, token_account
from chain.tokens.accounts import account_data
from chain.values import array, text, transaction_error, whole_number
from engine.domain.errors import ChainUnavailableError, EngineError
from engine.domain.units import Lamports, Nanos, seconds
from engine.ports import Clock

Pause = Callable[[Nanos], object]
"""Waits for a span of the clock's time."""

_LOOK_INTERVAL = seconds(0.2)
_LOOKS_PER_REPEAT = 10
"""How many looks at a signature before the same bytes are sent again."""
_READINGS = 15
"""How often a node that lags is asked again."""
_CONFIRMED = {"commitment": "confirmed"}
_BASE64 = {"encoding": "base64", "commitment": "confirmed"}
_REACHED = {"confirmed", "finalized"}
_PREFLIGHT_FAILURE = -32002
_MAX_ACCOUNTS = 100


class FailedTransactionError(EngineError):
    """A transaction of the maker was executed, or tried, and failed; it moved nothing."""


class NotLandedError(ChainUnavailableError):
    """A transaction of the maker was sent and did not land before it expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTransaction:
    """What a transaction would do."""

    slot: int
    err: Any
    compute_units: int


def pausing(clock: Clock) -> Pause:
    """Return a pause by *clock*."""

    def pause(span: Nanos) -> None:
        come = threading.Event()
        clock.call_at(Nanos(clock.now() + span), come.set)
        come.wait()

    return pause


class RemoteCluster:
    """Reads and lands through *rpc*. Safe to share between threads; every method blocks.

    Args:
        rpc: the nodes.
        pause: waits between two looks.
    """

    def __init__(self, rpc: Rpc, pause: Pause) -> None:
        self._rpc = rpc
        self._pause = pause
        self._rents: dict[int, int] = {}

    # Reading

    def slot(self) -> int:
        """Return the newest slot."""
        with understood("getSlot"):
            return whole_number(self._rpc.call("getSlot", [_CONFIRMED]))

    def block_height(self) -> int:
        """Return the height of the newest block."""
        with understood("getBlockHeight"):
            return whole_number(self._rpc.call("getBlockHeight", [_CONFIRMED]))

    def latest_blockhash(self) -> tuple[Hash, int]:
        """Return the newest blockhash and the last block height, inclusive, at which it can be used."""
        return latest_blockhash(self._rpc)

    def rent(self, size: int) -> int:
        """Return the lamports that an account of *size* bytes must hold."""
        if size not in self._rents:
            method = "getMinimumBalanceForRentExemption"
            with understood(method):
                self._rents[size] = whole_number(self._rpc.call(method, [size]))
        return self._rents[size]

    def lamports(self, key: Pubkey) -> Lamports:
        """Return what the account at *key* holds; 0 where there is none."""
        result = self._read("getBalance", [str(key), _CONFIRMED])
        with understood("getBalance"):
            return Lamports(whole_number(result["value"]))

    def accounts(self, keys: Sequence[Pubkey]) -> list[Account | None]:
        """Return the account at each of *keys*, None where there is none."""
        found: list[Account | None] = []
        for start in range(0, len(keys), _MAX_ACCOUNTS):
            batch = [str(key) for key in keys[start : start + _MAX_ACCOUNTS]]
            result = self._read("getMultipleAccounts", [batch, _BASE64])
            with understood("getMultipleAccounts"):
                answered = [None if item is None else _account(item) for item in array(result["value"])]
                if len(answered) != len(batch):
                    raise ValueError(f"{len(answered)} accounts for {len(batch)} addresses")
            found += answered
        return found

    def token_accounts(self, owner: Pubkey) -> dict[Pubkey, tuple[Pubkey, TokenAccount]]:
        """Return the token program and the state of each token account of *owner*, by its address."""
        held: dict[Pubkey, tuple[Pubkey, TokenAccount]] = {}
        for program in TOKEN_PROGRAMS:
            result = self._read("getTokenAccountsByOwner", [str(owner), {"programId": str(program)}, _BASE64])
            with understood("getTokenAccountsByOwner"):
                for item in array(result["value"]):
                    state = token_account(_account(item["account"]))
                    if state is not None:
                        held[Pubkey.from_string(text(item["pubkey"]))] = (program, state)
        return held

    def simulate(self, raw: bytes, *, sig_verify: bool, replace_blockhash: bool) -> SimulatedTransaction:
        """Return what the transaction *raw* would do now."""
        config = {
            "encoding": "base64",
            "commitment": "confirmed",
            "sigVerify": sig_verify,
            "replaceRecentBlockhash": replace_blockhash,
        }
        result = self._read("simulateTransaction", [base64.b64encode(raw).decode(), config])
        with understood("simulateTransaction"):
            return SimulatedTransaction(
                slot=whole_number(result["context"]["slot"]),
                err=transaction_error(result["value"]["err"]),
                compute_units=whole_number(result["value"].get("unitsConsumed") or 0),
            )

    # Writing

    def land(self, instructions: Sequence[Instruction], key: MakerKey) -> None:
        """Have *instructions* executed in one transaction of *key*, and return once it is confirmed.

        Raises:
            FailedTransactionError: it failed, or would have; nothing was moved.
            NotLandedError: it expired on the way.
            ChainUnavailableError: the chain could not be asked; it may land or not.
        """
        blockhash, last_valid = self.latest_blockhash()
        raw = key.signed(instructions, blockhash)
        signature = self._send(raw)
        self._await(signature, lambda: self._send(raw), last_valid)

    def airdrop(self, key: Pubkey, lamports: int) -> None:
        """Let the faucet give *key* lamports, and return once they are there.

        Raises:
            RpcError: the faucet refused.
            ChainUnavailableError: the chain could not be asked, or the lamports did not come.
        """
        _, last_valid = self.latest_blockhash()
        with understood("requestAirdrop"):
            signature = str(Signature.from_string(self._rpc.call("requestAirdrop", [str(key), lamports])))
        self._await(signature, lambda: signature, last_valid)

    def _send(self, raw: bytes) -> str:
        config = {"encoding": "base64", "preflightCommitment": "confirmed", "maxRetries": 0}
        try:
            with understood("sendTransaction"):
                return text(self._rpc.call("sendTransaction", [base64.b64encode(raw).decode(), config]))
        except RpcError as error:
            cause = error.data.get("err") if isinstance(error.data, dict) else None
            if error.code != _PREFLIGHT_FAILURE or cause is None or cause == "BlockhashNotFound":
                raise
            raise FailedTransactionError(f"a transaction of the maker would fail: {cause}") from error

    def _await(self, signature: str, repeat: Callable[[], str], last_valid: int) -> None:
        """Return once *signature* is confirmed."""
        looks = 0
        while not self._is_confirmed(signature):
            looks += 1
            if looks % _LOOKS_PER_REPEAT == 0:
                if self.block_height() > last_valid and not self._is_confirmed(signature):
                    raise NotLandedError(f"transaction {signature} did not land before it expired: try again")
                self._repeat(repeat)
            self._pause(_LOOK_INTERVAL)

    def _repeat(self, repeat: Callable[[], str]) -> None:
        try:
            repeat()
        except (RpcError, FailedTransactionError):
            # A node that has it already says so by an error; the signature's status alone decides.
            return

    def _is_confirmed(self, signature: str) -> bool:
        method = "getSignatureStatuses"
        result = self._rpc.call(method, [[signature], {"searchTransactionHistory": True}])
        with understood(method):
            (status,) = array(result["value"])
            if status is None:
                return False
            err = transaction_error(status["err"])
            slot, reached = whole_number(status["slot"]), status.get("confirmationStatus") in _REACHED
        if err is not None:
            raise FailedTransactionError(f"transaction {signature} of the maker failed: {err}")
        if reached:
            self._rpc.note_landing(slot)
        return reached

    def _read(self, method: str, params: Sequence[Any]) -> Any:
        for _ in range(_READINGS - 1):
            result = self._rpc.call(method, params)
            try:
                self._rpc.check_fresh(method, result)
            except ChainUnavailableError:
                self._pause(_LOOK_INTERVAL)
            else:
                return result
        result = self._rpc.call(method, params)
        self._rpc.check_fresh(method, result)
        return result


def _account(item: Any) -> Account:
    return Account(
        whole_number(item["lamports"]),
        account_data(item),
        Pubkey.from_string(text(item["owner"])),
        executable=bool(item["executable"]),
    )
