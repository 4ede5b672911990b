"""Closing the token account that a sale has emptied, so that its rent comes back with the proceeds.

Token's CloseAccount takes an account with nothing in it and fails otherwise, and the sale with it. So it is added only
to a sale of all that is there, and left out again where the simulation fails because of it: Token-2022 refuses for
reasons of its own as well, such as transfer fees that the issuer has not collected yet.

What comes between simulation and landing can still make it fail: whoever sends a token to the account takes the sale
back, for one attempt. The next one sees what is there, and does not close.
"""

from __future__ import annotations

from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from chain.tokens.layout import HoldingState

CANNOT_CLOSE = "CANNOT_CLOSE"
"""Code of a simulated sale that would succeed but for the closing."""

_CLOSE_ACCOUNT = b"\x09"


def closing(wallet: str, holdings: Sequence[HoldingState], sold: int) -> Instruction | None:
    """Return the instruction that closes the account out of which *wallet* sells, to be put behind the sale.

    Args:
        wallet: base58 address, to which the rent goes.
        holdings: its accounts of the mint that is sold.
        sold: raw units.

    Returns:
        None where the associated account, out of which swaps are made, would not be empty or cannot be closed.
    """
    for holding in holdings:
        empty = holding.amount == sold and not holding.withheld
        if empty and not holding.frozen and holding.address == _associated(wallet, holding):
            owner = Pubkey.from_string(wallet)
            accounts = [
                AccountMeta(Pubkey.from_string(holding.address), is_signer=False, is_writable=True),
                AccountMeta(owner, is_signer=False, is_writable=True),
                AccountMeta(owner, is_signer=True, is_writable=False),
            ]
            return Instruction(Pubkey.from_string(holding.program), _CLOSE_ACCOUNT, accounts)
    return None


def failed_to_close(error: object, message: MessageV0) -> bool:
    """Return whether *error*, a TransactionError, is of the last instruction of *message*, which closes the account."""
    match error:
        case {"InstructionError": [int(index), _]}:
            return index == len(message.instructions) - 1
        case _:
            return False


def _associated(wallet: str, holding: HoldingState) -> str:
    keys = (Pubkey.from_string(key) for key in (wallet, holding.mint, holding.program))
    return str(get_associated_token_address(*keys))
