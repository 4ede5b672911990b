"""Data out: every figure exact, gains as the positions book them, and text that no spreadsheet carries out."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import BadInputError
from engine.domain.guarding import RaiseExit, exit_filled, exit_order
from engine.domain.order import Order, OrderKind, OrderStatus, reclaim_order
from engine.domain.position import Position, exit_amount
from engine.domain.retry import RetryPolicies
from engine.domain.swap import Fill
from engine.domain.units import Lamports, Nanos, OrderId, RawAmount, Signature, seconds, sol
from engine.domain.urgency import ExitReason
from engine.export.fills import FillRow, fill_rows
from engine.export.formats import Row, Sheet, as_csv, as_json, columns
from engine.export.orders import OrderRow, order_rows
from engine.export.period import Period
from engine.export.positions import PositionRow, position_rows
from tests.docs.pages import ROOT
from tests.factories import NOW, a_fill, a_position, an_entry, an_exit, in_flight

WALLET = "7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2"
POLICIES = RetryPolicies()


def sold(position: Position, pct: Decimal, brought: int, short: int, number: int) -> tuple[Position, Order, Fill]:
    """Sell *pct* percent of what remains, *short* raw units less than ordered, for *brought* lamports."""
    now = Nanos(NOW + seconds(number))
    amount = exit_amount(position.remaining_tokens, pct)
    action = RaiseExit(reason=ExitReason.MANUAL, sell_pct=pct, amount=amount)
    position, order = exit_order(position, action, OrderId(f"exit-{number}"), POLICIES, now)
    order = in_flight(order)
    tokens = -max(1, amount - short)
    fill = a_fill(order, tokens=tokens, sol=brought, slot=number, time=now)
    position, order, _ = exit_filled(position, order, fill, now)
    return position, order, fill


@given(
    tokens=st.integers(1, 10**19),
    cost=st.integers(1, 10**15),
    decimals=st.integers(0, 9),
    sales=st.lists(
        st.tuples(st.integers(10, 100), st.integers(0, 10**15), st.sampled_from([0, 0, 1, 10**6])),
        min_size=1,
        max_size=6,
    ),
)
def test_the_gains_of_a_positions_sales_are_what_it_realized(
    tokens: int, cost: int, decimals: int, sales: list[tuple[int, int, int]]
) -> None:
    """Each as it was booked, to the lamport: parts, leftovers, dust, and tokens that the wallet did not have."""
    position = a_position(
        decimals=decimals, entry_amount_tokens=RawAmount(tokens), entry_amount_sol=Lamports(cost), entry_order_id=None
    )
    orders, fills, booked = [], [], []
    for number, (pct, brought, short) in enumerate(sales):
        if position.closed or not exit_amount(position.remaining_tokens, Decimal(pct)):
            break
        before = position.realized_pnl
        position, order, fill = sold(position, Decimal(pct), brought, short, number)
        orders.append(order)
        fills.append(fill)
        booked.append(sol(position.realized_pnl - before))
    rows = fill_rows([position], orders[::-1], fills[::-1], wallet=WALLET)
    assert [row.realized_gain for row in rows] == booked
    assert all(row.sol == (row.cost_basis or 0) + (row.realized_gain or 0) for row in rows)
    assert sum(row.realized_gain or 0 for row in rows) == sol(position.realized_pnl)


def everything() -> tuple[Position, list[Order], list[Fill]]:
    """Return a position that was bought, half sold after an attempt that failed, and whose rent came back."""
    position = a_position()
    entry = replace(an_entry(), status=OrderStatus.FILLED, tx_signature=Signature("buy"), filled_at=NOW)
    bought = a_fill(
        entry, signature=Signature("buy"), tokens=1_000_000_000, sol=-100 * 10**9, fee=25_000, rent=2_039_280, time=NOW
    )
    position, order, fill = sold(position, Decimal(50), 60 * 10**9, 0, 2)
    failed = a_fill(order, signature=Signature("failed"), tokens=0, sol=0, time=Nanos(NOW + seconds(1)))
    reclaim = reclaim_order(OrderId("reclaim-1"), 3, Nanos(NOW + seconds(3)))
    back = a_fill(
        reclaim, signature=Signature("back"), tokens=0, sol=0, fee=5_000, rent=-890_880, time=Nanos(NOW + seconds(3))
    )
    return position, [reclaim, order, entry], [back, fill, failed, bought]


def test_every_transaction_is_a_row_with_what_it_moved() -> None:
    """Purchase, failed attempt, sale and rent, oldest first; the changes of the wallet add up."""
    position, orders, fills = everything()
    rows = fill_rows([position], orders, fills, wallet=WALLET)
    assert [(row.kind, row.wallet_change) for row in rows] == [
        ("buy", Decimal("-100.002064280")),
        ("fee", Decimal("-0.000025")),
        ("sell", Decimal("59.999975")),
        ("rent", Decimal("0.000885880")),
    ]
    assert sum(row.wallet_change for row in rows) == sol(sum(fill.sol - fill.fee - fill.rent for fill in fills))
    sale = rows[2]
    assert (sale.tokens, sale.price) == (Decimal(-500), Decimal("0.12"))
    assert (sale.cost_basis, sale.realized_gain, sale.exit_reason) == (Decimal(50), Decimal(10), "manual")
    assert [(row.cost_basis, row.realized_gain) for row in (rows[0], rows[1], rows[3])] == [(None, None)] * 3
    assert [row.position_id for row in rows] == ["position-1", "position-1", "position-1", None]
    assert {row.wallet for row in rows} == {WALLET}
    assert rows[0].time == "2025-06-15T15:06:40.000000000Z"


def test_a_sale_that_landed_beside_the_booked_one_has_no_gain() -> None:
    """What it moved is a row; what its position made of it is a person's to say."""
    position, orders, fills = everything()
    second = a_fill(orders[1], signature=Signature("second"), tokens=-1, sol=1)
    rows = fill_rows([position], orders, [*fills, second], wallet=None)
    (row,) = [row for row in rows if row.signature == "second"]
    assert (row.kind, row.cost_basis, row.realized_gain, row.wallet) == ("sell", None, None, None)
    assert sum(row.realized_gain or 0 for row in rows) == sol(position.realized_pnl)


