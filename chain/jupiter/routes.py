"""Jupiter v6's swap instructions: which accounts they name, and what they promise.

Jupiter publishes no description of its program that has all of them. The order of accounts and arguments is that of
the program's IDL on chain, checked against recorded transactions and answers. Those of 2025 (``_v2``) have their
arguments before the plan of the route, the older ones behind it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from chain.jupiter.plan import end_of_plan

_DISCRIMINATOR_BYTES, _ID_BYTES = 8, 1
_WHOLE_BPS = 10_000
# In amount, quoted out amount, slippage in basis points, platform fee in basis points; of the newer ones, the fee on
# what the swap brings beyond the quote.
_ARGUMENTS, _ARGUMENTS_V2 = struct.Struct("<QQHB"), struct.Struct("<QQHHH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A swap, exactly in, as the instruction says it. Accounts are base58."""

    name: str
    authority: str
    """Whose tokens are spent."""
    source: str
    destination: str
    """The token account that the program counts the proceeds in."""
    elsewhere: str | None
    """A further account that the proceeds go to, in place of *destination*."""
    source_mint: str | None
    """None where the instruction does not name it; the source account is of one mint anyway."""
    destination_mint: str
    amount_in: int
    quoted_out: int
    slippage: int
    """Basis points."""
    fees: int
    """Basis points that go to an integrator, of the proceeds or of what they are more than quoted."""

    @property
    def minimum_out(self) -> int:
        """The raw amount below which the program fails."""
        return least_out(self.quoted_out, self.slippage)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where an instruction has its accounts, by index, and its arguments."""

    name: str
    authority: int
    source: int
    destination: int
    elsewhere: int | None = None
    source_mint: int | None = None
    destination_mint: int
    declared: int
    """How many accounts come before those of the markets."""
    numbered: bool = False
    """Whether the arguments begin with the number of Jupiter's own account."""
    arguments_first: bool


_LAYOUTS = (
    _Layout(
        name="route",
        authority=1,
        source=2,
        destination=3,
        elsewhere=4,
        destination_mint=5,
        declared=9,
        arguments_first=False,
    ),
    _Layout(
        name="shared_accounts_route",
        authority=2,
        source=3,
        destination=6,
        source_mint=7,
        destination_mint=8,
        declared=13,
        numbered=True,
        arguments_first=False,
    ),
    _Layout(
        name="route_v2",
        authority=0,
        source=1,
        destination=2,
        source_mint=3,
        destination_mint=4,
        elsewhere=7,
        declared=10,
        arguments_first=True,
    ),
    _Layout(
        name="shared_accounts_route_v2",
        authority=1,
        source=2,
        destination=5,
        source_mint=6,
        destination_mint=7,
        declared=12,
        numbered=True,
        arguments_first=True,
    ),
)


def least_out(quoted: int, slippage: int) -> int:
    """Return the least of *quoted* that *slippage* basis points leave, rounded up as Jupiter rounds it."""
    return quoted - quoted * slippage // _WHOLE_BPS


def discriminator(name: str) -> bytes:
    """Return the first eight bytes of the data of Anchor's instruction *name*."""
    return hashlib.sha256(f"global:{name}".encode()).digest()[:_DISCRIMINATOR_BYTES]


_BY_DISCRIMINATOR = {discriminator(layout.name): layout for layout in _LAYOUTS}


def decode_route(program: str, accounts: Sequence[str], data: bytes) -> Route:
    """Return what an instruction of Jupiter's *program* with *accounts* and *data* swaps.

    Raises:
        ValueError: it is no swap that is exactly in, or is cut short. The message completes "the swap's instruction".
    """
    layout = _BY_DISCRIMINATOR.get(data[:_DISCRIMINATOR_BYTES])
    if layout is None:
        raise ValueError(f"is none of Jupiter's that is known here ({data[:_DISCRIMINATOR_BYTES].hex() or 'empty'})")
    if len(accounts) < layout.declared:
        raise ValueError(f"names {len(accounts)} accounts, {layout.name} needs {layout.declared}")
    amount_in, quoted_out, slippage, *fees = _arguments(layout, data)
    elsewhere = None if layout.elsewhere is None else accounts[layout.elsewhere]
    return Route(
        name=layout.name,
        authority=accounts[layout.authority],
        source=accounts[layout.source],
        destination=accounts[layout.destination],
        # Anchor writes the program's own address for an account that is left out.
        elsewhere=None if elsewhere == program else elsewhere,
        source_mint=None if layout.source_mint is None else accounts[layout.source_mint],
        destination_mint=accounts[layout.destination_mint],
        amount_in=amount_in,
        quoted_out=quoted_out,
        slippage=slippage,
        fees=max(fees),
    )


def _arguments(layout: _Layout, data: bytes) -> tuple[int, ...]:
    begin = _DISCRIMINATOR_BYTES + (_ID_BYTES if layout.numbered else 0)
    if layout.arguments_first:
        form, at = _ARGUMENTS_V2, begin
    else:
        form, at = _ARGUMENTS, end_of_plan(data, begin)
    if len(data) < at + form.size:
        raise ValueError(f"is cut short: {len(data)} bytes are too few for {layout.name}")
    return form.unpack_from(data, at)
