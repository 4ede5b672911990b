"""What clients ask of Jupiter, from query strings and bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from solders.pubkey import Pubkey

from chain.simulated import jupiter_errors as errors
from chain.simulated.blockhashes import LIFETIME
from chain.simulated.jupiter_fees import PriorityLevel
from chain.simulated.jupiter_shapes import VENUE_LABEL
from chain.simulated.pricing import MAX_U64
from chain.simulated.tokens import WHOLE_BPS
from engine.domain.units import BasisPoints

_DEFAULT_SLIPPAGE = "50"
_RTSE = "rtse"
"""Asks Jupiter to choose the slippage; here it chooses the default."""

_MAX_PRICE_IDS = 50

_CAPPED = "priorityLevelWithMaxLamports"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRequest:
    """What is to be swapped for what."""

    input_mint: str
    output_mint: str
    amount: int
    """Raw units of the input mint."""
    slippage: BasisPoints


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """A quote and who is to sign it."""

    quote: QuoteRequest
    taker: Pubkey
    wrap_and_unwrap_sol: bool
    level: PriorityLevel | int
    """A named level, or a percentile in basis points."""
    blocks_left: int
    """For how many blocks more the blockhash is to be good."""


def quote_request(query: Mapping[str, str]) -> QuoteRequest:
    """Return the request of GET /swap/v1/quote.

    Raises:
        JupiterError: it makes no sense, or asks for what this server does not do.
    """
    if query.get("swapMode", "ExactIn") != "ExactIn":
        raise errors.not_supported("swapMode ExactOut")
    if query.get("dexes") and query.get("excludeDexes"):
        raise errors.invalid_request("Cannot set dexes and exclude dexes at the same time")
    return _quote(query)


def build_request(query: Mapping[str, str]) -> BuildRequest:
    """Return the request of GET /swap/v2/build.

    Raises:
        JupiterError: it makes no sense, or asks for what this server does not do.
    """
    if query.get("dexes") and query.get("excludeDexes"):
        raise errors.invalid_request("dexes and excludeDexes are mutually exclusive")
    for name in ("destinationTokenAccount", "nativeDestinationAccount", "tipAmount"):
        if query.get(name):
            raise errors.not_supported(name)
    taker = _pubkey(query, "taker")
    if query.get("payer") and _pubkey(query, "payer") != taker:
        raise errors.not_supported("a payer besides the taker")
    blocks_left = LIFETIME
    if "blockhashSlotsToExpiry" in query:
        blocks_left = _integer(query, "blockhashSlotsToExpiry", _LONGEST_LIFE)
    return BuildRequest(
        quote=_quote(query),
        taker=taker,
        wrap_and_unwrap_sol=_boolean(query, "wrapAndUnwrapSol", default=True),
        level=_level(query),
        blocks_left=blocks_left,
    )


def price_ids(query: Mapping[str, str]) -> list[str]:
    """Return the mints of GET /price/v3.

    Raises:
        JupiterError: there are none, or more than 50.
    """
    ids = [each for each in _required(query, "ids").split(",") if each]
    if not 0 < len(ids) <= _MAX_PRICE_IDS:
        raise errors.JupiterError(f"ids must name 1 to {_MAX_PRICE_IDS} mints, not {len(ids)}")
    return ids


_LONGEST_LIFE = 300
_Count = Annotated[int, Field(ge=0, le=MAX_U64)]


class PriorityCap(BaseModel):
    """A named level, and the most that it may cost."""

    model_config = ConfigDict(extra="ignore", strict=True)

    priority_level: PriorityLevel = Field(alias="priorityLevel", strict=False)
    max_lamports: _Count = Field(alias="maxLamports")


class CappedFee(BaseModel):
    """The form of `prioritizationFeeLamports` that Jupiter recommends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cap: PriorityCap = Field(alias="priorityLevelWithMaxLamports")


class SwapRequest(BaseModel):
    """The body of POST /swap/v1/swap and /swap/v1/swap-instructions."""

    model_config = ConfigDict(extra="ignore", strict=True)

    user: str = Field(alias="userPublicKey")
    quote: dict[str, Any] = Field(alias="quoteResponse")
    wrap_and_unwrap_sol: bool = Field(default=True, alias="wrapAndUnwrapSol")
    legacy: bool = Field(default=False, alias="asLegacyTransaction")
    dynamic_limit: bool = Field(default=False, alias="dynamicComputeUnitLimit")
    fee: _Count | Literal["auto"] | CappedFee | dict[str, Any] | None = Field(
        default=None, alias="prioritizationFeeLamports", union_mode="left_to_right"
    )
    unit_price: _Count | Literal["auto"] | None = Field(default=None, alias="computeUnitPriceMicroLamports")
    payer: str | None = None
    fee_account: str | None = Field(default=None, alias="feeAccount")
    destination: str | None = Field(default=None, alias="destinationTokenAccount")
    native_destination: str | None = Field(default=None, alias="nativeDestinationAccount")

    @property
    def taker(self) -> Pubkey:
        """Who signs and pays.

        Raises:
            JupiterError: the key is none.
        """
        try:
            return Pubkey.from_string(self.user)
        except ValueError:
            raise errors.undeserializable("userPublicKey: Invalid") from None


