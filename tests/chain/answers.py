"""Answers of Jupiter's APIs, made for a test: the documented fields, small instructions, a lookup table."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from chain.jupiter.routes import discriminator
from chain.programs import ADDRESS_LOOKUP_TABLE, ASSOCIATED_TOKEN, COMPUTE_BUDGET, JUPITER, SYSTEM, TOKEN
from engine.domain.swap import Side, SwapRequest
from engine.domain.units import SOL_MINT, BasisPoints, Mint

WALLET = str(Keypair.from_seed(bytes(32)).pubkey())
MINT = Mint("7LCnGcBjiiaqWMkhTfEEemx5mWdLBHbrgDjCPbTbpump")
BLOCKHASH = bytes(range(32))
TABLE = str(Keypair.from_seed(bytes([9] * 32)).pubkey())
POOLS = [str(Pubkey(bytes([n] * 32))) for n in range(10, 30)]
SELL = SwapRequest(side=Side.SELL, mint=MINT, amount=1_000_000, slippage=BasisPoints(150))
BUY = SwapRequest(side=Side.BUY, mint=MINT, amount=2_000_000_000, slippage=BasisPoints(0))
LAST_VALID = 301_043_236


def instruction(program: str, data: bytes, *accounts: str, signer: str | None = None) -> dict[str, Any]:
    """Return an instruction as Jupiter writes it; *accounts* are writable."""
    listed = [{"pubkey": key, "isSigner": False, "isWritable": True} for key in accounts]
    if signer:
        listed.append({"pubkey": signer, "isSigner": True, "isWritable": True})
    return {"programId": program, "accounts": listed, "data": base64.b64encode(data).decode()}


def unit_price(micro_lamports: int) -> dict[str, Any]:
    """Return the instruction that sets the compute-unit price."""
    return instruction(COMPUTE_BUDGET, b"\x03" + micro_lamports.to_bytes(8, "little"))


def unit_limit(units: int) -> dict[str, Any]:
    """Return the instruction that sets the compute-unit limit."""
    return instruction(COMPUTE_BUDGET, b"\x02" + units.to_bytes(4, "little"))


def quote_answer(request: SwapRequest, *, out: int = 500_000_000, least: int = 492_500_000) -> dict[str, Any]:
    """Return a quote, with fields that nobody documented."""
    mints = (SOL_MINT, request.mint) if request.side is Side.BUY else (request.mint, SOL_MINT)
    return {
        "inputMint": mints[0],
        "outputMint": mints[1],
        "inAmount": str(request.amount),
        "outAmount": str(out),
        "otherAmountThreshold": str(least),
        "swapMode": "ExactIn",
        "slippageBps": request.slippage,
        "priceImpactPct": "0.0001",
        "routePlan": [{"swapInfo": {"ammKey": POOLS[0], "details": {"kept": [1, None]}}, "bps": None}],
        "unheardOf": {"deep": [0.1, True]},
    }


def table_account(addresses: Sequence[str], owner: str = ADDRESS_LOOKUP_TABLE) -> dict[str, Any]:
    """Return the account of a lookup table as a node answers it, in base64."""
    data = bytes(56) + b"".join(bytes(Pubkey.from_string(address)) for address in addresses)
    return {"data": [base64.b64encode(data).decode(), "base64"], "owner": owner, "lamports": 1}


def own_account(mint: str, wallet: str = WALLET) -> str:
    """Return the address of *wallet*'s token account of *mint*."""
    return str(get_associated_token_address(Pubkey.from_string(wallet), Pubkey.from_string(mint)))


def route(request: SwapRequest, *, out: int = 500_000_000, signer: str = WALLET) -> dict[str, Any]:
    """Return Jupiter's instruction ``route_v2`` that swaps what *request* asks for."""
    source, target = (SOL_MINT, request.mint) if request.side is Side.BUY else (request.mint, SOL_MINT)
    arguments = struct.pack("<QQHHHI", request.amount, out, request.slippage, 0, 0, 1)
    accounts = [own_account(source, signer), own_account(target, signer), source, target, TOKEN, TOKEN]
    markets = [JUPITER, POOLS[0], JUPITER, *POOLS]
    written = instruction(JUPITER, discriminator("route_v2") + arguments + b"plan", *accounts, *markets)
    written["accounts"].insert(0, {"pubkey": signer, "isSigner": True, "isWritable": True})
    return written


def instruction_parts(signer: str = WALLET, request: SwapRequest = SELL) -> dict[str, Any]:
    """Return the instructions of a swap for *signer*."""
    wrapped = own_account(SOL_MINT, signer)
    creation = instruction(ASSOCIATED_TOKEN, b"\x01", wrapped, signer, SOL_MINT, SYSTEM, TOKEN)
    creation["accounts"].insert(0, {"pubkey": signer, "isSigner": True, "isWritable": True})
    return {
        "computeBudgetInstructions": [unit_price(82_000_000_000)],
        "setupInstructions": [creation],
        "swapInstruction": route(request, signer=signer),
        "cleanupInstruction": instruction(TOKEN, b"\x09", wrapped, signer, signer=signer),
        "otherInstructions": [],
    }


def build_answer(request: SwapRequest, **changes: Any) -> dict[str, Any]:
    """Return an answer of /swap/v2/build."""
    return {
        **quote_answer(request),
        **instruction_parts(request=request),
        "tipInstruction": None,
        "addressesByLookupTableAddress": {TABLE: POOLS},
        "blockhashWithMetadata": {
            "blockhash": list(BLOCKHASH),
            "lastValidBlockHeight": LAST_VALID,
            "fetchedAt": {"secs_since_epoch": 1, "nanos_since_epoch": 2},
        },
        **changes,
    }
