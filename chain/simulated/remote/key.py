"""The maker's key: it signs whatever the market does, and nothing else holds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, SupportsIndex

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chain.keys.files import read_private, write_private
from chain.keys.text import keypair_in_array
from chain.keys.wallet import NOT_A_KEYPAIR_FILE
from engine.domain.errors import BadInputError


class MakerKey:
    """Signs transactions of the maker, who pays for them. Cannot be printed, copied or pickled."""

    __slots__ = ("__sign", "address")

    def __init__(self, keypair: Keypair) -> None:
        self.__sign = keypair.sign_message
        self.address = keypair.pubkey()

    @classmethod
    def from_file(cls, path: Path) -> MakerKey:
        """Return the key in the keypair file *path*.

        Raises:
            BadInputError: it cannot be read, is no keypair file, or can be read by other users.
        """
        key = _key_in(path)
        if key is None:
            raise BadInputError(f"{path} {NOT_A_KEYPAIR_FILE}")
        return key

    def signed(self, instructions: Sequence[Instruction], blockhash: Hash) -> bytes:
        """Return the transaction of *instructions*, signed by the maker alone."""
        message = MessageV0.try_compile(self.address, instructions, [], blockhash)
        signature: Signature = self.__sign(to_bytes_versioned(message))
        return bytes(VersionedTransaction.populate(message, [signature]))

    def __repr__(self) -> str:
        return f"<MakerKey {self.address}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a maker's key cannot be pickled or copied")


def write_new_key(path: Path) -> Pubkey:
    """Make a key, write it to *path* as Solana's command line does, with mode 0600, and return its address.

    Raises:
        BadInputError: the file is there already, or cannot be written.
    """
    keypair = Keypair()
    write_private(path, json.dumps(list(bytes(keypair))).encode(), overwrite=False)
    return keypair.pubkey()


def _key_in(path: Path) -> MakerKey | None:
    secret = keypair_in_array(read_private(path))
    if secret is None:
        return None
    with secret:
        try:
            return MakerKey(Keypair.from_bytes(secret.reveal()))
        except ValueError:
            return None
