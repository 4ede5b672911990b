"""What a person must know of a mint's price: that there is none, that it stands still, that sources contradict."""

from __future__ import annotations

from enum import StrEnum

from engine.domain.alert import Alert, Severity
from engine.domain.price_guard import Guard
from engine.domain.units import AlertId, Mint, Nanos
from engine.domain.voices import Listening, at_odds, repeating


class PriceTrouble(StrEnum):
    """What can be wrong with a mint's price."""

    BLIND = "price_blind"
    FROZEN = "price_frozen"
    DISPUTED = "price_disputed"


_HEADINGS = {
    PriceTrouble.BLIND: (Severity.CRITICAL, "NO PRICE - stops are blind"),
    PriceTrouble.FROZEN: (Severity.HIGH, "A price stands still"),
    PriceTrouble.DISPUTED: (Severity.HIGH, "Price sources contradict each other"),
}


def troubles(guard: Guard, mint: Mint, watched_since: Nanos, at: Listening) -> dict[PriceTrouble, str]:
    """Return what is wrong with the price of *mint* at that moment, each in a sentence."""
    found: dict[PriceTrouble, str] = {}
    heard = max(watched_since, guard.good.observed_at) if guard.good is not None else watched_since
    if at.max_age is not None and at.now - heard > at.max_age:
        found[PriceTrouble.BLIND] = f"No usable price of {mint} for {_span(at.now - heard)}: its stop cannot fire."
    if names := repeating(guard.voices, at):
        longest = max(guard.voices[name].newest.observed_at - guard.voices[name].since for name in names)
        found[PriceTrouble.FROZEN] = (
            f"{_listed(names)} gave the very same price of {mint} for {_span(longest)}: it may be an old one, repeated."
        )
    if names := at_odds(guard.voices, at):
        said = ", ".join(f"{name} says {guard.voices[name].newest.price:g}" for name in names)
        found[PriceTrouble.DISPUTED] = f"The price of {mint} counts as {guard.level or 0:g} SOL, but {said}."
    return found


def price_alert(trouble: PriceTrouble, mint: Mint, message: str, alert_id: AlertId, now: Nanos) -> Alert:
    """Return the alert for *trouble* with the price of *mint*."""
    severity, title = _HEADINGS[trouble]
    return Alert(
        id=alert_id,
        alert_type=str(trouble),
        severity=severity,
        title=title,
        message=message,
        data={"token": mint},
        requires_action=trouble is PriceTrouble.BLIND,
        dedupe_key=price_alert_key(trouble, mint),
        raised_at=now,
        updated_at=now,
    )


def price_alert_key(trouble: PriceTrouble, mint: Mint) -> str:
    """Return what alerts of the same matter share."""
    return f"{trouble}_{mint}"


def _span(nanos: int) -> str:
    return f"{nanos / 1e9:.0f} s"


def _listed(names: list[str]) -> str:
    return " and ".join(names)
