"""Taking tokens under guard that the wallet holds already."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from engine.domain.entries import adopted
from engine.domain.errors import BadInputError, PriceUnavailableError
from engine.domain.order import OrderKind
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.swap import TokenInfo
from engine.domain.units import Mint, PositionId, RawAmount
from engine.ports import Chain, Clock, Ids, PriceSource, Store

ALL, AUTO = "all", "auto"
COLUMNS = ("mint", "amount", "entry_price", "plan", "symbol")
"""Of an import file. All but the first may be left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A guard, as a person asks for it."""

    mint: str
    plan: ExitPlan
    amount: Decimal | RawAmount | None = None
    """Whole tokens, or an int of raw units; None for all that is not guarded yet."""
    entry_price: Decimal | None = None
    """SOL per whole token; None for the price of the moment."""
    symbol: str | None = None


class Desk:
    """Takes tokens of one wallet under guard.

    Args:
        chain: of the wallet.
        store: knows what is guarded already.
        sources: of the price of the moment, the preferred one first.
        clock: dates the positions.
        ids: name them.
    """

    def __init__(self, chain: Chain, store: Store, sources: Sequence[PriceSource], *, clock: Clock, ids: Ids) -> None:
        self._chain = chain
        self._store = store
        self._sources = sources
        self._clock = clock
        self._ids = ids

    def position(self, wanted: Wanted, *, beside: Sequence[Position] = ()) -> Position:
        """Return the position that *wanted* asks for; it is not stored yet.

        Args:
            wanted: what is asked for.
            beside: positions that are to be taken under guard together with it.

        Raises:
            BadInputError: there is no such token, it cannot be sold, more of it is being bought, the wallet has not
                that much of it left to guard, or there is no price.
            ChainUnavailableError: the chain cannot be read.
        """
        mint = Mint(wanted.mint)
        token = self._token(mint)
        self._check_entries(mint)
        guarded = [*self._store.positions(open_only=True, mint=mint), *(each for each in beside if each.mint == mint)]
        left = RawAmount(max(0, self._chain.token_balance(mint) - sum(each.remaining_tokens for each in guarded)))
        return adopted(
            token,
            wanted.symbol or mint[:6],
            left if wanted.amount is None else _raw(wanted.amount, token.decimals),
            self._price(mint) if wanted.entry_price is None else wanted.entry_price,
            wanted.plan,
            position_id=PositionId(self._ids.new("pos")),
            held=left,
            now=self._clock.now(),
        )

    def _check_entries(self, mint: Mint) -> None:
        """Make sure that no purchase is under way whose tokens may be in the wallet, and in no position yet."""
        for order in self._store.orders(unfinished_only=True):
            if order.kind is OrderKind.ENTRY and order.mint == mint:
                raise BadInputError(
                    f"{order.symbol} is being bought (order {order.id}): wait until that has ended, since what it "
                    "brings is guarded by itself",
                    field="mint",
                )

    def _token(self, mint: Mint) -> TokenInfo:
        try:
            return self._chain.token(mint)
        except BadInputError as error:
            raise BadInputError(str(error), field="mint") from None

    def warnings(self, mint: Mint) -> tuple[str, ...]:
        """Return what whoever holds *mint* should know, a sentence each."""
        return self._chain.token(mint).warnings

    def _price(self, mint: Mint) -> Decimal:
        reasons = []
        for source in self._sources:
            try:
                ticks = source.fetch([mint])
            except PriceUnavailableError as error:
                reasons.append(str(error))
                continue
            if ticks:
                return Decimal(repr(ticks[0].price))
        why = f" ({'; '.join(reasons)})" if reasons else ""
        raise BadInputError(f"there is no price of {mint}{why}: give the one that was paid", field="entry_price")


def read_import(file: Path, *, plan: ExitPlan, plan_named: Callable[[str], ExitPlan]) -> list[tuple[int, Wanted]]:
    """Return what a CSV *file* asks for, each with its line.

    Its first line names the columns: `mint`, and any of `amount`, `entry_price`, `plan` and `symbol`. A cell that is
    empty stands for its default, of the plan *plan*.

    Raises:
        BadInputError: it cannot be read, or has faults: all are named, with their lines.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            names = [name.strip() for name in reader.fieldnames or ()]
            rows = [(reader.line_num, dict(zip(names, row.values(), strict=False))) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{file} cannot be read: {error}") from None
    if "mint" not in names or set(names) - set(COLUMNS):
        raise BadInputError(f"{file}, line 1: the columns are {', '.join(COLUMNS)}, of which mint must be there")
    wanted, faults = [], []
    for line, row in rows:
        try:
            wanted.append((line, _wanted(row, plan, plan_named)))
        except BadInputError as error:
            faults.append(f"{file}, line {line}: {error}")
    if not rows:
        faults.append(f"{file} has no line beside its first")
    if faults:
        raise BadInputError("\n".join(faults))
    return wanted


def positions_of(desk: Desk, file: Path, wanted: Sequence[tuple[int, Wanted]]) -> list[Position]:
    """Return the positions of an import, all or none; nothing is stored yet.

    Raises:
        BadInputError: some make no sense: all of these are named, with their lines.
        ChainUnavailableError: the chain cannot be read.
    """
    positions, faults = _together(desk, [each for _, each in wanted])
    if faults:
        raise BadInputError("\n".join(f"{file}, line {wanted[at][0]}: {error}" for at, error in faults))
    return positions


def taken_together(desk: Desk, tokens: Sequence[Wanted]) -> list[Position]:
    """Return the positions that *tokens* ask for, all or none; nothing is stored yet.

    Raises:
        BadInputError: some make no sense: all of these are named as `tokens.`, their index and the field.
        ChainUnavailableError: the chain cannot be read.
    """
    positions, faults = _together(desk, tokens)
    if faults:
        raise BadInputError("; ".join(f"tokens.{at}.{error.field or 'mint'}: {error}" for at, error in faults))
    return positions


def _together(desk: Desk, wanted: Sequence[Wanted]) -> tuple[list[Position], list[tuple[int, BadInputError]]]:
    """Return the positions of *wanted*, each with those before it in mind, and what is wrong, each with its index."""
    positions: list[Position] = []
    faults: list[tuple[int, BadInputError]] = []
    for at, each in enumerate(wanted):
        try:
            positions.append(desk.position(each, beside=positions))
        except BadInputError as error:
            faults.append((at, error))
    return positions, faults


def _wanted(row: Mapping[str, str | None], plan: ExitPlan, plan_named: Callable[[str], ExitPlan]) -> Wanted:
    cells = dict(_cells(row))
    if "mint" not in cells:
        raise BadInputError("there is no mint")
    return Wanted(
        mint=cells["mint"],
        plan=plan_named(cells["plan"]) if "plan" in cells else plan,
        amount=number_or(ALL, "amount", cells.get("amount", ALL)),
        entry_price=number_or(AUTO, "entry_price", cells.get("entry_price", AUTO)),
        symbol=cells.get("symbol"),
    )


def _cells(row: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if value is not None and value.strip():
            yield name, value.strip()


def number_or(word: str, what: str, text: str) -> Decimal | None:
    """Return the number above 0 that *text* gives for *what*; None where it is *word*.

    Raises:
        BadInputError: it is neither.
    """
    if text == word:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not (number.is_finite() and number > 0):
        raise BadInputError(f"{what} is {text!r}: give a number above 0, or {word}")
    return number


def _raw(amount: Decimal | RawAmount, decimals: int) -> RawAmount:
    if isinstance(amount, int):
        return amount
    scaled = amount.scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise BadInputError(
            f"an amount of {amount:f} has more decimals than the token, which has {decimals}", field="amount"
        )
    return RawAmount(int(scaled))
