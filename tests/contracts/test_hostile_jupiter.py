"""A Jupiter whose answers were tampered with: our own clients meet it, and nothing of it is ever signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    AssignParams,
    TransferParams,
    advance_nonce_account,
    assign,
    transfer,
)
from spl.token import instructions as spl
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from chain.jupiter.build import jupiter_http
from chain.jupiter.routes import discriminator
from chain.jupiter.sdk import JupiterSdk
from chain.jupiter.venue import JupiterVenue, jupiter_venue
from chain.keys.wallet import Wallet
from chain.node.rpc import RpcClient
from chain.programs import ADDRESS_LOOKUP_TABLE, COMPUTE_BUDGET, JUPITER
from chain.simulated.faults.call import Call, Fault, Reply, Serve
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.tokens import WRAPPED_SOL, Token
from chain.simulated.world import World
from chain.transactions.assembly import decode_transaction
from chain.transactions.inspection import inspect
from chain.transactions.marker import create_marker
from chain.transactions.rules import NOT_AS_ORDERED, Ordered, Terms
from engine.clock import ManualClock
from engine.domain.errors import FailureKind, SwapError
from engine.domain.swap import PreparedSwap, Side, SignedSwap, SwapRequest
from engine.domain.units import LAMPORTS_PER_SOL, SOL_MINT, BasisPoints, Lamports, Mint
from engine.ports import Signer

FEE = Lamports(20_000)
AMOUNT = 1_000_000
SPENT = LAMPORTS_PER_SOL
THIEF = Keypair.from_seed(bytes([66] * 32)).pubkey()
TABLE = Keypair.from_seed(bytes([67] * 32)).pubkey()
BUILD, SWAP_INSTRUCTIONS, SWAP = "/swap/v2/build", "/swap/v1/swap-instructions", "/swap/v1/swap"

Answer = dict[str, Any]


class Tampering(Fault):
    """Changes what Jupiter answers to a request for a transaction."""

    def __init__(self) -> None:
        self.change: Callable[[Answer], None] | None = None

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and change the answer's JSON."""
        del dice
        reply = await serve(call)
        if self.change is None:
            return reply
        answer = json.loads(reply.body)
        self.change(answer)
        return replace(reply, body=json.dumps(answer).encode())


class CountingSigner:
    """Signs as the wallet does, and counts how often it was asked to."""

    def __init__(self, wallet: Wallet) -> None:
        self.asked = 0
        self._wallet = wallet
        self.address = wallet.address

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        """Sign *swap*."""
        self.asked += 1
        return self._wallet.sign(swap)


@dataclass
class Scene:
    """A wallet with SOL and tokens, before a Jupiter that can be tampered with."""

    world: World
    token: Token
    wallet: Wallet
    venues: dict[str, JupiterVenue]
    sdk: JupiterSdk
    tampering: Tampering
    signer: CountingSigner = field(init=False)

    def __post_init__(self) -> None:
        self.signer = CountingSigner(self.wallet)

    @property
    def owner(self) -> Pubkey:
        """The wallet."""
        return Pubkey.from_string(self.wallet.address)

    @property
    def held(self) -> Pubkey:
        """The wallet's account of the token."""
        return self.token.account_of(self.owner)

    @property
    def wrapped(self) -> Pubkey:
        """The wallet's account of wrapped SOL."""
        return WRAPPED_SOL.account_of(self.owner)

    def request(self, side: Side = Side.SELL) -> SwapRequest:
        """Return what is ordered."""
        amount = AMOUNT if side is Side.SELL else SPENT
        return SwapRequest(side=side, mint=Mint(self.token.address), amount=amount, slippage=BasisPoints(150))

    def attempt(self, api: str, side: Side = Side.SELL) -> SignedSwap:
        """Do what an executor does until something is signed."""
        venue, signer = self.venues[api], self.signer
        of_port: Signer = signer
        quote = venue.quote(self.request(side))
        return of_port.sign(venue.prepare(quote, priority_fee=FEE, marker_seed="seed"))

    def refusal(self, api: str, change: Callable[[Answer], None], side: Side = Side.SELL) -> SwapError:
        """Return how an attempt at the changed answer is refused; nothing was signed for it."""
        self.tampering.change = change
        with pytest.raises(SwapError) as caught:
            self.attempt(api, side)
        assert self.signer.asked == 0
        return caught.value


