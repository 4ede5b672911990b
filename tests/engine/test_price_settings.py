"""The settings of prices: their defaults are the domain's, and what does not fit together is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import load
from engine.domain.errors import BadInputError
from engine.domain.quality import DEFAULT_RULES, PriceRules
from engine.domain.units import seconds


def written(folder: Path, text: str) -> Path:
    """Return a file with a table of *text* on prices."""
    path = folder / "ripcord.toml"
    path.write_text(f"[prices]\n{text}\n", encoding="utf-8")
    return path


def test_without_a_file_prices_are_compared_by_the_rules_of_the_domain() -> None:
    """The defaults stand once; three polls missed are a silence."""
    assert load(None).prices.rules() == DEFAULT_RULES


def test_what_is_set_is_what_prices_are_compared_by(tmp_path: Path) -> None:
    """Each key sets its rule."""
    path = written(tmp_path, "deviation = 0.3\nsecond_look = 0.5\nfrozen_after = 12\npoll_interval = 2.0")
    assert load(path).prices.rules() == PriceRules(
        deviation=0.3, second_look=seconds(0.5), frozen_after=seconds(12), silent_after=seconds(6)
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("deviation", "0"),
        ("deviation", "1"),
        ("deviation", "50"),
        ("deviation", "nan"),
        ("second_look", "0"),
        ("frozen_after", "-1"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_key(tmp_path: Path, key: str, value: str) -> None:
    """A deviation is a share of a price, so that a percentage is noticed; a span is above zero."""
    with pytest.raises(BadInputError, match=f"prices.{key}: "):
        load(written(tmp_path, f"{key} = {value}"))


def test_a_second_look_must_be_over_before_the_price_is_too_old(tmp_path: Path) -> None:
    """A price that waits longer than its greatest age would be stale by the time that it counts."""
    with pytest.raises(BadInputError, match="prices: second_look must not be above max_age"):
        load(written(tmp_path, "second_look = 3\nmax_age = 2"))
    assert load(written(tmp_path, "second_look = 2\nmax_age = 2")).prices.second_look == 2
