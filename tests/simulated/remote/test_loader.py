"""The bytes of the loader's instructions and accounts, against its published layouts."""

from __future__ import annotations

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.remote import loader

BUFFER, AUTHORITY, PROGRAM, PAYER = (Pubkey(bytes([n]) * 32) for n in (1, 2, 3, 4))


def test_a_buffer_is_initialised_with_tag_0() -> None:
    """The buffer is written, and its authority is named and does not sign."""
    made = loader.initialize_buffer(BUFFER, AUTHORITY)
    assert bytes(made.data) == bytes(4)
    assert [(a.pubkey, a.is_signer, a.is_writable) for a in made.accounts] == [
        (BUFFER, False, True),
        (AUTHORITY, False, False),
    ]


def test_a_write_has_tag_1_an_offset_and_a_vector() -> None:
    """The offset is a u32, the vector's length a u64."""
    made = loader.write(BUFFER, AUTHORITY, 900, b"abc")
    assert bytes(made.data).hex() == "01000000" + "84030000" + "0300000000000000" + b"abc".hex()
    assert [(a.pubkey, a.is_signer, a.is_writable) for a in made.accounts] == [
        (BUFFER, False, True),
        (AUTHORITY, True, False),
    ]


def test_a_deployment_has_tag_2_and_eight_accounts_in_order() -> None:
    """Payer, data, program, buffer, rent, clock, system program, authority."""
    made = loader.deploy(PAYER, PROGRAM, BUFFER, AUTHORITY, 3_312)
    assert bytes(made.data).hex() == "02000000" + "f00c000000000000"
    data, _ = Pubkey.find_program_address([bytes(PROGRAM)], loader.LOADER)
    assert [(str(a.pubkey), a.is_signer, a.is_writable) for a in made.accounts] == [
        (str(PAYER), True, True),
        (str(data), False, True),
        (str(PROGRAM), False, True),
        (str(BUFFER), False, True),
        ("SysvarRent111111111111111111111111111111111", False, False),
        ("SysvarC1ock11111111111111111111111111111111", False, False),
        ("11111111111111111111111111111111", False, False),
        (str(AUTHORITY), True, False),
    ]


def test_only_the_chunks_that_are_missing_are_written() -> None:
    """Those that a buffer holds already are left alone."""
    file = bytes(range(1, 251)) * 10
    header = bytes.fromhex("0100000001") + bytes(AUTHORITY)
    written = bytes(900) + file[900:1800] + bytes(len(file) - 1800)
    missing = list(loader.missing_chunks(Account(1, header + written, loader.LOADER), file))
    assert [(offset, len(chunk)) for offset, chunk in missing] == [(0, 900), (1800, 700)]
    assert b"".join(chunk for _, chunk in missing) == file[:900] + file[1800:]


@pytest.mark.parametrize(
    "account",
    [
        Account(1, bytes.fromhex("0100000001") + bytes(32 + 9), loader.LOADER),
        Account(1, bytes.fromhex("0200000001") + bytes(32 + 10), loader.LOADER),
        Account(1, bytes.fromhex("0100000001") + bytes(32 + 10), PROGRAM),
    ],
)
def test_what_is_no_buffer_for_the_file_is_refused(account: Account) -> None:
    """Another length, another kind of account, another owner."""
    with pytest.raises(ValueError, match="no buffer of the loader for 10 bytes"):
        list(loader.missing_chunks(account, bytes(10)))


def test_a_program_is_deployed_when_its_data_begins_with_the_file() -> None:
    """A program with other code, or none, is not."""
    file = b"\x7fELF and more"
    program = Account(
        1, bytes.fromhex("02000000") + bytes(loader.data_address(PROGRAM)), loader.LOADER, executable=True
    )
    header = bytes.fromhex("03000000") + bytes(8) + b"\x01" + bytes(AUTHORITY)
    held = Account(1, header + file + bytes(8), loader.LOADER)
    assert loader.is_deployed(PROGRAM, program, held, file)
    assert not loader.is_deployed(PROGRAM, program, held, file + b"!")
    assert not loader.is_deployed(PROGRAM, program, None, file)
    assert not loader.is_deployed(BUFFER, program, held, file)