@pytest.fixture(scope="module")
def stage() -> Iterator[Scene]:
    """Yield a world for all tests of this file: none of them leaves a trace on it."""
    clock, wallet, tampering = ManualClock(), Wallet.generate(), Tampering()
    plan = FaultPlan([Rule(fault=tampering, on=[BUILD, SWAP_INSTRUCTIONS, SWAP], every=1)], Random(1))
    with World(clock, faults=plan) as world:
        token = world.create_token("TKN", decimals=6, price=Decimal("0.0004"), depth_sol=Decimal(10_000))
        world.fund(wallet.address, lamports=10 * LAMPORTS_PER_SOL, tokens={token.address: 10 * AMOUNT})
        url = world.jupiter_url
        with closing(RpcClient(world.rpc_url)) as rpc, closing(jupiter_http(url, "key")) as http:
            shared: dict[str, Any] = {"http": http, "rpc": rpc, "wallet": wallet.address, "clock": clock}
            venues = {
                "v2": jupiter_venue("v2", swap_base_url=url, **shared),
                "v1": jupiter_venue("v1", swap_base_url=url, **shared),
            }
            sdk = JupiterSdk(http, base_url=url, taker=wallet.address, rpc=rpc)
            yield Scene(world, token, wallet, venues, sdk, tampering)


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    """Yield the stage with an honest Jupiter and a signer that was never asked."""
    fresh = replace(stage)
    yield fresh
    fresh.tampering.change = None


def written(instruction: Instruction) -> Answer:
    """Return *instruction* as Jupiter writes it."""
    return {
        "programId": str(instruction.program_id),
        "accounts": [
            {"pubkey": str(each.pubkey), "isSigner": each.is_signer, "isWritable": each.is_writable}
            for each in instruction.accounts
        ],
        "data": base64.b64encode(bytes(instruction.data)).decode(),
    }


def patched(instruction: Answer, at: int, value: int, size: int) -> None:
    """Overwrite *size* bytes of the instruction's data."""
    data = bytearray(base64.b64decode(instruction["data"]))
    data[at : at + size] = value.to_bytes(size, "little")
    instruction["data"] = base64.b64encode(bytes(data)).decode()


# What is smuggled in beside the swap ---------------------------------------------------------------------------


def token_2022_transfer(scene: Scene) -> Instruction:
    """Return a transfer by the newer token program."""
    return checked_transfer(scene, TOKEN_2022_PROGRAM_ID)


def checked_transfer(scene: Scene, program: Pubkey = TOKEN_PROGRAM_ID) -> Instruction:
    """Return a transfer of the wallet's tokens to the thief."""
    return spl.transfer_checked(
        spl.TransferCheckedParams(
            program_id=program,
            source=scene.held,
            mint=scene.token.mint,
            dest=scene.token.account_of(THIEF),
            owner=scene.owner,
            amount=1,
            decimals=6,
        )
    )


def plain_transfer(scene: Scene) -> Instruction:
    """Return the same without the mint."""
    return spl.transfer(spl.TransferParams(TOKEN_PROGRAM_ID, scene.held, scene.held, scene.owner, 1))


def approval(scene: Scene) -> Instruction:
    """Return what makes the thief a delegate."""
    return spl.approve(spl.ApproveParams(TOKEN_PROGRAM_ID, scene.held, THIEF, scene.owner, AMOUNT))


def checked_approval(scene: Scene) -> Instruction:
    """Return the same, with the mint."""
    params = spl.ApproveCheckedParams(
        TOKEN_PROGRAM_ID, scene.held, scene.token.mint, THIEF, scene.owner, AMOUNT, scene.token.decimals
    )
    return spl.approve_checked(params)


