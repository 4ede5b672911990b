"""Real programs and accounts from a directory of dumps.

Taken with the Solana command line tools from a cluster that has them:

    solana program dump <program id> <program id>.so
    solana account <address> --output json --output-file <address>.json
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.bank import Bank
from engine.domain.errors import BadInputError

_ELF_MAGIC = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Dumps:
    """What a directory of dumps holds."""

    programs: dict[Pubkey, bytes]
    accounts: dict[Pubkey, Account]


def load_dumps(bank: Bank, directory: Path) -> Dumps:
    """Put every dump of *directory* on *bank*, and return what that was.

    Raises:
        BadInputError: the directory or a file in it cannot be used; the message says which and why. Nothing
            is loaded where a file cannot be read.
    """
    dumps = read_dumps(directory)
    try:
        for program_id, elf in dumps.programs.items():
            bank.add_program(program_id, elf)
        for key, account in dumps.accounts.items():
            bank.set_account(key, account)
    except ValueError as error:
        raise BadInputError(f"A dump in {directory} cannot be used: {error}. Dump it again.") from error
    return dumps


def read_dumps(directory: Path) -> Dumps:
    """Read the `*.so` and `*.json` files of *directory*; other files are left alone.

    Raises:
        BadInputError: as `load_dumps`.
    """
    if not directory.is_dir():
        raise BadInputError(f"{directory} is not a directory: give the directory that holds the dumps")
    return Dumps(
        programs=dict(_read_program(path) for path in sorted(directory.glob("*.so"))),
        accounts=dict(_read_account(path) for path in sorted(directory.glob("*.json"))),
    )


def _read_program(path: Path) -> tuple[Pubkey, bytes]:
    try:
        program_id = Pubkey.from_string(path.stem)
    except ValueError as error:
        raise BadInputError(f"{path} must be named <program id>.so: {path.stem!r} is no address") from error
    elf = path.read_bytes()
    if not elf.startswith(_ELF_MAGIC):
        raise BadInputError(f"{path} is no program: dump it again with `solana program dump`")
    return program_id, elf


def _read_account(path: Path) -> tuple[Pubkey, Account]:
    try:
        dump = json.loads(path.read_bytes())
        address, account = Pubkey.from_string(dump["pubkey"]), _account(dump["account"])
    except (ValueError, KeyError, TypeError, OverflowError, binascii.Error) as error:
        raise BadInputError(
            f"{path} is no account dump ({type(error).__name__}: {error}): "
            "dump it again with `solana account --output json`"
        ) from error
    if account.executable:
        raise BadInputError(f"{path} is a program's account: give its code as {address}.so instead")
    return address, account


def _account(dump: dict[str, Any]) -> Account:
    text, encoding = dump["data"]
    if encoding != "base64":
        raise ValueError(f"the data is in {encoding}, not base64")
    data = base64.b64decode(text, validate=True)
    return Account(dump["lamports"], data, Pubkey.from_string(dump["owner"]), dump["executable"])