@pytest.mark.parametrize(
    ("first", "last", "kinds"),
    [
        (None, None, 4),
        (date(2025, 6, 15), date(2025, 6, 15), 4),
        (date(2025, 6, 16), None, 0),
        (None, date(2025, 6, 14), 0),
    ],
)
def test_a_period_has_both_of_its_days(first: date | None, last: date | None, kinds: int) -> None:
    """In UTC."""
    position, orders, fills = everything()
    assert len(fill_rows([position], orders, fills, wallet=None, period=Period(first=first, last=last))) == kinds


def test_a_period_does_not_change_what_a_sale_cost() -> None:
    """Sales before it count: the second sale of a position has the second part of the cost."""
    position = a_position(entry_amount_tokens=RawAmount(3), entry_amount_sol=Lamports(10), decimals=0)
    position, order, fill = sold(position, Decimal(34), 5, 0, 1)
    position, later, last = sold(position, Decimal(100), 5, 0, 86_400)
    (row,) = fill_rows([position], [order, later], [fill, last], wallet=None, period=Period(first=date(2025, 6, 16)))
    assert row.cost_basis == sol(7)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    """With both days."""
    with pytest.raises(BadInputError, match="--to 2025-01-01 is before --from 2025-01-02"):
        Period(first=date(2025, 1, 2), last=date(2025, 1, 1))


# Formats ---------------------------------------------------------------------------------------------------


def parsed(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("symbol", "cell"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\t'=1"),
        ("\r\n=1", "\r\n'=1"),
        ("  =1", "  '=1"),
        ("＝1", "'＝1"),  # noqa: RUF001
        ("X;=1", "X;'=1"),
        ('X",=1', "X\",'=1"),
        ("X=1", "X=1"),
        ("A-B", "A-B"),
        ('a,"b"\r\nc', 'a,"b"\r\nc'),
        ("ＢＯＮＫ ✓", "ＢＯＮＫ ✓"),  # noqa: RUF001
    ],
)
def test_no_symbol_is_a_formula(symbol: str, cell: str) -> None:
    """An apostrophe stands before whatever a spreadsheet would carry out; all else comes back as it was."""
    orders = [an_exit(symbol=symbol, last_error=symbol)]
    (row,) = parsed(as_csv(Sheet(OrderRow, order_rows(orders))))
    assert (row["symbol"], row["error"]) == (cell, cell)
    (found,) = json.loads(as_json(Sheet(OrderRow, order_rows(orders))))
    assert found["symbol"] == symbol


