"""Puts a copy back in processes that die one call further into it each: python -m tests.store.restoring COPY DATABASE.

Each has the files that DATABASE and what is beside it are, in a folder named after its number. The last one lives.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from engine.domain.units import Nanos
from engine.store import restore
from tests.factories import NOW

_CALLS = ("chown", "link", "rename", "replace", "unlink", "fsync")
_DIED = 9


def main(copy: Path, database: Path) -> None:
    """Restore until nobody dies of it."""
    for step in count(1):
        folder = database.parent / str(step)
        folder.mkdir()
        for file in database.parent.glob(f"{database.name}*"):
            shutil.copy(file, folder)
        child = os.fork()
        if child == 0:
            _restore_and_die(copy, folder / database.name, step)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != _DIED:
            sys.exit(os.waitstatus_to_exitcode(status))


def _restore_and_die(copy: Path, database: Path, step: int) -> None:
    """Restore, and die before call number *step* that the swap makes to the system."""
    calls = count(1)

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **options: Any) -> Any:
            if next(calls) == step:
                os._exit(_DIED)
            return call(*arguments, **options)

        return made

    with restore.restoring(copy, database, profile=None, genesis=None, wallet=None) as restoration:
        for name in _CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        restoration.swap(Nanos(NOW + 10**9))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