def new_authority(scene: Scene) -> Instruction:
    """Return what gives the token account away."""
    kind = spl.AuthorityType.ACCOUNT_OWNER
    return spl.set_authority(
        spl.SetAuthorityParams(
            program_id=TOKEN_PROGRAM_ID,
            account=scene.held,
            authority=kind,
            current_authority=scene.owner,
            new_authority=THIEF,
        )
    )


def burning(scene: Scene) -> Instruction:
    """Return what destroys tokens."""
    return spl.burn(spl.BurnParams(TOKEN_PROGRAM_ID, scene.held, scene.token.mint, scene.owner, 1))


def minting(scene: Scene) -> Instruction:
    """Return what makes tokens."""
    return spl.mint_to(spl.MintToParams(TOKEN_PROGRAM_ID, scene.token.mint, scene.held, scene.owner, 1))


def freezing(scene: Scene) -> Instruction:
    """Return what freezes the wallet's tokens."""
    params = spl.FreezeAccountParams(TOKEN_PROGRAM_ID, scene.held, scene.token.mint, scene.owner)
    return spl.freeze_account(params)


def closing_the_token_account(scene: Scene) -> Instruction:
    """Return what closes the account of the token, although the rent comes to the wallet."""
    return spl.close_account(spl.CloseAccountParams(TOKEN_PROGRAM_ID, scene.held, scene.owner, scene.owner))


def payment(scene: Scene) -> Instruction:
    """Return a transfer of SOL to the thief."""
    return transfer(TransferParams(from_pubkey=scene.owner, to_pubkey=THIEF, lamports=1))


def payment_by_wrapping(scene: Scene) -> Instruction:
    """Return a transfer of SOL to the thief's account of wrapped SOL."""
    target = WRAPPED_SOL.account_of(THIEF)
    return transfer(TransferParams(from_pubkey=scene.owner, to_pubkey=target, lamports=1))


def wrapping_in_a_sale(scene: Scene) -> Instruction:
    """Return a transfer of SOL to the wallet's own account, which a sale does not need."""
    return transfer(TransferParams(from_pubkey=scene.owner, to_pubkey=scene.wrapped, lamports=1))


def foreign_account(scene: Scene) -> Instruction:
    """Return what creates a token account of the thief at the wallet's cost."""
    return spl.create_idempotent_associated_token_account(scene.owner, THIEF, scene.token.mint)


def recovery(scene: Scene) -> Instruction:
    """Return RecoverNested, which moves what a token account of the wallet's owns."""
    created = spl.create_idempotent_associated_token_account(scene.owner, scene.owner, scene.token.mint)
    return Instruction(created.program_id, b"\x02", created.accounts)


def nonce(scene: Scene) -> Instruction:
    """Return what makes the transaction live for ever."""
    params = AdvanceNonceAccountParams(nonce_pubkey=TABLE, authorized_pubkey=scene.owner)
    return advance_nonce_account(params)


def assignment(scene: Scene) -> Instruction:
    """Return what makes the wallet another program's."""
    return assign(AssignParams(pubkey=scene.owner, owner=THIEF))


def foreign_marker(scene: Scene) -> Instruction:
    """Return what parks the wallet's SOL in a marker that is not the order's."""
    return create_marker(scene.wallet.address, "another", SPENT)


def unknown_program(scene: Scene) -> Instruction:
    """Return a call of a program that nobody knows, with the wallet's signature."""
    return Instruction(THIEF, b"", [AccountMeta(scene.owner, is_signer=True, is_writable=True)])


def another_signer(scene: Scene) -> Instruction:
    """Return a creation of the wallet's account that the thief is to sign as well."""
    created = spl.create_idempotent_associated_token_account(scene.owner, scene.owner, scene.token.mint)
    thief = AccountMeta(THIEF, is_signer=True, is_writable=True)
    return Instruction(created.program_id, bytes(created.data), [*created.accounts, thief])