def sheets() -> list[Sheet]:
    """Return a sheet of each kind, with rows."""
    position, orders, fills = everything()
    return [
        Sheet(FillRow, fill_rows([position], orders, fills, wallet=WALLET)),
        Sheet(OrderRow, order_rows(orders)),
        Sheet(PositionRow, position_rows([position])),
    ]


@pytest.mark.parametrize("number", range(3))
def test_csv_and_json_say_the_same_in_exact_figures(number: int) -> None:
    """The same names and values; a decimal is its digits, without an exponent, and nothing is a float."""
    sheet = sheets()[number]
    text = as_csv(sheet)
    assert text.splitlines()[0] == ",".join(columns(sheet.kind))
    assert text.count("\n") == text.count("\r\n") == len(sheet.rows) + 1
    objects = json.loads(as_json(sheet), parse_float=pytest.fail)
    assert len(objects) == len(sheet.rows) > 0
    for found, row, cells in zip(objects, sheet.rows, parsed(text), strict=True):
        assert list(found) == list(columns(sheet.kind)) == list(cells)
        for name, value in found.items():
            plain = "" if value is None else value if isinstance(value, str) else json.dumps(value)
            assert cells[name] == plain
            held = getattr(row, name)
            if isinstance(held, Decimal):
                assert Decimal(value) == held
                assert "E" not in value


def test_negative_amounts_stay_numbers() -> None:
    """The guard against formulas is for text: a spreadsheet must be able to add amounts up."""
    sold_row = next(row for row in parsed(as_csv(sheets()[0])) if row["kind"] == "sell")
    assert sold_row["tokens"] == "-500.000000"


@pytest.mark.parametrize("kind", [FillRow, OrderRow, PositionRow])
def test_without_rows_there_is_a_header(kind: type[Row]) -> None:
    """And in JSON an empty list."""
    assert as_csv(Sheet(kind, [])) == ",".join(columns(kind)) + "\r\n"
    assert json.loads(as_json(Sheet(kind, []))) == []


@pytest.mark.parametrize(("kind", "heading"), [(FillRow, "Fills"), (OrderRow, "Orders"), (PositionRow, "Positions")])
def test_every_column_is_documented(kind: type[Row], heading: str) -> None:
    """The tables of docs/data.md have the columns of the export, in its order."""
    section = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").split(f"### {heading}\n")[1].split("\n#")[0]
    named = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert [name.strip(" `") for cell in named for name in cell.split(",")] == list(columns(kind))


def test_orders_and_positions_come_oldest_first() -> None:
    """Whatever the order in which they are found; those of one moment by their names."""
    later = Nanos(NOW + 1)
    orders = [an_exit(id=OrderId("c"), created_at=later), an_exit(id=OrderId("b")), an_exit(id=OrderId("a"))]
    assert [row.order_id for row in order_rows(orders)] == ["a", "b", "c"]
    positions = [a_position(id=OrderId("q"), opened_at=later), a_position(id=OrderId("p"))]
    assert [row.position_id for row in position_rows(positions)] == ["p", "q"]


def test_a_position_says_what_it_made() -> None:
    """Before and after network fees, with what is left of it."""
    position, orders, _ = everything()
    (row,) = position_rows([position])
    assert (row.entry_tokens, row.entry_sol, row.entry_price) == (Decimal(1000), Decimal(100), Decimal("0.1"))
    assert (row.sold_tokens, row.remaining_tokens, row.realized_gain) == (Decimal(500), Decimal(500), Decimal(10))
    assert row.net_gain == row.realized_gain - row.network_fees
    assert {order.kind for order in orders} == set(OrderKind)
