"""Programs and accounts from a directory of dumps."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_PROGRAM_ID

from chain.simulated.bank import Bank
from chain.simulated.dumps import load_dumps, read_dumps
from engine.clock import ManualClock
from engine.domain.errors import BadInputError
from tests.simulated.signing import SOL, land

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
PROGRAM = Pubkey(bytes([9]) * 32)
ADDRESS = Pubkey(bytes([8]) * 32)


def account_dump(**changes: Any) -> str:
    """Return what `solana account --output json` writes, with *changes* to the account."""
    account = {
        "lamports": 2 * SOL,
        "data": [base64.b64encode(b"pool").decode(), "base64"],
        "owner": str(TOKEN_PROGRAM_ID),
        "executable": False,
        "rentEpoch": 2**64 - 1,
        "space": 4,
        **changes,
    }
    return json.dumps({"pubkey": str(ADDRESS), "account": account})


def test_dumps_are_put_on_the_bank(tmp_path: Path) -> None:
    """The program runs, and the account is there as it was dumped; other files are left alone."""
    clock = ManualClock()
    bank, wallet = Bank(clock), Keypair()
    bank.airdrop(wallet.pubkey(), SOL)
    memo = bank.account(MEMO)
    assert memo is not None
    (tmp_path / f"{PROGRAM}.so").write_bytes(memo.data)
    (tmp_path / "pool.json").write_text(account_dump())
    (tmp_path / "README.txt").write_text("taken yesterday")
    dumps = load_dumps(bank, tmp_path)
    assert (list(dumps.programs), list(dumps.accounts)) == ([PROGRAM], [ADDRESS])
    assert bank.account(ADDRESS) == Account(2 * SOL, b"pool", TOKEN_PROGRAM_ID)
    executed = bank.transaction(land(bank, clock, [wallet], Instruction(PROGRAM, b"hold", [])))
    assert executed is not None
    assert executed.err is None
    assert 'Program log: Memo (len 4): "hold"' in executed.logs


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The message says which and what to give."""
    with pytest.raises(BadInputError, match="nowhere is not a directory: give the directory"):
        read_dumps(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("jupiter.so", "\x7fELF", "must be named <program id>.so: 'jupiter' is no address"),
        (f"{PROGRAM}.so", "<html>", "is no program"),
        ("pool.json", "{", "is no account dump"),
        ("pool.json", "[]", "is no account dump"),
        ("pool.json", json.dumps({"pubkey": str(ADDRESS)}), "'account'"),
        ("pool.json", account_dump(owner="nobody"), "is no account dump"),
        ("pool.json", account_dump(lamports=-1), "is no account dump"),
        ("pool.json", account_dump(data=["4HUtbHhN2TkpR", "base58"]), "the data is in base58, not base64"),
        ("pool.json", account_dump(executable=True), f"give its code as {ADDRESS}.so instead"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    """The message says which file, what is wrong and what to do; nothing is loaded."""
    (tmp_path / name).write_text(content)
    bank = Bank(ManualClock())
    with pytest.raises(BadInputError, match=name) as caught:
        load_dumps(bank, tmp_path)
    assert message in str(caught.value)
    assert bank.account(ADDRESS) is None


def test_a_program_that_cannot_run_is_named(tmp_path: Path) -> None:
    """A file that only begins like a program is refused with its address, and the bank lives on."""
    (tmp_path / f"{PROGRAM}.so").write_bytes(b"\x7fELF" + bytes(500))
    bank = Bank(ManualClock())
    with pytest.raises(BadInputError, match=str(PROGRAM)):
        load_dumps(bank, tmp_path)
    assert bank.account(PROGRAM) is None
