"""The parameters of a call, read as a node reads them: anything odd is -32602 with a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature

from chain.simulated.rpc_errors import invalid_params
from chain.simulated.slots import Commitment

Value = TypeVar("Value")


def pubkey(text: Any) -> Pubkey:
    """Return the address that *text* spells in base58."""
    if not isinstance(text, str):
        raise invalid_params("Invalid param: Invalid")
    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise invalid_params(_defect(text)) from error


def signature(text: Any) -> str:
    """Return *text* if it spells a signature in base58."""
    if not isinstance(text, str):
        raise invalid_params("Invalid param: Invalid")
    try:
        return str(Signature.from_string(text))
    except ValueError as error:
        raise invalid_params(_defect(text)) from error


def _defect(text: str) -> str:
    ambiguous = set("0OIl")
    spelled = text.isascii() and text.isalnum() and not ambiguous & set(text)
    return "Invalid param: WrongSize" if spelled else "Invalid param: Invalid"


class Config:
    """The object of options that most methods take last."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def commitment(self, option: str = "commitment") -> Commitment:
        """Return the commitment level that *option* asks for; absent means finalized."""
        value = self._values.get(option)
        if value is None:
            return Commitment.FINALIZED
        try:
            return Commitment(value)
        except ValueError as error:
            known = ", ".join(f"`{level}`" for level in Commitment)
            raise invalid_params(f"Invalid params: unknown variant `{value}`, expected one of {known}.") from error

    def confirmed_commitment(self) -> Commitment:
        """Return the commitment level asked for, of a method that knows nothing below confirmed."""
        commitment = self.commitment()
        if commitment is Commitment.PROCESSED:
            raise invalid_params("Method does not support commitment below `confirmed`")
        return commitment

    def text(self, name: str, default: str) -> str:
        """Return the string option *name*."""
        return self._typed(name, str, default)

    def flag(self, name: str) -> bool:
        """Return the boolean option *name*; absent means false."""
        return self._typed(name, bool, default=False)

    def number(self, name: str) -> int | None:
        """Return the non-negative integer option *name*, or None where it is absent."""
        value = self._values.get(name)
        return None if value is None else unsigned(value)

    def mapping(self, name: str) -> Config | None:
        """Return the object option *name*, or None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid_params(f"Invalid params: `{name}` must be an object.")
        return Config(value)

    def values(self, name: str) -> list[Any]:
        """Return the array option *name*; absent means empty."""
        return self._typed(name, list, [])

    def _typed(self, name: str, kind: type[Value], default: Value) -> Value:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise invalid_params(f"Invalid params: invalid type for `{name}`: expected {kind.__name__}.")
        return value


class Params:
    """The positional parameters of a call."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def __getitem__(self, index: int) -> Any:
        """Return the parameter at *index*.

        Raises:
            RpcError: -32602; there are not so many.
        """
        if index >= len(self._values):
            raise invalid_params(f"`params` should have at least {index + 1} argument(s)")
        return self._values[index]

    def given(self, index: int) -> bool:
        """Return whether there is anything but null at *index*."""
        return index < len(self._values) and self._values[index] is not None

    def pubkey(self, index: int) -> Pubkey:
        """Return the address at *index*."""
        return pubkey(self[index])

    def signature(self, index: int) -> str:
        """Return the signature at *index*."""
        return signature(self[index])

    def unsigned(self, index: int) -> int:
        """Return the non-negative integer at *index*."""
        return unsigned(self[index])

    def text(self, index: int) -> str:
        """Return the string at *index*."""
        value = self[index]
        if not isinstance(value, str):
            raise invalid_params(f"Invalid params: invalid type: {value!r}, expected a string.")
        return value

    def sequence(self, index: int, at_most: int) -> list[Any]:
        """Return the array of no more than *at_most* values at *index*."""
        value = self[index]
        if not isinstance(value, list):
            raise invalid_params(f"Invalid params: invalid type: {value!r}, expected a sequence.")
        if len(value) > at_most:
            raise invalid_params(f"Too many inputs provided; max {at_most}")
        return value

    def config(self, index: int) -> Config:
        """Return the options at *index*; none where the call ends before."""
        if not self.given(index):
            return Config({})
        value = self._values[index]
        if not isinstance(value, dict):
            raise invalid_params(f"Invalid params: invalid type: {value!r}, expected an object.")
        return Config(value)

    def config_or(self, index: int, name: str) -> Config:
        """Return the options at *index*, where a bare string stands for the option *name*."""
        if self.given(index) and isinstance(value := self._values[index], str):
            return Config({name: value})
        return self.config(index)


def unsigned(value: Any) -> int:
    """Return *value* if it is a u64."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise invalid_params(f"Invalid params: invalid value: {value!r}, expected u64.")
    return value