def unknown_budget(scene: Scene) -> Instruction:
    """Return an instruction of the compute budget that is out of use."""
    del scene
    return Instruction(Pubkey.from_string(COMPUTE_BUDGET), b"\x00" + bytes(8), [])


SMUGGLED: dict[str, tuple[Callable[[Scene], Instruction], str]] = {
    "payment": (payment, f"transfers 1 lamports to {THIEF}"),
    "payment by wrapping": (payment_by_wrapping, "transfers 1 lamports to"),
    "wrapping in a sale": (wrapping_in_a_sale, "transfers 1 lamports to"),
    "token transfer": (plain_transfer, "is Transfer of token program"),
    "checked token transfer": (checked_transfer, "is TransferChecked of token program Tokenkeg"),
    "Token-2022 transfer": (token_2022_transfer, "is TransferChecked of token program Tokenz"),
    "approval": (approval, "is Approve of token program"),
    "checked approval": (checked_approval, "is ApproveChecked of token program"),
    "authority change": (new_authority, "is SetAuthority of token program"),
    "burn": (burning, "is Burn of token program"),
    "mint": (minting, "is MintTo of token program"),
    "freeze": (freezing, "is FreezeAccount of token program"),
    "closing the token account": (closing_the_token_account, "closes the token account"),
    "account for another owner": (foreign_account, f"creates a token account of {THIEF}"),
    "recovery of nested tokens": (recovery, "is instruction 2 of the associated token program"),
    "durable nonce": (nonce, "is AdvanceNonceAccount of the system program"),
    "wallet assigned to a program": (assignment, "is Assign of the system program"),
    "another marker": (foreign_marker, "is CreateAccountWithSeed of the system program"),
    "unknown program": (unknown_program, f"is of program {THIEF}"),
    "second signer": (another_signer, "2 must sign"),
    "unknown compute budget": (unknown_budget, "is one of the compute budget that is not known"),
}


@pytest.mark.parametrize("api", ["v2", "v1"])
@pytest.mark.parametrize("part", ["setupInstructions", "otherInstructions"])
@pytest.mark.parametrize("name", SMUGGLED)
def test_what_was_not_ordered_is_refused_by_name(scene: Scene, api: str, part: str, name: str) -> None:
    """Whatever stands beside the swap, before or behind it: for good, with a sentence that names it."""
    make, said = SMUGGLED[name]

    def change(answer: Answer) -> None:
        answer[part].append(written(make(scene)))

    error = scene.refusal(api, change)
    assert (error.kind, error.code) == (FailureKind.PERMANENT, NOT_AS_ORDERED)
    assert said in str(error)


# What is done to the swap itself -------------------------------------------------------------------------------

_AMOUNT, _QUOTED, _SLIPPAGE, _PLATFORM_FEE, _POSITIVE_SLIPPAGE_FEE = (8, 8), (16, 8), (24, 2), (26, 2), (28, 2)


def argument(place: tuple[int, int], value: int) -> Callable[[Answer], None]:
    """Return the change of one argument of the swap."""
    return lambda answer: patched(answer["swapInstruction"], place[0], value, place[1])


def account(index: int, key: object) -> Callable[[Answer], None]:
    """Return the change of one account of the swap."""

    def change(answer: Answer) -> None:
        answer["swapInstruction"]["accounts"][index]["pubkey"] = str(key)

    return change


def foreign_authority(answer: Answer) -> None:
    """Let the swap spend what another signs for."""
    answer["swapInstruction"]["accounts"][0] = {"pubkey": str(THIEF), "isSigner": False, "isWritable": False}


def mints_swapped(answer: Answer) -> None:
    """Exchange what goes in for what comes out."""
    accounts = answer["swapInstruction"]["accounts"]
    accounts[3], accounts[4] = accounts[4], accounts[3]


