"""Whether the market confirms the price that fired an exit, before much is sold on it.

What fires an exit is the price of a source: a last trade, or reserves that may still be rolled back. What the exit
brings is what the venue quotes for its whole amount. Where the two contradict each other, one is wrong:

| exit     | contradicted where the quote pays                      | and then                                        |
|----------|--------------------------------------------------------|-------------------------------------------------|
| a stop   | more than the stop's level by more than the tolerance  | it is refused once, and again within a short    |
|          |                                                        | span; after that it is carried out all the same |
| a target | less than the target's level by more than the          | it is refused, and tried again by its own rules |
|          | tolerance                                              | until it is confirmed or given up               |

So a false spike never sells below its target, and a false dip sells nothing before a second look. A stop is carried
out in the end because nobody can tell for certain which of the two is wrong, and a crash must not be waited out: where
the quote was right, the sale brings what it said, far above the stop; where it was not, the chain refuses the sale and
the next attempt asks anew. A quote that agrees, or pays even less than a stop's level, confirms the stop at once.

Time limit, stagnation and a person's orders rest on no price, and need no confirmation.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.exits import stop_price, target_price, trailing_price
from engine.domain.order import Order, OrderKind
from engine.domain.position import Position
from engine.domain.quality import DEFAULT_RULES
from engine.domain.swap import Quote
from engine.domain.units import LAMPORTS_PER_SOL, Lamports, Nanos, price_of, sol, whole
from engine.domain.urgency import TAKE_PROFITS, ExitReason

UNCONFIRMED = "unconfirmed"
"""Code of a `SwapError` that says that the market does not confirm the price that fired the exit."""
_WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRules:
    """Which exits need the market's confirmation, and for how long a stop waits for it."""

    above: Lamports
    """Exits that are worth more than this need it."""
    stop_waits: Nanos = DEFAULT_RULES.second_look
    """How long from its order on a stop may be refused more than once."""


def contradiction(order: Order, position: Position, quote: Quote, rules: ConfirmationRules, now: Nanos) -> str | None:
    """Return how *quote* contradicts the price that fired *order*, in a sentence; None where it may be carried out.

    Args:
        order: the exit, with the attempt that is being made counted.
        position: what it leaves, as it stood when the exit was raised.
        quote: what the venue pays for the whole of it.
        rules: which exits are looked at.
        now: the engine's time.
    """
    level = _level(order, position)
    if level is None or quote.request.amount <= 0 or _worth(order, quote) <= rules.above:
        return None
    executable = price_of(quote.expected_out, quote.request.amount, order.decimals)
    tolerance = Decimal(order.max_slippage_bps) / _WHOLE_BPS
    if order.exit_reason in TAKE_PROFITS:
        contradicted = executable < level * (1 - tolerance)
    else:
        waits = order.attempt_count <= 1 or now - order.created_at < rules.stop_waits
        contradicted = waits and executable > level * (1 + tolerance)
    if not contradicted:
        return None
    return (
        f"the market does not confirm the price that fired the exit: {order.exit_reason} is at {level:g} SOL, "
        f"and the quote for all of it pays {executable:g}"
    )


def _level(order: Order, position: Position) -> Decimal | None:
    """Return the price, in SOL per whole token, that fires the rule behind *order*; None where no price does."""
    reason, entry, plan = order.exit_reason, position.entry_price, position.plan
    if order.kind is not OrderKind.EXIT or order.retry_of is not None or reason is None:
        return None
    if reason in TAKE_PROFITS:
        return Decimal(repr(target_price(entry, plan, TAKE_PROFITS.index(reason))))
    if reason is ExitReason.STOP_LOSS:
        return Decimal(repr(stop_price(entry, plan)))
    if reason is ExitReason.TRAILING_STOP:
        trailing = trailing_price(entry, plan, position.peak_price)
        return None if trailing is None else Decimal(repr(trailing))
    return None


def _worth(order: Order, quote: Quote) -> Lamports:
    """Return what the exit is worth, by the quote or by the price that fired it, whichever says more."""
    expected = (order.expected_price or 0) * whole(quote.request.amount, order.decimals)
    return Lamports(int(max(expected, sol(quote.expected_out)) * LAMPORTS_PER_SOL))
