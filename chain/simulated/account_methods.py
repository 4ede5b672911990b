"""The methods that read accounts."""

from __future__ import annotations

from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import Mint

from chain.simulated.rpc_call import ChainView, Handler, Served, context_slot
from chain.simulated.rpc_codec import ui_account, ui_amount, with_context
from chain.simulated.rpc_errors import invalid_params
from chain.simulated.rpc_params import Config, Params, pubkey
from chain.simulated.token_state import TOKEN_PROGRAMS, mint, token_account

_MAX_ACCOUNTS = 100
_LARGEST_ACCOUNTS = 20
_MAX_ACCOUNT_BYTES = 10 * 1024 * 1024


def get_balance(served: Served, params: Params) -> dict[str, Any]:
    """Answer an account's lamports."""
    account = served.bank.account(params.pubkey(0))
    return with_context(context_slot(served.bank, params.config(1)), 0 if account is None else account.lamports)


def get_account_info(served: Served, params: Params) -> dict[str, Any]:
    """Answer one account, or null."""
    key, config = params.pubkey(0), params.config(1)
    value = _encoded(served.bank, served.bank.account(key), config, "binary")
    return with_context(context_slot(served.bank, config), value)


def get_multiple_accounts(served: Served, params: Params) -> dict[str, Any]:
    """Answer many accounts, null for those that are not there."""
    keys = [pubkey(text) for text in params.sequence(0, _MAX_ACCOUNTS)]
    config = params.config(1)
    values = [_encoded(served.bank, served.bank.account(key), config, "base64") for key in keys]
    return with_context(context_slot(served.bank, config), values)


def get_minimum_balance_for_rent_exemption(served: Served, params: Params) -> int:
    """Answer what an account of some size must hold, in lamports."""
    size = params.unsigned(0)
    if size > _MAX_ACCOUNT_BYTES:
        raise invalid_params(f"Invalid params: an account has at most {_MAX_ACCOUNT_BYTES} bytes, not {size}.")
    return served.bank.rent(size)


def get_token_accounts_by_owner(served: Served, params: Params) -> dict[str, Any]:
    """Answer the token accounts of a wallet, of one mint or of one token program."""
    owner, wanted, config = params.pubkey(0), params.config(1), params.config(2)
    mint_filter, program = _token_filter(served.bank, wanted)
    value = [
        {"pubkey": str(key), "account": _encoded(served.bank, account, config, "binary")}
        for key, account in served.bank.accounts_of(owner)
        if account.owner == program and (mint_filter is None or _mint_of(account) == mint_filter)
    ]
    return with_context(context_slot(served.bank, config), value)


def get_token_account_balance(served: Served, params: Params) -> dict[str, Any]:
    """Answer what a token account holds."""
    account = served.bank.account(params.pubkey(0))
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    held = token_account(account)
    if held is None:
        raise invalid_params("Invalid param: not a Token account")
    decimals = _decimals(served.bank, held.mint)
    return with_context(context_slot(served.bank, params.config(1)), ui_amount(held.amount, decimals))


def get_token_largest_accounts(served: Served, params: Params) -> dict[str, Any]:
    """Answer the token accounts that hold most of a mint, the largest first."""
    key, config = params.pubkey(0), params.config(1)
    minted = _mint_at(served.bank, key)
    held = [(str(address), token_account(each)) for address, each in served.bank.accounts_of_mint(key)]
    amounts = sorted(((each.amount, address) for address, each in held if each is not None), reverse=True)
    value = [{"address": address, **ui_amount(raw, minted.decimals)} for raw, address in amounts[:_LARGEST_ACCOUNTS]]
    return with_context(context_slot(served.bank, config), value)


def get_token_supply(served: Served, params: Params) -> dict[str, Any]:
    """Answer how much there is of a mint."""
    minted = _mint_at(served.bank, params.pubkey(0))
    return with_context(context_slot(served.bank, params.config(1)), ui_amount(minted.supply, minted.decimals))


def _encoded(bank: ChainView, account: Account | None, config: Config, default: str) -> dict[str, Any] | None:
    if account is None:
        return None
    return ui_account(account, bank.account, config=config, default_encoding=default)


def _token_filter(bank: ChainView, wanted: Config) -> tuple[Pubkey | None, Pubkey]:
    """Return the mint that is asked for, if it is one, and the token program."""
    mint_text, program_text = wanted.text("mint", ""), wanted.text("programId", "")
    if mint_text:
        key = pubkey(mint_text)
        account = bank.account(key)
        if account is None:
            raise invalid_params("Invalid param: could not find mint")
        if mint(account) is None:
            raise invalid_params("Invalid param: not a Token mint")
        return key, account.owner
    if not program_text:
        raise invalid_params("Invalid params: unknown variant, expected `mint` or `programId`.")
    program = pubkey(program_text)
    if program not in TOKEN_PROGRAMS:
        raise invalid_params("Invalid param: unrecognized Token program id")
    return None, program


def _mint_at(bank: ChainView, key: Pubkey) -> Mint:
    account = bank.account(key)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    minted = mint(account)
    if minted is None:
        raise invalid_params("Invalid param: not a Token mint")
    return minted


def _mint_of(account: Account) -> Pubkey | None:
    held = token_account(account)
    return None if held is None else held.mint


def _decimals(bank: ChainView, key: Pubkey) -> int:
    minted = mint(bank.account(key))
    if minted is None:
        raise invalid_params("Invalid param: could not find mint")
    return minted.decimals


ACCOUNT_METHODS: dict[str, Handler] = {
    "getBalance": get_balance,
    "getAccountInfo": get_account_info,
    "getMultipleAccounts": get_multiple_accounts,
    "getMinimumBalanceForRentExemption": get_minimum_balance_for_rent_exemption,
    "getTokenAccountsByOwner": get_token_accounts_by_owner,
    "getTokenAccountBalance": get_token_account_balance,
    "getTokenLargestAccounts": get_token_largest_accounts,
    "getTokenSupply": get_token_supply,
}
