"""The secret key: loaded here, used here, and seen by nothing else.

Rule of this file: the keypair is held under a private name of one object that shows its public key whatever is done
to it, and no frame that can appear in a traceback holds the secret when an error is raised.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn, SupportsIndex

from solders.keypair import Keypair

from chain.transactions import decode_message
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.swap import PreparedSwap, SignedSwap
from engine.domain.units import Signature

_NOT_THE_OWNER = stat.S_IRWXG | stat.S_IRWXO
_ONE_SIGNATURE = b"\x01"


class Wallet:
    """The `Signer` port over a key in memory. Cannot be printed, copied or pickled."""

    __slots__ = ("__address", "__keypair")

    def __init__(self, keypair: Keypair) -> None:
        self.__keypair = keypair
        self.__address = str(keypair.pubkey())

    @classmethod
    def generate(cls) -> Wallet:
        """Return a new wallet, whose key exists nowhere else and is lost with it."""
        return cls(Keypair())

    @classmethod
    def from_bytes(cls, secret: bytes) -> Wallet:
        """Return the wallet of the 64 bytes *secret*: the private key, then the public one.

        Raises:
            BadInputError: they are no keypair.
        """
        wallet = _opened(secret)
        del secret
        if wallet is None:
            raise BadInputError("The secret key is not 64 bytes that belong together: export the keypair again")
        return wallet

    @classmethod
    def from_file(cls, path: Path) -> Wallet:
        """Return the wallet of a keypair file of Solana's command line, such as id.json: a JSON array of 64 bytes.

        Raises:
            BadInputError: it cannot be read, is no keypair file, or can be read by other users.
        """
        wallet = _opened(_secret_in(path))
        if wallet is None:
            raise BadInputError(f"{path} is not a keypair file: it should hold a JSON array of 64 numbers")
        return wallet

    @property
    def address(self) -> str:
        """Base58 public key of the wallet."""
        return self.__address

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        """Sign *swap*, exactly the bytes of its message.

        Raises:
            SwapError: permanent; it is no transaction of version 0, the wallet does not pay for it, or somebody
                else would have to sign as well.
        """
        try:
            message = decode_message(swap.message)
        except ValueError as error:
            raise SwapError(FailureKind.PERMANENT, f"the swap is nothing to sign: {error}") from error
        payer, signers = str(message.account_keys[0]), message.header.num_required_signatures
        if payer != self.__address or signers != 1:
            raise SwapError(
                FailureKind.PERMANENT,
                f"the swap is not for this wallet alone to sign: {payer} pays and {signers} must sign,"
                f" this wallet is {self.__address}",
            )
        signature = self.__keypair.sign_message(swap.message)
        return SignedSwap(
            signature=Signature(str(signature)),
            raw=_ONE_SIGNATURE + bytes(signature) + swap.message,
            last_valid_block_height=swap.last_valid_block_height,
        )

    def __repr__(self) -> str:
        return f"<Wallet {self.__address}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a wallet cannot be pickled or copied: its key stays where it is")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a wallet has no state to give away")


def _opened(secret: bytes | None) -> Wallet | None:
    # Not raising keeps the secret out of the traceback: this frame is gone when the caller raises.
    try:
        return Wallet(Keypair.from_bytes(secret)) if secret is not None else None
    except ValueError:
        return None


def _secret_in(path: Path) -> bytes | None:
    """Return the bytes of a keypair file, or None where it holds none.

    Raises:
        BadInputError: it cannot be read, or others can.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if not mode & _NOT_THE_OWNER:
                return _bytes_of(file.read())
    except OSError as error:
        raise BadInputError(f"The keypair file {path} cannot be read: {error.strerror}") from None
    raise BadInputError(f"{path} can be read by other users (mode {mode:04o}): run chmod 600 {path}")


def _bytes_of(text: bytes) -> bytes | None:
    try:
        numbers: Any = json.loads(text)
        return bytes(numbers) if isinstance(numbers, list) else None
    except (TypeError, ValueError):
        return None
