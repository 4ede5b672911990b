"""From a quote that came back to a transaction with its compute budget, as POST /swap/v1/swap does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from solders.hash import Hash
from solders.message import Message, MessageV0
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chain.simulated import jupiter_shapes as shapes
from chain.simulated.fees import MAX_COMPUTE_UNITS
from chain.simulated.jupiter_fees import (
    GOING_RATE,
    ComputeBudget,
    limit_after,
    price_for,
    rate,
)
from chain.simulated.jupiter_requests import CappedFee, SwapRequest
from chain.simulated.market import Offer
from chain.simulated.marketplace import HandOut, Marketplace
from chain.simulated.transaction_errors import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSwap:
    """A swap ready to be answered."""

    hand_out: HandOut
    compute: ComputeBudget
    transaction: bytes
    """Whole, with a placeholder for the taker's signature."""
    report: dict[str, Any]
    """What the answer says of fees and simulation."""


def prepare(exchange: Marketplace, offer: Offer, request: SwapRequest) -> PreparedSwap:
    """Return the swap of *offer* that *request* asks for, simulated where it wants a fitting compute limit.

    Raises:
        JupiterError: the user's key is none.
    """
    hand_out = exchange.hand_out(offer, request.taker, wrap_and_unwrap_sol=request.wrap_and_unwrap_sol)
    limit, slot, failure = MAX_COMPUTE_UNITS, None, None
    if request.dynamic_limit:
        trial = unsigned_transaction(hand_out, ComputeBudget(MAX_COMPUTE_UNITS, 0), legacy=request.legacy)
        simulation = exchange.bank.simulate(trial, sig_verify=False, replace_blockhash=False)
        slot = simulation.slot
        if simulation.err is None:
            limit = limit_after(simulation.compute_units)
        else:
            failure = describe(simulation.err)
    compute = ComputeBudget(limit, _unit_price(request, limit))
    return PreparedSwap(
        hand_out=hand_out,
        compute=compute,
        transaction=unsigned_transaction(hand_out, compute, legacy=request.legacy),
        report=shapes.budget(compute, simulation_slot=slot, simulation_error=failure),
    )


def unsigned_transaction(hand_out: HandOut, compute: ComputeBudget, *, legacy: bool = False) -> bytes:
    """Return the transaction of *hand_out* with zeros in the place of the taker's signature."""
    instructions = [*compute.instructions(), *hand_out.instructions.all]
    blockhash = Hash.from_string(hand_out.blockhash)
    message: Message | MessageV0
    if legacy:
        message = Message.new_with_blockhash(instructions, hand_out.taker, blockhash)
    else:
        message = MessageV0.try_compile(hand_out.taker, instructions, [], blockhash)
    return bytes(VersionedTransaction.populate(message, [Signature.default()]))


def _unit_price(request: SwapRequest, limit: int) -> int:
    """Return the micro-lamports a compute unit that *request* asks for."""
    if isinstance(request.unit_price, int):
        return request.unit_price
    if isinstance(request.fee, int):
        return price_for(request.fee, limit)
    if isinstance(request.fee, CappedFee):
        cap = request.fee.cap
        return min(rate(cap.priority_level), price_for(cap.max_lamports, limit))
    return GOING_RATE
