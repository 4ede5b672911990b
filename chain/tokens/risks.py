"""What a mint and the wallet's accounts of it mean for whoever trades it, as sentences for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chain.tokens.layout import Extension, HoldingState, MintState, TransferFee
from engine.domain.units import RawAmount, whole

_NO_MAXIMUM = RawAmount(2**64 - 1)


def obstacles(mint: MintState, holdings: Sequence[HoldingState]) -> tuple[str, ...]:
    """Return why a token cannot be bought and sold now; nothing where it can.

    Args:
        mint: of the token.
        holdings: the wallet's accounts of it.
    """
    return tuple(_obstacles(mint, holdings))


def warnings(mint: MintState, holdings: Sequence[HoldingState], epoch: int) -> tuple[str, ...]:
    """Return what may keep a token from being sold later, or makes it cost more.

    Args:
        mint: of the token.
        holdings: the wallet's accounts of it.
        epoch: the cluster's, which decides between two transfer fees.
    """
    return (*_issuer_warnings(mint), *_fee_warnings(mint, epoch), *_other_warnings(mint, holdings))


def frozen_sentence(holdings: Sequence[HoldingState]) -> str | None:
    """Return the sentence that says which of *holdings* is frozen; None where none is."""
    frozen = [holding.address for holding in holdings if holding.frozen]
    if not frozen:
        return None
    return f"the issuer has frozen your account {frozen[0]}: nothing can be bought or sold until it is thawed"


def _obstacles(mint: MintState, holdings: Sequence[HoldingState]) -> Iterator[str]:
    if mint.non_transferable:
        yield "the issuer made it non-transferable: nobody can buy or sell it"
    if mint.paused:
        yield "the issuer has paused all transfers: try again when they are resumed"
    frozen = frozen_sentence(holdings)
    if frozen is not None:
        yield frozen
    elif mint.default_frozen and not holdings:
        # Whoever was admitted has an account that is thawed, and can trade.
        yield "the issuer freezes every new account: what is bought cannot be sold until the issuer thaws it"
    for holding in holdings:
        if holding.cpi_guarded:
            yield (
                f"CPI Guard is on at your account {holding.address}, so no program can sell from it: "
                f"switch it off with spl-token disable-cpi-guard {holding.address}"
            )


def _issuer_warnings(mint: MintState) -> Iterator[str]:
    if mint.freezable:
        yield "the issuer may freeze your account, and nothing could be sold then"
    if mint.pausable:
        yield "the issuer may pause all transfers, and nothing could be sold then"
    if mint.permanent_delegate is not None:
        yield f"{mint.permanent_delegate} may take the tokens out of your account at any time"
    if mint.hook is not None:
        yield f"every transfer calls program {mint.hook}, which may refuse a sale"
    elif mint.hook_authority is not None:
        yield f"{mint.hook_authority} may have every transfer call a program that refuses it"


def _fee_warnings(mint: MintState, epoch: int) -> Iterator[str]:
    fees = mint.transfer_fees
    if fees is None:
        return
    now = fees.at(epoch)
    if now.of(_NO_MAXIMUM):
        yield f"of every transfer {_fee(now, mint.decimals)} is withheld, on the way in and on the way out"
    if now is not fees.newer:
        yield f"from epoch {fees.newer.epoch} on {_fee(fees.newer, mint.decimals)} of every transfer is withheld"


def _other_warnings(mint: MintState, holdings: Sequence[HoldingState]) -> Iterator[str]:
    if {Extension.INTEREST_BEARING_CONFIG, Extension.SCALED_UI_AMOUNT} & mint.extensions.keys():
        yield "wallets show it with interest or a multiplier; amounts and prices here are without"
    if Extension.CONFIDENTIAL_TRANSFER_MINT in mint.extensions:
        yield "it can be held confidentially, and such amounts are neither counted nor sold here"
    if unknown := sorted(mint.extensions.keys() - set(Extension)):
        yield f"it has extensions that are not known here ({', '.join(map(str, unknown))}): a sale may fail"
    for holding in holdings:
        if holding.asks_for_memos:
            yield (
                f"your account {holding.address} takes no transfer without a memo, so nothing can be bought: "
                f"switch that off with spl-token disable-required-transfer-memos {holding.address}"
            )


def _fee(fee: TransferFee, decimals: int) -> str:
    most = "" if fee.maximum == _NO_MAXIMUM else f", at most {whole(fee.maximum, decimals).normalize():f} tokens,"
    return f"{whole(fee.rate, 2).normalize():f} %{most}"
