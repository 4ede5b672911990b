"""Signing without a key."""

from __future__ import annotations

import hashlib

import base58

from chain.paper.accounts import check_address
from chain.transactions.inspection import InspectedSwap
from engine.domain.errors import FailureKind, SwapError
from engine.domain.swap import PreparedSwap, SignedSwap
from engine.domain.units import Signature
from engine.ports import Ids

_ONE_SIGNATURE = b"\x01"


class PaperSigner:
    """The `Signer` port over a public key alone.

    What it puts in the place of a signature is a SHA-512 hash of the message and a name of its own: 64 bytes as well,
    never the same twice, and no Ed25519 signature of anybody. A cluster would drop the transaction unexecuted, so that
    nothing could come of it even if it were sent. The payer may be an account that stands in for the wallet.

    Args:
        address: base58 address of the wallet whose books are kept.
        ids: makes two attempts with the same message two signatures.

    Raises:
        BadInputError: *address* is no address.
    """

    def __init__(self, address: str, ids: Ids) -> None:
        check_address(address, "paper wallet")
        self._address = address
        self._ids = ids

    @property
    def address(self) -> str:
        """Base58 public key of the wallet."""
        return self._address

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        """Return *swap* under a name that no cluster knows it by.

        Raises:
            SwapError: permanent; it was not inspected, which the wallet's own key would not sign either.
        """
        if not isinstance(swap, InspectedSwap):
            raise SwapError(FailureKind.PERMANENT, "the swap was not inspected: nothing else is signed")
        signature = hashlib.sha512(self._ids.seed().encode() + swap.message).digest()
        return SignedSwap(
            signature=Signature(base58.b58encode(signature).decode()),
            raw=_ONE_SIGNATURE + signature + swap.message,
            last_valid_block_height=swap.last_valid_block_height,
        )
