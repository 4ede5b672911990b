"""The JSON of Jupiter's answers as of 2026: amounts are strings, heights and slots are numbers.

Shapes: https://github.com/jup-ag/docs, openapi-spec/swap/v1, swap/v2 and price/v3, and what clients of the
live API recorded. Of the quote's fields that no specification names, those are here that every recorded
quote of 2026 has, with the values they usually have.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from solders.compute_budget import set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction

from chain.simulated.jupiter_fees import GOING_RATE, ComputeBudget
from chain.simulated.market import Market, Offer
from chain.simulated.marketplace import HandOut
from engine.domain.units import SECOND, Nanos, sol

VENUE_LABEL = "Simulated Market"
"""What the answers call the market, as `dexes` and `excludeDexes` do."""

_WHOLE_PERCENT = 100
_WHOLE_BPS = 10_000
_EXACT_IN = "ExactIn"
_MILLISECONDS = "milliseconds"


def quote(offer: Offer, market: Market, *, slot: int, seconds_taken: float, sol_usd: Decimal) -> dict[str, Any]:
    """Return the answer of /swap/v1/quote."""
    swap_info = {**_swap_info(offer, market), "updateContextSlot": str(slot)}
    return {
        **_amounts(offer),
        "platformFee": None,
        "priceImpactPct": _fraction(offer.impact),
        "routePlan": [{"swapInfo": swap_info, "percent": _WHOLE_PERCENT, "bps": None}],
        "contextSlot": slot,
        "timeTaken": seconds_taken,
        "swapUsdValue": _fraction(offer.worth * sol_usd),
        "mostReliableAmmsQuoteReport": {"info": {str(market.price_account): str(offer.amount_out)}},
        "longtailMarketQuoteReport": None,
        "useIncurredSlippageForQuoting": None,
        "useRewards": None,
        "otherRoutePlans": None,
        "loadedLongtailToken": False,
        "instructionVersion": None,
        "transactionVersion": 0,
    }


def build(hand_out: HandOut, market: Market, *, unit_price: int, fetched_at: Nanos) -> dict[str, Any]:
    """Return the answer of /swap/v2/build, whose compute budget is the price alone."""
    offer = hand_out.offer
    return {
        **_amounts(offer),
        "priceImpactPct": _fraction(offer.impact),
        "routePlan": [{"swapInfo": _swap_info(offer, market), "percent": _WHOLE_PERCENT, "bps": _WHOLE_BPS}],
        "computeBudgetInstructions": _instructions([set_compute_unit_price(unit_price)]),
        **_swap_instructions(hand_out),
        "tipInstruction": None,
        "addressesByLookupTableAddress": None,
        "blockhashWithMetadata": _blockhash(hand_out, fetched_at),
    }


def swap(hand_out: HandOut, transaction: bytes, budget: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of /swap/v1/swap, with *budget* from `budget`."""
    return {
        "swapTransaction": base64.b64encode(transaction).decode(),
        "lastValidBlockHeight": hand_out.last_valid_block_height,
        **budget,
        "dynamicSlippageReport": None,
        "addressesByLookupTableAddress": None,
    }


def swap_instructions(
    hand_out: HandOut, compute: ComputeBudget, budget: dict[str, Any], *, fetched_at: Nanos
) -> dict[str, Any]:
    """Return the answer of /swap/v1/swap-instructions, with *budget* from `budget`."""
    return {
        "tokenLedgerInstruction": None,
        "computeBudgetInstructions": _instructions(compute.instructions()),
        **_swap_instructions(hand_out),
        "addressLookupTableAddresses": [],
        **budget,
        "dynamicSlippageReport": None,
        "addressesByLookupTableAddress": None,
        "blockhashWithMetadata": _blockhash(hand_out, fetched_at),
    }


def budget(compute: ComputeBudget, *, simulation_slot: int | None, simulation_error: str | None) -> dict[str, Any]:
    """Return what both answers of POST say of fees and of the simulation, if there was one."""
    failed = {"errorCode": "TRANSACTION_ERROR", "error": simulation_error}
    return {
        "prioritizationFeeLamports": compute.priority_fee,
        "computeUnitLimit": compute.limit,
        "prioritizationType": {"computeBudget": {"microLamports": compute.price, "estimatedMicroLamports": GOING_RATE}},
        "simulationSlot": simulation_slot,
        "simulationError": failed if simulation_error else None,
    }


def price(usd: Decimal, *, slot: int, decimals: int, created_at: Nanos, liquidity_usd: Decimal) -> dict[str, Any]:
    """Return one mint's entry of /price/v3. The change over a day is null: no market is a day old."""
    return {
        "usdPrice": float(usd),
        "blockId": slot,
        "decimals": decimals,
        "priceChange24h": None,
        "createdAt": _iso(created_at),
        "liquidity": float(liquidity_usd),
    }


def market_price(market: Market, *, slot: int, sol_usd: Decimal) -> dict[str, Any]:
    """Return the entry of *market*'s token; liquidity counts both sides."""
    return price(
        market.price * sol_usd,
        slot=slot,
        decimals=market.token.decimals,
        created_at=market.opened_at,
        liquidity_usd=2 * sol(market.depth) * sol_usd,
    )


def _amounts(offer: Offer) -> dict[str, Any]:
    return {
        "inputMint": offer.paid_with.address,
        "inAmount": str(offer.amount_in),
        "outputMint": offer.paid_in.address,
        "outAmount": str(offer.amount_out),
        "otherAmountThreshold": str(offer.minimum_out),
        "swapMode": _EXACT_IN,
        "slippageBps": offer.slippage,
    }


def _swap_info(offer: Offer, market: Market) -> dict[str, Any]:
    return {
        "ammKey": str(market.price_account),
        "label": VENUE_LABEL,
        "inputMint": offer.paid_with.address,
        "outputMint": offer.paid_in.address,
        "inAmount": str(offer.amount_in),
        "outAmount": str(offer.amount_out),
    }


def _swap_instructions(hand_out: HandOut) -> dict[str, Any]:
    parts = hand_out.instructions
    return {
        "setupInstructions": _instructions(parts.setup),
        "swapInstruction": _instruction(parts.swap),
        "cleanupInstruction": _instruction(parts.cleanup) if parts.cleanup else None,
        "otherInstructions": [],
    }


def _instructions(instructions: Sequence[Instruction]) -> list[dict[str, Any]]:
    return [_instruction(each) for each in instructions]


def _instruction(instruction: Instruction) -> dict[str, Any]:
    return {
        "programId": str(instruction.program_id),
        "accounts": [
            {"pubkey": str(each.pubkey), "isSigner": each.is_signer, "isWritable": each.is_writable}
            for each in instruction.accounts
        ],
        "data": base64.b64encode(bytes(instruction.data)).decode(),
    }


def _blockhash(hand_out: HandOut, fetched_at: Nanos) -> dict[str, Any]:
    seconds, nanos = divmod(fetched_at, SECOND)
    return {
        "blockhash": list(bytes(Hash.from_string(hand_out.blockhash))),
        "lastValidBlockHeight": hand_out.last_valid_block_height,
        "fetchedAt": {"secs_since_epoch": seconds, "nanos_since_epoch": nanos},
    }


def _fraction(value: Decimal) -> str:
    """Return *value* without an exponent and without trailing zeros."""
    return format(value.normalize(), "f") if value else "0"


def _iso(at: Nanos) -> str:
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return moment.isoformat(timespec=_MILLISECONDS).replace("+00:00", "Z")
