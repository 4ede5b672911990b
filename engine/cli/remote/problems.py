"""What the API refuses, as the errors that commands end with; see docs/api.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.codes import NoEngineError, UnansweredError
from engine.domain.errors import BadInputError, ConfigError, EngineError

if TYPE_CHECKING:
    import httpx

    from engine.cli.remote.place import Place

MAY_BE_DONE = "it may still be done, so look with run.py orders and run.py positions list before you repeat it"
_BAD_INPUT = frozenset({400, 404, 405, 413, 422})
_TOKEN, _NAMES, _LOCKED_OUT, _TIME_OUT = 401, 403, 429, 504


class UnknownError(BadInputError):
    """Nothing has the name that was given."""


def error_of(status: int, detail: str, place: Place) -> EngineError:
    """Return what a refusal by the engine at *place* is to the command that met it.

    Args:
        status: of HTTP.
        detail: the engine's own sentence.
        place: who refused.
    """
    if status == _TOKEN:
        return ConfigError(f"the token in {place.token_from} is not that of the engine at {place.url}: {detail}")
    if status in (_NAMES, _LOCKED_OUT):
        return ConfigError(f"{place.url} does not listen to this: {detail}")
    if status == _TIME_OUT:
        return UnansweredError(detail)
    if status == 404:  # noqa: PLR2004
        return UnknownError(detail)
    return BadInputError(detail) if status in _BAD_INPUT else EngineError(detail)


def no_answer(error: Exception, place: Place) -> EngineError:
    """Return what a connection to *place* that did not come about is to the command that wanted it."""
    if _is_about_tls(error):
        return ConfigError(
            f"the certificate of {place.url} is not trusted ({error}): name it with api.tls_cert or --ca-file, "
            "and the server as it does"
        )
    hint = "start it with run.py run, or name another one with --config, --profile or --api"
    if place.named:
        hint = "see that the address is right and that the engine runs there"
    return NoEngineError(f"no engine answers at {place.url} ({str(error) or 'no connection in time'}): {hint}")


def stranger(url: str, answer: httpx.Response) -> EngineError:
    """Return what *answer* is, which no engine gives."""
    return EngineError(
        f"{url} answers {answer.status_code}, and not as an engine does: another server has that address"
    )


def _is_about_tls(error: BaseException) -> bool:
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