def swapped_twice(answer: Answer) -> None:
    """Do the swap again."""
    answer["otherInstructions"].append(answer["swapInstruction"])


def no_swap(answer: Answer) -> None:
    """Put something harmless in the swap's place."""
    answer["swapInstruction"] = answer["setupInstructions"][0]


def other_instruction(name: str) -> Callable[[Answer], None]:
    """Return the change to another instruction of Jupiter's program."""
    return lambda answer: patched(answer["swapInstruction"], 0, int.from_bytes(discriminator(name), "little"), 8)


def cut_short(answer: Answer) -> None:
    """Take the last arguments away."""
    data = base64.b64decode(answer["swapInstruction"]["data"])
    answer["swapInstruction"]["data"] = base64.b64encode(data[:20]).decode()


def without_accounts(answer: Answer) -> None:
    """Take the accounts behind the mints away."""
    del answer["swapInstruction"]["accounts"][5:]


def unwrapped_elsewhere(answer: Answer) -> None:
    """Let the proceeds go to the thief when the account of wrapped SOL is closed."""
    answer["cleanupInstruction"]["accounts"][1]["pubkey"] = str(THIEF)


def look_alike(answer: Answer) -> None:
    """Let another program swap."""
    answer["swapInstruction"]["programId"] = "JUP4Fb2cqiRUcaTHdrPC8h2gNsA2ETXiPDD33WcGuJB"


CHANGED: dict[str, tuple[Callable[[Answer], None], str]] = {
    "greater amount": (argument(_AMOUNT, AMOUNT + 1), f"sells {AMOUNT + 1} raw units, {AMOUNT} were ordered"),
    "smaller amount": (argument(_AMOUNT, AMOUNT - 1), f"sells {AMOUNT - 1} raw units"),
    "lower quote": (argument(_QUOTED, 1), "may pay as little as 1 "),
    "greater tolerance": (argument(_SLIPPAGE, 151), "less 151 bps), "),
    "tolerance of everything": (argument(_SLIPPAGE, 10_000), "may pay as little as 0 "),
    "platform fee": (argument(_PLATFORM_FEE, 85), "takes a platform fee of up to 85 bps"),
    "fee on positive slippage": (argument(_POSITIVE_SLIPPAGE_FEE, 1), "takes a platform fee of up to 1 bps"),
    "foreign authority": (foreign_authority, f"swaps what {THIEF} holds"),
    "other source": (account(1, THIEF), f"sells out of {THIEF}"),
    "other destination": (account(2, THIEF), f"pays into {THIEF}"),
    "further destination": (account(7, THIEF), f"pays into {THIEF}"),
    "other source mint": (account(3, THIEF), f"swaps {THIEF} for {SOL_MINT}"),
    "swapped mints": (mints_swapped, f"swaps {SOL_MINT} for"),
    "two swaps": (swapped_twice, "it has 2 swaps in it"),
    "no swap": (no_swap, "it has 0 swaps in it"),
    "exactly out": (other_instruction("exact_out_route_v2"), "is none of Jupiter's that is known"),
    "with a token ledger": (other_instruction("route_with_token_ledger"), "is none of Jupiter's that is known"),
    "cut short": (cut_short, "of the swap is cut short"),
    "without its accounts": (without_accounts, "of the swap names 5 accounts"),
    "unwrapped elsewhere": (unwrapped_elsewhere, f"in favour of {THIEF}"),
    "look-alike program": (look_alike, "is of program JUP4"),
}


@pytest.mark.parametrize("api", ["v2", "v1"])
@pytest.mark.parametrize("name", CHANGED)
def test_another_swap_than_was_ordered_is_refused_by_name(scene: Scene, api: str, name: str) -> None:
    """Other figures, accounts or instructions in the swap itself."""
    change, said = CHANGED[name]
    error = scene.refusal(api, change)
    assert (error.kind, error.code) == (FailureKind.PERMANENT, NOT_AS_ORDERED)
    assert said in str(error)


