"""What Jupiter answers when it cannot do what it was asked.

Codes: https://dev.jup.ag/docs/swap/common-errors. Sentences are the ones that clients report of the live API;
where none was to be found the sentence is this server's own.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, Response

BAD_REQUEST = 400
UNPROCESSABLE = 422
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500


class JupiterError(Exception):
    """An error answer.

    Attributes:
        status: HTTP status.
        message: the sentence.
        code: Jupiter's `errorCode`; empty where it has none.
    """

    def __init__(self, message: str, *, code: str = "", status: int = BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code

    def response(self, *, with_code: bool) -> Response:
        """Return the answer; only /swap/v1 states the code."""
        if self.status == UNPROCESSABLE:
            return PlainTextResponse(self.message, self.status)
        body = {"error": self.message}
        if with_code and self.code:
            body["errorCode"] = self.code
        return JSONResponse(body, self.status)


def token_not_tradable(mint: str) -> JupiterError:
    """There is no market for *mint*."""
    return JupiterError(f"The token {mint} is not tradable", code="TOKEN_NOT_TRADABLE")


def no_routes_found() -> JupiterError:
    """Nothing trades the pair now."""
    return JupiterError("No routes found", code="NO_ROUTES_FOUND")


def could_not_find_any_route() -> JupiterError:
    """Nothing trades this amount of the pair."""
    return JupiterError("Could not find any route", code="COULD_NOT_FIND_ANY_ROUTE")


def circular_arbitrage() -> JupiterError:
    """A token was to be swapped for itself."""
    return JupiterError("Circular arbitrage is disabled", code="CIRCULAR_ARBITRAGE_IS_DISABLED")


def slippage_out_of_range() -> JupiterError:
    """More than everything was to be lost."""
    return JupiterError(
        "Cannot compute other amount threshold: slippageBps must be from 0 to 10000",
        code="CANNOT_COMPUTE_OTHER_AMOUNT_THRESHOLD",
    )


def two_prices() -> JupiterError:
    """The priority fee was given twice."""
    return JupiterError(
        "Cannot set computeUnitPriceMicroLamports and prioritizationFeeLamports at the same time",
        code="INVALID_COMPUTE_UNIT_PRICE_AND_PRIORITIZATION_FEE",
    )


def not_supported(what: str) -> JupiterError:
    """Jupiter does *what*; this server does not."""
    return JupiterError(f"{what} is not supported", code="NOT_SUPPORTED")


def invalid_request(sentence: str) -> JupiterError:
    """The request contradicts itself."""
    return JupiterError(sentence, code="INVALID_REQUEST")


def unparsable_parameter(name: str, cause: str) -> JupiterError:
    """The query's parameter *name* is not of its type; *cause* as Rust prints it."""
    return JupiterError(f"Query parameter {name} cannot be parsed: {cause}")


def missing_parameter(name: str) -> JupiterError:
    """The query lacks *name*."""
    return JupiterError(f"Failed to deserialize query string: missing field `{name}`")


def undeserializable(detail: str) -> JupiterError:
    """The body is not of its type."""
    return JupiterError(f"Failed to deserialize the JSON body into the target type: {detail}", status=UNPROCESSABLE)


def quote_lacks_fields(names: list[str]) -> JupiterError:
    """The quote came back without the optional fields *names*, which the live API answers with a 500."""
    return JupiterError(f"quoteResponse is missing {', '.join(names)}", status=SERVER_ERROR)


def foreign_quote() -> JupiterError:
    """The quote is not one that this server gave."""
    return invalid_request("quoteResponse is not a quote of this server: hand it back as it was answered")


def chain_unavailable() -> JupiterError:
    """The chain that the markets are on did not answer."""
    return JupiterError("Internal server error", status=SERVER_ERROR)


def too_many_requests() -> Response:
    """Return the answer of the gateway to a client beyond its plan."""
    return JSONResponse({"code": TOO_MANY_REQUESTS, "message": "[API Gateway] Too many requests"}, TOO_MANY_REQUESTS)
