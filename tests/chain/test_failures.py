"""What an error on chain or of a node proves, and what may be done about it."""

from __future__ import annotations

from typing import Any

import pytest

from chain.failures import MARKER_IN_USE, blames_freeze, blames_tokens, explain, of_rpc, raised, was_processed
from chain.node.rpc import RpcError
from chain.programs import COMPUTE_BUDGET, JUPITER, SYSTEM, TOKEN, TOKEN_2022
from engine.domain.errors import ChainUnavailableError, FailureKind
from engine.domain.swap import SwapFailure
from tests.chain.recordings import needs_recordings, recorded, transaction

POOL = "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo"
PROGRAMS = [COMPUTE_BUDGET, COMPUTE_BUDGET, SYSTEM, JUPITER, TOKEN]


def _custom(index: int, code: int) -> dict[str, Any]:
    return {"InstructionError": [index, {"Custom": code}]}


def _failed(program: str, code: int) -> list[str]:
    return [
        f"Program {JUPITER} invoke [1]",
        "Program log: Program X failed: custom program error: 0x1",
        f"Program {program} failed: custom program error: {code:#x}",
        f"Program {JUPITER} failed: custom program error: {code:#x}",
    ]


@pytest.mark.parametrize(
    ("program", "code", "kind"),
    [
        (JUPITER, 6001, FailureKind.SLIPPAGE),
        (JUPITER, 6024, FailureKind.PERMANENT),
        (JUPITER, 6008, FailureKind.REFUSED),
        (TOKEN, 1, FailureKind.PERMANENT),
        (TOKEN, 17, FailureKind.PERMANENT),
        (TOKEN_2022, 1, FailureKind.PERMANENT),
        (TOKEN_2022, 17, FailureKind.PERMANENT),
        (TOKEN_2022, 37, FailureKind.PERMANENT),
        (TOKEN_2022, 42, FailureKind.PERMANENT),
        (TOKEN_2022, 67, FailureKind.TRANSIENT),
        (TOKEN, 67, FailureKind.REFUSED),
        (SYSTEM, 1, FailureKind.PERMANENT),
        (POOL, 6001, FailureKind.REFUSED),
        (POOL, 1, FailureKind.REFUSED),
    ],
)
def test_a_number_means_what_its_program_means_by_it(program: str, code: int, kind: FailureKind) -> None:
    """The innermost program that the logs name decides, not the one that called it."""
    failure = explain(_custom(3, code), programs=PROGRAMS, logs=_failed(program, code))
    assert (failure.kind, failure.code) == (kind, str(code))
    assert program in failure.message


@pytest.mark.parametrize(
    ("index", "code", "kind"),
    [
        (3, 6001, FailureKind.SLIPPAGE),
        (2, 1, FailureKind.PERMANENT),
        (4, 1, FailureKind.PERMANENT),
        (2, 6001, FailureKind.REFUSED),
        (9, 1, FailureKind.REFUSED),
    ],
)
def test_without_logs_the_failing_instructions_program_decides(index: int, code: int, kind: FailureKind) -> None:
    """The message is our own, so its programs are known."""
    assert explain(_custom(index, code), programs=PROGRAMS).kind is kind


@pytest.mark.parametrize(
    ("code", "kind"), [(6001, FailureKind.SLIPPAGE), (1, FailureKind.REFUSED), (6024, FailureKind.REFUSED)]
)
def test_a_bare_status_is_slippage_at_6001_and_otherwise_only_refused(code: int, kind: FailureKind) -> None:
    """A signature's status names no program: the next simulation tells what a small number was."""
    assert explain(_custom(4, code)).kind is kind


@pytest.mark.parametrize("programs", [[], [SYSTEM, COMPUTE_BUDGET]])
def test_a_marker_in_use_is_told_from_every_other_failure(programs: list[str]) -> None:
    """Error 0 of the first instruction: another attempt of the order has succeeded."""
    failure = explain(_custom(0, 0), programs=programs)
    assert (failure.kind, failure.code) == (FailureKind.REFUSED, MARKER_IN_USE)
    assert explain(_custom(1, 0)).code == "0"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("InsufficientFundsForFee", FailureKind.PERMANENT),
        ({"InsufficientFundsForRent": {"account_index": 0}}, FailureKind.PERMANENT),
        ("AccountNotFound", FailureKind.PERMANENT),
        ("BlockhashNotFound", FailureKind.TRANSIENT),
        ("WouldExceedMaxBlockCostLimit", FailureKind.TRANSIENT),
        ("TooManyAccountLocks", FailureKind.REFUSED),
        ({"DuplicateInstruction": 3}, FailureKind.REFUSED),
        ({"InstructionError": [3, "ComputationalBudgetExceeded"]}, FailureKind.REFUSED),
        ({"InstructionError": [3, {"BorshIoError": "x"}]}, FailureKind.REFUSED),
        ("SomethingOfNextYear", FailureKind.REFUSED),
        ({"a": 1, "b": 2}, FailureKind.REFUSED),
        (None, FailureKind.REFUSED),
        (7, FailureKind.REFUSED),
    ],
)
def test_errors_of_a_whole_transaction(error: Any, kind: FailureKind) -> None:
    """Known names have their meaning; anything else is refused, and no input raises."""
    failure = explain(error)
    assert (failure.kind, bool(failure.message)) == (kind, True)