def test_a_tolerance_that_quote_and_instruction_agree_on_is_still_not_the_ordered_one(scene: Scene) -> None:
    """The least that may come is measured by the order's tolerance, not by what the answer says of itself."""

    def change(answer: Answer) -> None:
        answer["otherAmountThreshold"], answer["slippageBps"] = "1", 9_999
        argument(_SLIPPAGE, 9_999)(answer)

    assert "less 9999 bps), " in str(scene.refusal("v2", change))


def test_more_sol_than_was_ordered_is_not_wrapped(scene: Scene) -> None:
    """A second wrapping of one lamport, into the wallet's own account."""

    def change(answer: Answer) -> None:
        answer["setupInstructions"].append(written(wrapping_in_a_sale(scene)))

    said = f"wraps {SPENT + 1} lamports in all, {SPENT} were ordered"
    assert said in str(scene.refusal("v2", change, Side.BUY))


def on_chain(scene: Scene, addresses: list[Pubkey]) -> None:
    """Put a lookup table with *addresses* on the chain."""
    data = bytes(56) + b"".join(map(bytes, addresses))
    owner = Pubkey.from_string(ADDRESS_LOOKUP_TABLE)
    bank = scene.world.bank
    bank.set_account(TABLE, Account(bank.rent(len(data)), data, owner))


def with_table(*addresses: Pubkey) -> Callable[[Answer], None]:
    """Return the claim that the table holds *addresses*."""

    def change(answer: Answer) -> None:
        answer["addressesByLookupTableAddress"] = {str(TABLE): [str(key) for key in addresses]}

    return change


def test_a_lookup_table_that_points_elsewhere_is_refused(scene: Scene) -> None:
    """What the chain holds counts: there, the index of the wallet's account is the thief's."""
    on_chain(scene, [WRAPPED_SOL.account_of(THIEF)])
    error = scene.refusal("v2", with_table(scene.wrapped))
    assert error.kind is FailureKind.PERMANENT
    assert f"lookup table {TABLE} has {WRAPPED_SOL.account_of(THIEF)} at 0" in str(error)


def test_a_lookup_table_that_ends_too_early_is_refused(scene: Scene) -> None:
    """An index beyond its end is nobody's account."""
    other = Keypair.from_seed(bytes([68] * 32)).pubkey()
    data = bytes(56) + bytes(THIEF)
    bank = scene.world.bank
    bank.set_account(other, Account(bank.rent(len(data)), data, Pubkey.from_string(ADDRESS_LOOKUP_TABLE)))

    def change(answer: Answer) -> None:
        answer["addressesByLookupTableAddress"] = {str(other): [str(THIEF), str(scene.wrapped)]}

    error = scene.refusal("v2", change)
    assert f"lookup table {other} has no account 1, there are 1" in str(error)


def test_a_lookup_table_that_the_chain_does_not_have_is_refused_for_now(scene: Scene) -> None:
    """A node that lags may not have it yet."""
    absent = Keypair.from_seed(bytes([69] * 32)).pubkey()

    def change(answer: Answer) -> None:
        answer["addressesByLookupTableAddress"] = {str(absent): [str(scene.wrapped)]}

    error = scene.refusal("v2", change)
    assert error.kind is FailureKind.REFUSED
    assert f"the chain has no lookup table {absent}" in str(error)


@pytest.mark.parametrize("api", ["v2", "v1"])
@pytest.mark.parametrize("side", Side)
def test_what_was_not_tampered_with_is_signed(scene: Scene, api: str, side: Side) -> None:
    """The same front with nothing changed: the refusals above are of what was changed."""
    assert scene.attempt(api, side).raw
    assert scene.signer.asked == 1


