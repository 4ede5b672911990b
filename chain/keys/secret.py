"""Secret bytes while they are on their way: from a file, a person or the environment to the wallet.

Python copies strings and bytes as it likes and overwrites neither, so none of this is a promise that no copy stays in
memory. What can be done is done: secrets are kept in buffers that can be overwritten, are overwritten after use, and
show nothing to whatever prints the variables of a frame.
"""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn, Self, SupportsIndex


class Secret:
    """A buffer that is not shown, copied or pickled. As a context manager it is overwritten at the end.

    Args:
        buffer: the bytes; from now on owned, and in the end zeroed, by this object.
    """

    __slots__ = ("__buffer",)

    def __init__(self, buffer: bytearray) -> None:
        self.__buffer = buffer

    def reveal(self) -> bytearray:
        """Return the buffer itself, for the call that needs it: give it no name."""
        return self.__buffer

    def wipe(self) -> None:
        """Overwrite the bytes with zeros."""
        self.__buffer[:] = bytes(len(self.__buffer))

    def __len__(self) -> int:
        return len(self.__buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "<Secret>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret has no state to give away")