@pytest.mark.parametrize("error", ["InsufficientFundsForFee", {"InsufficientFundsForRent": {"account_index": 2}}])
def test_a_lack_of_sol_says_so_and_what_to_do(error: Any) -> None:
    """The sentence is one that a person can act upon."""
    assert "the wallet has too little SOL" in explain(error).message


@needs_recordings
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swap-failed-transaction__EXPECTED_SWAP_FAILED_TRANSACTION_DATA", FailureKind.SLIPPAGE),
        ("failed-swap__EXPECTED_FAILED_SWAP_DATA", FailureKind.PERMANENT),
        ("spam-2__EXPECTED_SPAM_TRANSACTION_DATA_2", FailureKind.PERMANENT),
    ],
)
def test_recorded_failures_are_understood(name: str, kind: FailureKind) -> None:
    """Mainnet's own slippage, want of lamports and want of rent."""
    meta = transaction(f"metamask_snap/{name}")["meta"]
    assert explain(meta["err"], logs=meta["logMessages"]).kind is kind


@needs_recordings
def test_an_anchor_error_of_another_program_is_refused() -> None:
    """The recorded 3012 of a pump.fun sale means nothing for Jupiter."""
    meta = transaction("open_sol_bot/error")["meta"]
    failure = explain(meta["err"], logs=meta["logMessages"])
    assert (failure.kind, failure.code) == (FailureKind.REFUSED, "3012")


def test_which_failures_may_be_a_pools_want_of_tokens() -> None:
    """Only a token program's, or Jupiter's, insufficient funds."""
    assert blames_tokens(_custom(3, 1), logs=_failed(TOKEN, 1))
    assert blames_tokens(_custom(3, 6024), programs=PROGRAMS)
    assert not blames_tokens(_custom(2, 1), programs=PROGRAMS)
    assert not blames_tokens(_custom(3, 1))
    assert not blames_tokens("InsufficientFundsForFee")


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022])
def test_a_frozen_account_is_blamed_by_the_token_programs_alone(program: str) -> None:
    """A pool's error 17 is something else."""
    assert blames_freeze(_custom(3, 17), logs=_failed(program, 17))
    assert not blames_freeze(_custom(3, 17), logs=_failed(POOL, 17))
    assert not blames_freeze(_custom(3, 1), logs=_failed(program, 1))
    assert not blames_freeze("AccountInUse")


def _recorded_error(name: str) -> RpcError:
    case = next(case for case in recorded("rpc/errors_recorded.json") if case["name"] == name)
    error = case["body"].get("error", case["body"])
    return RpcError("m", error["code"], error["message"], error.get("data"), status=case["http_status"])


@needs_recordings
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("blockhash_not_found", FailureKind.TRANSIENT),
        ("jupiter4_program_error_0x1786", FailureKind.REFUSED),
        ("node_behind_153", FailureKind.TRANSIENT),
        ("http_429_json_rpcpool", FailureKind.TRANSIENT),
        ("helius_429", FailureKind.TRANSIENT),
        ("helius_503", FailureKind.TRANSIENT),
        ("helius_504", FailureKind.TRANSIENT),
        ("min_context_slot", FailureKind.TRANSIENT),
    ],
)
def test_recorded_errors_of_nodes_before_anything_was_sent(name: str, kind: FailureKind) -> None:
    """A gateway that reuses a node's code is not taken for the node."""
    assert of_rpc(_recorded_error(name)).kind is kind


def test_a_request_that_the_node_cannot_read_is_refused() -> None:
    """The same request again would be as unreadable."""
    assert of_rpc(RpcError("m", -32602, "base64 encoded too large")).kind is FailureKind.REFUSED
    assert of_rpc(RpcError("m", -32602, "gateway", status=503)).kind is FailureKind.TRANSIENT


def test_a_silent_node_is_transient() -> None:
    """Nothing was asked successfully, so nothing is known."""
    assert of_rpc(ChainUnavailableError("no answer")).kind is FailureKind.TRANSIENT


@needs_recordings
def test_already_processed_is_recognised_only_from_the_node() -> None:
    """It means that an earlier send landed; a gateway cannot know."""
    assert was_processed(_recorded_error("already_processed"))
    assert not was_processed(_recorded_error("blockhash_not_found"))
    assert not was_processed(RpcError("m", -32002, "x", {"err": "AlreadyProcessed"}, status=503))
    assert not was_processed(ChainUnavailableError("no answer"))


def test_a_failure_is_raised_as_it_is() -> None:
    """Kind, sentence and code survive."""
    error = raised(SwapFailure(kind=FailureKind.SLIPPAGE, message="moved", code="6001"))
    assert (error.kind, str(error), error.code) == (FailureKind.SLIPPAGE, "moved", "6001")
