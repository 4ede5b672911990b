"""What the API answers, for the views of the console."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

START = datetime(2026, 5, 28, 20, 0, tzinfo=UTC)
NOW = int(START.timestamp()) * 10**9
SIGNATURE = "62rZY7oRYxntAShJtwABGfoKW967ogfAsJMxUz1zFM3QtSVuvYEoS3mW6Ctvu8ftGQPnDCTK4JNmAknsMNWQ2dP8"
HOSTILE = "<script>alert(1)</script>\"'&"
"""A name that somebody else chose."""


def at(after: float) -> str:
    """Return RFC 3339 of so many seconds after the start."""
    return f"{START + timedelta(seconds=after):%Y-%m-%dT%H:%M:%S.%f}000Z"


def candles(prices: Sequence[float], *, apart: float = 10) -> list[dict[str, Any]]:
    """Return a candle for each price, a thousandth wide."""
    return [
        {"at": at(n * apart), "low": price * 0.999, "high": price * 1.001, "close": price}
        for n, price in enumerate(prices)
    ]


def levels(entry: float, **changed: Any) -> dict[str, Any]:
    """Return the levels of a plan that stops at -10 % and takes profit at +10 % and +20 %."""
    targets = [
        {"price": entry * 1.1, "sell_pct": "50", "taken": False},
        {"price": entry * 1.2, "sell_pct": "100", "taken": False},
    ]
    return {"entry": entry, "stop": entry * 0.9, "trailing_stop": None, "targets": targets, **changed}


def an_order(**changed: Any) -> dict[str, Any]:
    """Return an exit that failed for good."""
    return {
        "id": "exit-1",
        "kind": "exit",
        "position_id": "pos-1",
        "mint": "9TPdTbR7WsLqbfAkRdWPyoJApWdBZAFeSpwNLFSXaf7v",
        "symbol": "WEN",
        "decimals": 5,
        "amount_tokens": "598802395209",
        "amount_sol": "0",
        "exit_reason": "take_profit_1",
        "sell_pct": "60",
        "urgency": 30,
        "expected_price": "0.000000488",
        "actual_price": None,
        "slippage_bps": None,
        "max_slippage_bps": 1000,
        "priority_fee": "160000",
        "status": "cancelled",
        "attempt_count": 3,
        "max_attempts": 3,
        "next_retry_at": None,
        "last_error": "no route found",
        "last_error_kind": "no_route",
        "fees": "155000",
        "tx_signature": SIGNATURE,
        "retry_of": None,
        "marker_rent": "0",
        "reclaimed_by": None,
        "created_at": at(0),
        "updated_at": at(20),
        "filled_at": None,
        **changed,
    }


def an_attempt(number: int, status: str, **changed: Any) -> dict[str, Any]:
    """Return an attempt, with a signature of its own."""
    return {
        "signature": f"{number}{SIGNATURE[1:]}",
        "number": number,
        "status": status,
        "slippage_bps": 150,
        "priority_fee": "20000",
        "quoted_out": "2917892420",
        "minimum_out": "2874124034",
        "venue": "jupiter v2 at 127.0.0.1",
        "last_valid_block_height": 15080,
        "failure": None,
        "created_at": at(1),
        "updated_at": at(2),
        **changed,
    }


def an_event(after: float, status: str, **changed: Any) -> dict[str, Any]:
    """Return a line of an order's history."""
    return {
        "at": at(after),
        "status": status,
        "attempt": 1,
        "note": "",
        "error": "",
        "signature": None,
        "slippage_bps": 150,
        "priority_fee": "20000",
        "next_retry_at": None,
        **changed,
    }


def an_alert(**changed: Any) -> dict[str, Any]:
    """Return a critical alert about an exit."""
    return {
        "id": "alert-1",
        "alert_type": "exit_failed_critical",
        "severity": "critical",
        "title": "EXIT FAILED",
        "message": "Exit order exit-1 for position pos-1 failed after 3 attempts.",
        "data": {"order_id": "exit-1", "position_id": "pos-1"},
        "requires_action": True,
        "position_id": "pos-1",
        "status": "active",
        "count": 1,
        "raised_at": at(0),
        "updated_at": at(0),
        "resolved_at": None,
        **changed,
    }


class Page(HTMLParser):
    """What stands in markup: its elements with their attributes, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.reverse()
            self._open.remove(tag)
            self._open.reverse()

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data + " "

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every *tag*."""
        return [attributes for name, attributes in self.elements if name == tag]

    def of_class(self, name: str) -> list[dict[str, str]]:
        """Return the attributes of every element of a class."""
        return [attributes for _, attributes in self.elements if name in attributes.get("class", "").split()]
