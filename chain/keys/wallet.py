"""The secret key: loaded here, used here, and seen by nothing else.

Rule of this file: the keypair is held under a private name of one object that shows its public key whatever is done
to it, and no frame that can appear in a traceback holds the secret when an error is raised.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn, SupportsIndex

from solders.keypair import Keypair

from chain.keys.files import read_private
from chain.keys.text import keypair_in_array
from chain.transactions.assembly import decode_message
from chain.transactions.inspection import InspectedSwap
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.swap import PreparedSwap, SignedSwap
from engine.domain.units import Signature

NOT_A_KEYPAIR_FILE = "is not a keypair file: it should hold a JSON array of 64 numbers that belong together"
_ONE_SIGNATURE = b"\x01"


class _Key:
    """Signs with a keypair that it does not show, not even to what walks the private names of a wallet.

    The method is the keypair's own, which needs no frame of Python that would hold it.
    """

    __slots__ = ("sign_message",)

    def __init__(self, keypair: Keypair) -> None:
        self.sign_message = keypair.sign_message

    def __repr__(self) -> str:
        return "<a secret key>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret key cannot be pickled or copied")


class Wallet:
    """The `Signer` port over a key in memory. Cannot be printed, copied or pickled."""

    __slots__ = ("__address", "__keypair")

    def __init__(self, keypair: Keypair) -> None:
        self.__keypair = _Key(keypair)
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
        wallet = wallet_of(secret)
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
        wallet = _wallet_in(path)
        if wallet is None:
            raise BadInputError(f"{path} {NOT_A_KEYPAIR_FILE}")
        return wallet

    @property
    def address(self) -> str:
        """Base58 public key of the wallet."""
        return self.__address

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        """Sign *swap*, exactly the bytes of its message.

        Raises:
            SwapError: permanent; it was not inspected, or not for this wallet.
        """
        if not isinstance(swap, InspectedSwap):
            raise SwapError(FailureKind.PERMANENT, "the swap was not inspected: nothing else is signed")
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


def wallet_of(secret: bytes | bytearray) -> Wallet | None:
    """Return the wallet of the 64 bytes *secret*, or None where they do not belong together.

    Not raising keeps the secret out of the traceback: this frame is gone when the caller raises.
    """
    try:
        return Wallet(Keypair.from_bytes(secret))
    except ValueError:
        return None


def _wallet_in(path: Path) -> Wallet | None:
    keypair = keypair_in_array(read_private(path))
    if keypair is None:
        return None
    with keypair:
        return wallet_of(keypair.reveal())
