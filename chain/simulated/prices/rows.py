"""Rows of a CSV file, plain or gzipped, each with the line it stands on."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.domain.errors import BadInputError

_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it is."""

    file: Path
    line: int
    """Counted from 1; the header is line 1."""
    cells: list[str]

    def error(self, problem: str, remedy: str) -> BadInputError:
        """Return the error that *problem* is on this line, and what to do about it."""
        return BadInputError(f"{self.file}, line {self.line}: {problem}; {remedy}.")


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of *file*, header first, without blank lines.

    Raises:
        BadInputError: the file is missing, unreadable, broken or not text, or has a different number of
            columns in a row than in its header.
    """
    reader = csv.reader(_lines(file), strict=True)
    columns = 0
    try:
        for cells in reader:
            if not cells:
                continue
            row = Row(file, reader.line_num, cells)
            columns = columns or len(cells)
            if len(cells) != columns:
                raise row.error(
                    f"{len(cells)} columns where the header has {columns}", "give every row the same columns"
                )
            yield row
    except csv.Error as error:
        raise Row(file, reader.line_num, []).error(
            f"not a row of comma-separated values ({error})", "mend or remove the line"
        ) from error


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open("rb") as stream:
            yield from _decoded(file, _unpacked(stream))
    except FileNotFoundError:
        raise BadInputError(f"{file} does not exist: check the path.") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadInputError(f"{file} is a damaged gzip file ({error}): fetch or pack it again.") from error
    except OSError as error:
        raise BadInputError(f"{file} cannot be read ({error.strerror}): name a readable file.") from error


def _unpacked(stream: BinaryIO) -> BinaryIO | gzip.GzipFile:
    packed = stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if packed else stream


def _decoded(file: Path, stream: BinaryIO | gzip.GzipFile) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise Row(file, number, []).error(
                f"the bytes {error.object[error.start : error.end]!r} are not UTF-8", "save the file as UTF-8"
            ) from None
        yield text.removeprefix(_BYTE_ORDER_MARK) if number == 1 else text
