"""A swap as instructions that need the taker's signature alone.

The parts are those of Jupiter's answers, to be put in this order: setup, swap, cleanup. Accounts are created and SOL
is wrapped around the swap, which is one instruction of the market's program, as it is one of Jupiter's.
"""

from __future__ import annotations

from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import (
    CloseAccountParams,
    SyncNativeParams,
    close_account,
    create_idempotent_associated_token_account,
    sync_native,
)

from chain.simulated.market import Offer
from chain.simulated.swap_program import PROGRAM_ID, Swap, swap
from chain.simulated.tokens import WRAPPED_SOL, Token
from engine.domain.swap import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapInstructions:
    """The parts of a swap's transaction, less its compute budget."""

    setup: tuple[Instruction, ...]
    swap: Instruction
    cleanup: Instruction | None

    @property
    def all(self) -> tuple[Instruction, ...]:
        """Every instruction, in order."""
        return (*self.setup, self.swap, *((self.cleanup,) if self.cleanup else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who trades, and the accounts that the swap goes through."""

    taker: Pubkey
    maker: Pubkey
    vault: Pubkey
    """The maker's token account from which the taker may move the payment."""
    price_account: Pubkey
    program: Pubkey = PROGRAM_ID
    """The program that swaps."""


def swap_instructions(offer: Offer, parties: Parties, *, wrap_and_unwrap_sol: bool) -> SwapInstructions:
    """Return the instructions that carry out *offer*.

    Args:
        offer: what is traded for what.
        parties: between whom.
        wrap_and_unwrap_sol: pay and be paid in SOL, closing the taker's wrapped-SOL account afterwards (and
            so unwrapping whatever else was in it); else pay from and be paid into that account.
    """
    paid, received = offer.paid_with, offer.paid_in
    taker = parties.taker
    wrapped = WRAPPED_SOL.account_of(taker)
    setup = [_create(taker, WRAPPED_SOL)]
    if offer.side is Side.BUY:
        if wrap_and_unwrap_sol:
            setup += _wrap(taker, wrapped, offer.amount_in)
        setup.append(_create(taker, received))
    order = Swap(
        taker=taker,
        source=paid.account_of(taker),
        source_mint=paid.mint,
        source_program=paid.program,
        destination=received.account_of(taker),
        destination_mint=received.mint,
        destination_program=received.program,
        maker=paid.account_of(parties.maker),
        vault=parties.vault,
        price_account=parties.price_account,
        amount_in=offer.amount_in,
        quoted_out=offer.amount_out,
        slippage=offer.slippage,
        sent=offer.sent,
        lowest=offer.lowest,
        highest=offer.highest,
        program=parties.program,
    )
    return SwapInstructions(
        setup=tuple(setup),
        swap=swap(order),
        cleanup=_unwrap(taker, wrapped) if wrap_and_unwrap_sol else None,
    )


def _create(taker: Pubkey, token: Token) -> Instruction:
    return create_idempotent_associated_token_account(taker, taker, token.mint, token.program)


def _wrap(taker: Pubkey, wrapped: Pubkey, lamports: int) -> list[Instruction]:
    return [
        transfer(TransferParams(from_pubkey=taker, to_pubkey=wrapped, lamports=lamports)),
        sync_native(SyncNativeParams(program_id=TOKEN_PROGRAM_ID, account=wrapped)),
    ]


def _unwrap(taker: Pubkey, wrapped: Pubkey) -> Instruction:
    return close_account(CloseAccountParams(program_id=TOKEN_PROGRAM_ID, account=wrapped, dest=taker, owner=taker))
