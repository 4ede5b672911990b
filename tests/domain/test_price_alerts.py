"""What a person is told of a mint's price."""

from __future__ import annotations

from dataclasses import replace

from engine.domain.alert import Severity
from engine.domain.price_alerts import PriceTrouble, price_alert, troubles
from engine.domain.price_guard import Guard
from engine.domain.units import AlertId, Nanos, seconds
from tests.domain.price_tape import FALLBACK, Tape
from tests.factories import MINT, NOW

MAX_AGE = seconds(10)


def found(tape: Tape, *, after: float) -> dict[PriceTrouble, str]:
    """Return what is wrong *after* so many seconds, of a mint that is watched from the beginning on."""
    at = replace(tape.at(), now=Nanos(NOW + seconds(after)))
    return troubles(tape.guard, MINT, NOW, at)


def test_a_price_that_moves_is_no_trouble() -> None:
    """Nothing is said of a mint whose price comes and changes."""
    tape = Tape(max_age=MAX_AGE).play((second, 1 + second / 1000) for second in range(60))
    assert found(tape, after=60) == {}


def test_silence_beyond_the_limit_is_named_with_its_length() -> None:
    """A mint is blind from the last price that counts on, or from when it was first watched; never in a recording."""
    tape = Tape(max_age=MAX_AGE).play([(2, 1.0)])
    assert found(tape, after=12) == {}
    message = found(tape, after=13)[PriceTrouble.BLIND]
    assert message == f"No usable price of {MINT} for 11 s: its stop cannot fire."
    assert PriceTrouble.BLIND in found(Tape(max_age=MAX_AGE), after=11)
    assert found(Tape(), after=1000) == {}


def test_a_price_that_stands_still_is_named_with_its_source() -> None:
    """A lone source that says the very same for longer than the limit."""
    tape = Tape(max_age=MAX_AGE).play((second, 1.0) for second in range(33))
    assert found(tape, after=32) == {
        PriceTrouble.FROZEN: f"primary gave the very same price of {MINT} for 32 s: it may be an old one, repeated."
    }


def test_sources_at_odds_are_named_with_what_they_say() -> None:
    """The price that counts, and the one of the source that was overruled."""
    tape = Tape(max_age=MAX_AGE)
    for second in range(8):
        tape.play([(second, 1.0 + second / 100), (second + 0.5, 0.4 if second else 1.0, FALLBACK)])
    assert found(tape, after=8) == {
        PriceTrouble.DISPUTED: f"The price of {MINT} counts as 1.07 SOL, but fallback says 0.4."
    }


def test_only_a_blind_stop_asks_a_person_to_act() -> None:
    """It is critical; the other troubles are told of."""
    alerts = {t: price_alert(t, MINT, "words", AlertId("a"), NOW) for t in PriceTrouble}
    assert {t for t, alert in alerts.items() if alert.requires_action} == {PriceTrouble.BLIND}
    assert [alerts[t].severity for t in PriceTrouble] == [Severity.CRITICAL, Severity.HIGH, Severity.HIGH]
    assert len({alert.dedupe_key for alert in alerts.values()}) == 3


def test_a_mint_without_any_price_has_its_own_trouble_alone() -> None:
    """Nothing was heard: blind, and neither frozen nor disputed."""
    at = replace(Tape(max_age=MAX_AGE).at(), now=Nanos(NOW + seconds(60)))
    assert set(troubles(Guard(), MINT, NOW, at)) == {PriceTrouble.BLIND}
