"""What can go wrong, classified by what may be done about it. Raised where the failure is understood."""

from __future__ import annotations

from enum import StrEnum

from engine.domain.units import Nanos


class FailureKind(StrEnum):
    """What a failed attempt to swap proves about the chain."""

    REFUSED = "refused"
    """Nothing was or will be moved; a new attempt may fare better (no route, a failed simulation)."""
    SLIPPAGE = "slippage"
    """Nothing was moved because the price left the tolerance; a new attempt should tolerate more."""
    TRANSIENT = "transient"
    """The way was blocked before anything was sent (time-out, 429, 5xx); the same again later."""
    EXPIRED = "expired"
    """Proven dead: the blockhash expired and no node has the signature."""
    UNCERTAIN = "uncertain"
    """Sent, and no verdict: only the chain can tell. Never retried by itself."""
    PERMANENT = "permanent"
    """No attempt can succeed until a person changes something (no tokens, frozen account, refused key)."""


INSUFFICIENT_TOKENS = "insufficient_tokens"
"""Code of a `SwapError` that says that the wallet holds less of the token than is to be sold."""


class EngineError(Exception):
    """Base of every error that Ripcord raises itself."""


class IllegalStepError(EngineError):
    """A state machine was asked for a step that its table does not have; nothing was changed."""


class BadInputError(EngineError):
    """What a person or file gave is wrong. The message names what, where and what to do.

    Attributes:
        field: which field of what was given; empty where it is about no single one.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ConfigError(BadInputError):
    """The settings of a command have faults. The message names all of them, each with its source and key."""


class CommandRefusedError(EngineError):
    """An operator's command does not fit the state of what it names. The message says which state."""


class SwapError(EngineError):
    """A swap that did not come to pass, with what that proves.

    Attributes:
        kind: what may be done next.
        code: the other side's own error code, for counting and tests; empty where it gave none.
    """

    def __init__(self, kind: FailureKind, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


class PriceUnavailableError(EngineError):
    """A price source could not answer; the last prices stand until they are stale.

    Attributes:
        retry_at: when it can be asked again, where it is only too early for another request; None where it failed.
    """

    def __init__(self, message: str, *, retry_at: Nanos | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class ChainUnavailableError(EngineError):
    """The chain could not be read. What was asked stays unknown."""


class DeliveryError(EngineError):
    """A message did not reach the service that it was for. The sentence holds no part of the service's address."""
