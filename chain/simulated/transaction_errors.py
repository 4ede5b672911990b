"""Why a transaction failed, in the RPC's JSON and in the runtime's own words.

The JSON is the serde form of Agave's `TransactionError`; the words are its `Display`.
"""

from __future__ import annotations

import re
from typing import Any

BLOCKHASH_NOT_FOUND = "BlockhashNotFound"
ALREADY_PROCESSED = "AlreadyProcessed"
ACCOUNT_NOT_FOUND = "AccountNotFound"
INSUFFICIENT_FUNDS_FOR_FEE = "InsufficientFundsForFee"
INVALID_ACCOUNT_FOR_FEE = "InvalidAccountForFee"
SIGNATURE_FAILURE = "SignatureFailure"
TOO_MANY_ACCOUNT_LOCKS = "TooManyAccountLocks"

_TRANSACTION = {
    ACCOUNT_NOT_FOUND: "Attempt to debit an account but found no record of a prior credit.",
    "AccountLoadedTwice": "Account loaded twice",
    "ProgramAccountNotFound": "Attempt to load a program that does not exist",
    INSUFFICIENT_FUNDS_FOR_FEE: "Insufficient funds for fee",
    INVALID_ACCOUNT_FOR_FEE: "This account may not be used to pay transaction fees",
    ALREADY_PROCESSED: "This transaction has already been processed",
    BLOCKHASH_NOT_FOUND: "Blockhash not found",
    "InvalidAccountIndex": "Transaction contains an invalid account reference",
    SIGNATURE_FAILURE: "Transaction did not pass signature verification",
    "InvalidProgramForExecution": "This program may not be used for executing instructions",
    "SanitizeFailure": "Transaction failed to sanitize accounts offsets correctly",
    "InvalidWritableAccount": "Transaction loads a writable account that cannot be written",
    TOO_MANY_ACCOUNT_LOCKS: "Transaction locked too many accounts",
    "AddressLookupTableNotFound": "Transaction loads an address table account that doesn't exist",
    "InvalidAddressLookupTableOwner": "Transaction loads an address table account with an invalid owner",
    "InvalidAddressLookupTableData": "Transaction loads an address table account with invalid data",
    "InvalidAddressLookupTableIndex": "Transaction address table lookup uses an invalid index",
    "MaxLoadedAccountsDataSizeExceeded": "Transaction exceeded max loaded accounts data size cap",
}

_INSTRUCTION = {
    "GenericError": "generic instruction error",
    "InvalidArgument": "invalid program argument",
    "InvalidInstructionData": "invalid instruction data",
    "InvalidAccountData": "invalid account data for instruction",
    "AccountDataTooSmall": "account data too small for instruction",
    "InsufficientFunds": "insufficient funds for instruction",
    "IncorrectProgramId": "incorrect program id for instruction",
    "MissingRequiredSignature": "missing required signature for instruction",
    "AccountAlreadyInitialized": "instruction requires an uninitialized account",
    "UninitializedAccount": "instruction requires an initialized account",
    "UnbalancedInstruction": "sum of account balances before and after instruction do not match",
    "NotEnoughAccountKeys": "insufficient account keys for instruction",
    "MissingAccount": "An account required by the instruction is missing",
    "ReadonlyLamportChange": "instruction changed the balance of a read-only account",
    "ReadonlyDataModified": "instruction modified data of a read-only account",
    "PrivilegeEscalation": "Cross-program invocation with unauthorized signer or writable account",
    "ComputationalBudgetExceeded": "Computational budget exceeded",
    "ProgramFailedToComplete": "Program failed to complete",
    "IncorrectAuthority": "Incorrect authority provided",
    "AccountNotRentExempt": "An account does not have enough lamports to be rent-exempt",
    "InvalidAccountOwner": "Invalid account owner",
    "ArithmeticOverflow": "Program arithmetic overflowed",
    "IllegalOwner": "Provided owner is not allowed",
}


def insufficient_funds_for_rent(account_index: int) -> dict[str, Any]:
    """Return the error of a transaction that leaves the account at *account_index* below its rent minimum."""
    return {"InsufficientFundsForRent": {"account_index": account_index}}


def describe(err: Any) -> str:
    """Return what the runtime says of *err*, a transaction error in the RPC's JSON."""
    if isinstance(err, str):
        return _TRANSACTION.get(err, _spaced(err))
    ((name, detail),) = err.items()
    if name == "InstructionError":
        index, cause = detail
        return f"Error processing Instruction {index}: {_describe_instruction(cause)}"
    if name == "InsufficientFundsForRent":
        index = detail["account_index"]
        return f"Transaction results in an account ({index}) with insufficient funds for rent"
    if name == "DuplicateInstruction":
        return f"Transaction contains a duplicate instruction ({detail}) that is not allowed"
    return f"{_spaced(name)}: {detail}"


def _describe_instruction(cause: Any) -> str:
    if isinstance(cause, str):
        return _INSTRUCTION.get(cause, _spaced(cause))
    ((name, detail),) = cause.items()
    return f"custom program error: {detail:#x}" if name == "Custom" else f"{_spaced(name)}: {detail}"


def _spaced(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
