"""Addresses of the programs that a swap calls, in base58."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "11111111111111111111111111111111"
TOKEN: Final = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"  # noqa: S105 - an address
TOKEN_2022: Final = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"  # noqa: S105 - an address
ASSOCIATED_TOKEN: Final = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"  # noqa: S105 - an address
COMPUTE_BUDGET: Final = "ComputeBudget111111111111111111111111111111"
ADDRESS_LOOKUP_TABLE: Final = "AddressLookupTab1e1111111111111111111111111"
JUPITER: Final = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"
"""Jupiter v6, the aggregator that every route goes through."""

TOKEN_PROGRAMS: Final = (TOKEN, TOKEN_2022)
