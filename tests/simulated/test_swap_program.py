"""The swap program as LiteSVM executes it."""

from __future__ import annotations

from typing import Any

import pytest
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from chain.jupiter.routes import decode_route, discriminator
from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.swap_program import MAX_U64, PROGRAM_ID, ROUTE_V2, Swap, price_account_data, swap
from tests.simulated.trading import Trading

PRICE_ACCOUNT = Pubkey.from_string("So11111111111111111111111111111111111111111")
PAID, SENT = 1_000, 5_000
FRACTIONS = [0, 1, 10**13, 2**63 - 1, 2**63, MAX_U64]


class Desk:
    """A taker who holds two tokens, and a maker who swaps one for the other."""

    def __init__(self, price: int = 100) -> None:
        self.trading = Trading()
        self.paid = self.trading.list_token(held=1).token
        self.received = self.trading.list_token(held=1, program=TOKEN_2022_PROGRAM_ID, decimals=9).token
        bank = self.trading.bank
        bank.set_account(PRICE_ACCOUNT, Account(bank.rent(8), price_account_data(price), PROGRAM_ID))
        self.before = self.held()

    def held(self) -> tuple[int, int]:
        """Return what the taker holds of either token."""
        return self.trading.held(self.paid), self.trading.held(self.received)

    def order(self, **changes: Any) -> Swap:
        """Return a swap out of a new vault."""
        taker, maker = self.trading.taker.pubkey(), self.trading.maker
        terms: dict[str, Any] = {
            "taker": taker,
            "source": self.paid.account_of(taker),
            "source_mint": self.paid.mint,
            "source_program": self.paid.program,
            "destination": self.received.account_of(taker),
            "destination_mint": self.received.mint,
            "destination_program": self.received.program,
            "maker": self.paid.account_of(maker.address),
            "vault": maker.open_vault(self.received, SENT, taker=taker, until=10**9),
            "price_account": PRICE_ACCOUNT,
            "amount_in": PAID,
            "quoted_out": SENT,
            "slippage": 100,
            "sent": SENT,
        }
        return Swap(**{**terms, **changes})

    def execute(self, *instructions: Instruction) -> ExecutedTransaction:
        """Execute *instructions* in one transaction and return what became of it."""
        (landed,) = self.trading.land(self.trading.assemble(instructions))
        return landed


def refused(price: int, *, lowest: int = 0, highest: int = MAX_U64) -> bool:
    """Return whether a swap with this band turns *price* down, with the one error that it knows."""
    desk = Desk(price)
    landed = desk.execute(swap(desk.order(lowest=lowest, highest=highest)))
    if landed.err is None:
        return False
    assert landed.err == {"InstructionError": [0, {"Custom": 6001}]}
    assert desk.held() == desk.before
    return True


def test_a_swap_moves_what_its_instruction_says() -> None:
    """The payment leaves and the proceeds come, of a token of either program."""
    desk = Desk()
    assert desk.execute(swap(desk.order())).err is None
    assert desk.held() == (desk.before[0] - PAID, desk.before[1] + SENT)


@pytest.mark.parametrize("price", FRACTIONS)
def test_a_price_at_the_minimum_passes(price: int) -> None:
    """The lowest price is inclusive, over the whole range of u64."""
    assert not refused(price, lowest=price)


@pytest.mark.parametrize("price", FRACTIONS[:-1])
def test_a_price_one_unit_below_the_minimum_fails_with_6001(price: int) -> None:
    """One unit is enough, and the comparison is unsigned; what was moved is taken back."""
    assert refused(price, lowest=price + 1)


@pytest.mark.parametrize("price", FRACTIONS)
def test_a_price_at_the_maximum_passes(price: int) -> None:
    """The highest price is inclusive, over the whole range of u64."""
    assert not refused(price, highest=price)


@pytest.mark.parametrize("price", FRACTIONS[1:])
def test_a_price_one_unit_above_the_maximum_fails_with_6001(price: int) -> None:
    """One unit is enough, and the comparison is unsigned; what was moved is taken back."""
    assert refused(price, highest=price - 1)


def test_the_log_names_the_error_as_jupiter_s_does() -> None:
    """Clients that read logs find custom program error 0x1771 of Jupiter's program."""
    desk = Desk(99)
    landed = desk.execute(swap(desk.order(lowest=100)))
    assert f"Program {PROGRAM_ID} failed: custom program error: 0x1771" in landed.logs


def test_a_taker_without_the_tokens_fails_as_the_token_program_says() -> None:
    """Its error 1, insufficient funds, comes out of the swap's instruction."""
    desk = Desk()
    landed = desk.execute(swap(desk.order(amount_in=desk.before[0] + 1)))
    assert landed.err == {"InstructionError": [0, {"Custom": 1}]}
    assert desk.held() == desk.before


def test_another_number_of_accounts_is_jupiter_s_6008() -> None:
    """The program knows its own instruction alone."""
    desk = Desk()
    whole = swap(desk.order())
    extra = [*whole.accounts, AccountMeta(PRICE_ACCOUNT, is_signer=False, is_writable=False)]
    landed = desk.execute(Instruction(PROGRAM_ID, bytes(whole.data), extra))
    assert landed.err == {"InstructionError": [0, {"Custom": 6008}]}


def test_the_instruction_reads_as_jupiter_s_route_v2() -> None:
    """What the inspection decodes is what was ordered."""
    order = Desk().order()
    written = swap(order)
    assert discriminator("route_v2") == ROUTE_V2
    accounts = [str(account.pubkey) for account in written.accounts]
    route = decode_route(str(PROGRAM_ID), accounts, bytes(written.data))
    assert (route.amount_in, route.quoted_out, route.slippage, route.fees) == (PAID, SENT, 100, 0)
    assert (route.source, route.destination) == (str(order.source), str(order.destination))
    assert (route.authority, route.elsewhere) == (str(order.taker), None)
