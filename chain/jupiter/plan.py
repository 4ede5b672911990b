"""How long the plan of a route is, which Jupiter's older instructions have in front of their amounts.

The program reads its arguments from the front and takes no notice of what follows them. Whoever read them from the end
could be shown other amounts than the ones that count, so the plan is walked step by step. A step is a market, by its
number and a few bytes of its own, and three bytes for share, input and output. The numbers are those of the enum
``Swap`` in the IDL of Jupiter v6 as of late 2025; it grows at its end.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_COUNT_BYTES, _STEP_BYTES, _SLICE_BYTES = 4, 3, 2
_KNOWN_MARKETS = 109
_OWN_BYTES: Final = MappingProxyType(
    {
        **dict.fromkeys((8, 12, 15, 16, 17, 18, 21, 23, 24, 27, 28, 39, 58, 60, 61, 64, 85, 89), 1),
        **dict.fromkeys((94, 95, 104, 106, 107), 1),
        29: 16,  # Symmetry: two u64
        33: 4,
        41: 4,
        42: 3,
        43: 10,  # Sanctum: two u8, two u32
        44: 5,
        45: 5,
        47: 1,
        71: 2,
        81: 8,
        82: 8,
        86: 2,
        87: 9,  # HumidiFi: u64, bool
        103: 1,
    }
)
"""How many bytes follow the number of a market; none for those that are not here."""
_SLICES: Final = MappingProxyType({47: True, 75: False, 103: True})
"""Markets that list further accounts, and whether a flag says first that they do: Whirlpool, Meteora DLMM, DefiTuna."""


def end_of_plan(data: bytes, begin: int) -> int:
    """Return where the plan that begins at *begin* of *data* ends.

    Raises:
        ValueError: it is cut short, or goes through a market that is not known here.
    """
    steps = int.from_bytes(data[begin : begin + _COUNT_BYTES], "little")
    at = begin + _COUNT_BYTES
    for _ in range(steps):
        market = _byte(data, at)
        if market >= _KNOWN_MARKETS:
            raise ValueError(f"goes through market {market}, which is not known here: its amounts cannot be read")
        at += 1 + _OWN_BYTES.get(market, 0)
        if market in _SLICES:
            listed = True
            if _SLICES[market]:
                listed = bool(_byte(data, at))
                at += 1
            if listed:
                at += _COUNT_BYTES + _SLICE_BYTES * int.from_bytes(data[at : at + _COUNT_BYTES], "little")
        at += _STEP_BYTES
    return at


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError(f"is cut short: its plan goes beyond its {len(data)} bytes")
    return data[at]