def swap_request(body: bytes) -> SwapRequest:
    """Return the request that *body* holds.

    Raises:
        JupiterError: it makes no sense, or asks for what this server does not do.
    """
    try:
        request = SwapRequest.model_validate_json(body)
    except ValidationError as error:
        raise errors.undeserializable(_first_complaint(error)) from None
    if request.payer not in {None, request.user}:
        raise errors.not_supported("a payer besides the user")
    for what in ("fee_account", "destination", "native_destination"):
        if getattr(request, what):
            raise errors.not_supported(str(SwapRequest.model_fields[what].alias))
    if request.fee is not None and request.unit_price is not None:
        raise errors.two_prices()
    if isinstance(request.fee, dict):
        if _CAPPED in request.fee:
            raise errors.undeserializable(f"prioritizationFeeLamports.{_CAPPED}: invalid level or maxLamports")
        raise errors.not_supported(f"prioritizationFeeLamports of {', '.join(request.fee) or 'nothing'}")
    return request


def _first_complaint(error: ValidationError) -> str:
    complaint = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in complaint["loc"])
    if complaint["type"] == "missing":
        return f"missing field `{place}`"
    return f"{place}: {complaint['msg']}" if place else complaint["msg"]


def _quote(query: Mapping[str, str]) -> QuoteRequest:
    if query.get("platformFeeBps", "0") != "0" or query.get("feeAccount"):
        raise errors.not_supported("platformFeeBps")
    request = QuoteRequest(
        input_mint=str(_pubkey(query, "inputMint")),
        output_mint=str(_pubkey(query, "outputMint")),
        amount=_integer(query, "amount", MAX_U64),
        slippage=_slippage(query),
    )
    if request.input_mint == request.output_mint:
        raise errors.circular_arbitrage()
    chosen, excluded = query.get("dexes"), query.get("excludeDexes", "")
    if (chosen and VENUE_LABEL not in chosen.split(",")) or VENUE_LABEL in excluded.split(","):
        raise errors.no_routes_found()
    return request


def _slippage(query: Mapping[str, str]) -> BasisPoints:
    given = query.get("slippageBps", _DEFAULT_SLIPPAGE)
    slippage = _parsed("slippageBps", _DEFAULT_SLIPPAGE if given == _RTSE else given, 2**16 - 1)
    if slippage > WHOLE_BPS:
        raise errors.slippage_out_of_range()
    return BasisPoints(slippage)


def _level(query: Mapping[str, str]) -> PriorityLevel | int:
    given = query.get("computeUnitPricePercentile", PriorityLevel.HIGH)
    if given in set(PriorityLevel):
        return PriorityLevel(given)
    return min(_integer(query, "computeUnitPricePercentile", MAX_U64), WHOLE_BPS)


def _required(query: Mapping[str, str], name: str) -> str:
    if name not in query:
        raise errors.missing_parameter(name)
    return query[name]


def _pubkey(query: Mapping[str, str], name: str) -> Pubkey:
    try:
        return Pubkey.from_string(_required(query, name))
    except ValueError as error:
        raise errors.unparsable_parameter(name, "WrongSize" if "size" in str(error).lower() else "Invalid") from None


def _integer(query: Mapping[str, str], name: str, greatest: int) -> int:
    return _parsed(name, _required(query, name), greatest)


def _parsed(name: str, text: str, greatest: int) -> int:
    """Return *text* as a number from 0 to *greatest*, or fail as Rust's parser of unsigned numbers does."""
    if not text:
        kind = "Empty"
    elif not (text.isascii() and text.isdigit()):
        kind = "InvalidDigit"
    elif int(text) > greatest:
        kind = "PosOverflow"
    else:
        return int(text)
    raise errors.unparsable_parameter(name, f"ParseIntError {{ kind: {kind} }}")


def _boolean(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    given = query.get(name, str(default).lower())
    if given not in {"true", "false"}:
        raise errors.unparsable_parameter(name, "ParseBoolError")
    return given == "true"