@pytest.mark.parametrize("api", ["v2", "v1"])
def test_a_compute_price_and_limit_of_jupiters_are_replaced_by_ours(scene: Scene, api: str) -> None:
    """However much was baked in, what is paid is what was decided."""

    def change(answer: Answer) -> None:
        program = Pubkey.from_string(COMPUTE_BUDGET)
        absurd = [b"\x02" + (2**32 - 1).to_bytes(4, "little"), b"\x03" + (82 * 10**9).to_bytes(8, "little")]
        answer["computeBudgetInstructions"] = [written(Instruction(program, data, [])) for data in absurd]

    scene.tampering.change = change
    venue = scene.venues[api]
    prepared = venue.prepare(venue.quote(scene.request()), priority_fee=FEE)
    assert prepared.priority_fee <= FEE
    assert prepared.compute_unit_limit < 200_000


# A transaction that is answered whole --------------------------------------------------------------------------


def whole(scene: Scene, **options: Any) -> bytes:
    """Return the message of the transaction that /swap/v1/swap answers, decoded by our own client."""
    quote = scene.sdk.ask(scene.request())
    answered = scene.sdk.whole_swap(quote, **{"prioritizationFeeLamports": FEE, **options})
    return bytes(decode_transaction(answered.transaction))[65:]


def ordered(scene: Scene) -> Ordered:
    """Return what was ordered."""
    terms = Terms(source_mint=Mint(scene.token.address), destination_mint=SOL_MINT, amount=AMOUNT, minimum_out=1)
    return Ordered(wallet=scene.wallet.address, terms=terms, priority_fee=FEE)


def in_transaction(find: bytes, put: bytes) -> Callable[[Answer], None]:
    """Return the change of the first *find* in the transaction's bytes."""

    def change(answer: Answer) -> None:
        raw = base64.b64decode(answer["swapTransaction"])
        assert find in raw
        answer["swapTransaction"] = base64.b64encode(raw.replace(find, put, 1)).decode()

    return change


def test_a_whole_transaction_passes_the_same_inspection(scene: Scene) -> None:
    """As Jupiter assembled it, with the fee that it was asked for."""
    inspect(whole(scene), ordered(scene))


def test_a_whole_transaction_that_another_pays_for_is_refused(scene: Scene) -> None:
    """The first key is the fee payer."""
    scene.tampering.change = in_transaction(bytes(scene.owner), bytes(THIEF))
    with pytest.raises(SwapError, match=f"{THIEF} pays the fee, not the wallet"):
        inspect(whole(scene), ordered(scene))


@pytest.mark.parametrize("options", [{"prioritizationFeeLamports": 10**9}, {"asLegacyTransaction": True}])
def test_a_whole_transaction_of_another_fee_or_format_is_refused(scene: Scene, options: dict[str, Any]) -> None:
    """Nothing in it can be replaced by ours: a price that is too high is refused, and so is the oldest format."""
    said = "lamports for priority" if "prioritizationFeeLamports" in options else "not a message of version 0"
    with pytest.raises(SwapError, match=said):
        inspect(whole(scene, **options), ordered(scene))


def test_a_transaction_of_a_later_version_is_refused(scene: Scene) -> None:
    """Version 1 begins with its version byte."""

    def change(answer: Answer) -> None:
        raw = base64.b64decode(answer["swapTransaction"])
        answer["swapTransaction"] = base64.b64encode(b"\x81" + raw[66:]).decode()

    scene.tampering.change = change
    with pytest.raises(SwapError, match="of version 1, which is not supported"):
        whole(scene)


def test_a_message_of_a_later_version_is_refused(scene: Scene) -> None:
    """Where the version byte stands behind the signature as well."""
    message = whole(scene)
    with pytest.raises(SwapError, match="begins with 81"):
        inspect(b"\x81" + message[1:], ordered(scene))


def test_the_programs_that_swap_are_a_setting(scene: Scene) -> None:
    """What stands in for Jupiter elsewhere is named to the inspection; Jupiter's own is then unknown."""
    elsewhere = replace(ordered(scene), swap_program=str(THIEF))
    with pytest.raises(SwapError, match=f"is of program {JUPITER}"):
        inspect(whole(scene), elsewhere)
