"""What is said of a price file that cannot be played."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from chain.simulated.prices.files import read_price_file
from engine.domain.errors import BadInputError

TRADES = "seq,ts,t_since_create,side,sol,tokens,price_sol"
CANDLES = "date,open,high,low,close,volume"


def written(directory: Path, text: str | bytes, name: str = "prices.csv") -> Path:
    """Write *text* to a file and return its path."""
    file = directory / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


BAR_2 = "2024-01-01T00:05:00Z,1,1,1,1,0"
BAD_FILES = {
    "a repeated time": (
        "time,price\n1,1\n1,2\n",
        "line 3: the time 1 is that of the row before; keep one of the two rows.",
    ),
    "a reversed time": (
        "time,price\n5,1\n2,2\n",
        "line 3: the time 2 comes before 1970-01-01T00:00:05Z of the row before; sort the rows by time.",
    ),
    "a gap": (
        "time,price\n0,1\n3601,2\n",
        (
            "line 3: no price for 1:00:01 since 1970-01-01T00:00:00Z, and at most 1:00:00 may pass; "
            "fill the gap or allow a longer one."
        ),
    ),
    "NaN": (
        "time,price\n0,nan\n",
        "line 2: the price nan is not a finite number; correct it or remove the row.",
    ),
    "infinity": (
        "time,price\n0,1\n1,inf\n",
        "line 3: the price inf is not a finite number; correct it or remove the row.",
    ),
    "a zero": (
        "time,price\n0,0\n",
        "line 2: the price 0 is not above zero; correct the price or remove the row.",
    ),
    "a negative price": (
        "time,price\n0,-1.5\n",
        "line 2: the price -1.5 is not above zero; correct the price or remove the row.",
    ),
    "a price too small": (
        "time,price\n0,1e-16\n",
        "line 2: the price 1e-16 is outside of 1e-15 to 1e+09; check its unit.",
    ),
    "a price too great": (
        "time,price\n0,2000000000\n",
        "line 2: the price 2000000000 is outside of 1e-15 to 1e+09; check its unit.",
    ),
    "a jump up": (
        "time,price\n0,1\n1,1001\n",
        "line 3: the price 1001 is more than 1000 times away from 1 before it; check its unit or remove the row.",
    ),
    "a jump down": (
        "time,price\n0,1\n1,0.0009\n",
        "line 3: the price 0.0009 is more than 1000 times away from 1 before it; check its unit or remove the row.",
    ),
    "no number": (
        "time,price\n0,one\n",
        "line 2: the price 'one' is not a number; write it like 0.00125 or 1.25e-3.",
    ),
    "a missing number": (
        "time,price\n0,\n",
        "line 2: the price '' is not a number; write it like 0.00125 or 1.25e-3.",
    ),
    "no time": (
        "time,price\nyesterday,1\n",
        "line 2: the time 'yesterday' is none; write it like 2024-01-31T12:00:00Z or as seconds since 1970.",
    ),
    "a time that is a month 13": (
        "time,price\n2024-13-01,1\n",
        "line 2: the time '2024-13-01' is none; write it like 2024-01-31T12:00:00Z or as seconds since 1970.",
    ),
    "a time of another geological age": (
        "time,price\n1e30,1\n",
        "line 2: the time '1e30' is none; write it like 2024-01-31T12:00:00Z or as seconds since 1970.",
    ),
    "a column too many": (
        "time,price\n0,1,2\n",
        "line 2: 3 columns where the header has 2; give every row the same columns.",
    ),
    "a column too few": (
        "time,price\n0,1\n1\n",
        "line 3: 1 columns where the header has 2; give every row the same columns.",
    ),
    "a broken quotation": (
        'time,price\n0,"1\n',
        "line 2: not a row of comma-separated values (unexpected end of data); mend or remove the line.",
    ),
    "an unknown header": (
        "when,how much\n0,1\n",
        f"line 1: the header 'when,how much' is of no known format; make it time,price or {CANDLES} or {TRADES}.",
    ),
    "no header": (
        "0,1\n1,1\n",
        f"line 1: the header '0,1' is of no known format; make it time,price or {CANDLES} or {TRADES}.",
    ),
    "a missing candle": (
        f"{CANDLES}\n2024-01-01T00:00:00Z,1,1,1,1,0\n{BAR_2}\n2024-01-01T00:15:00Z,1,1,1,1,0\n",
        (
            "line 4: the candle of 2024-01-01T00:10:00Z is missing before 2024-01-01T00:15:00Z; "
            "fetch the missing candles or cut the file there."
        ),
    ),
    "a candle within a candle": (
        f"{CANDLES}\n2024-01-01T00:00:00Z,1,1,1,1,0\n{BAR_2}\n2024-01-01T00:06:00Z,1,1,1,1,0\n",
        (
            "line 4: the candle of 2024-01-01T00:06:00Z begins within the one of 2024-01-01T00:05:00Z; "
            "give every candle the same length."
        ),
    ),
    "a repeated candle": (
        f"{CANDLES}\n{BAR_2}\n{BAR_2}\n",
        "line 3: the time 2024-01-01T00:05:00Z is that of the row before; keep one of the two rows.",
    ),
    "a high below the low": (
        f"{CANDLES}\n2024-01-01,1,1,2,1,0\n",
        "line 2: the high 1 is below the low 2; correct the candle.",
    ),
    "a close above the high": (
        f"{CANDLES}\n2024-01-01,1,2,1,3,0\n",
        "line 2: the close 3 is outside of the candle's 1 to 2; correct the candle.",
    ),
    "an open below the low": (
        f"{CANDLES}\n2024-01-01,0.5,2,1,1,0\n",
        "line 2: the open 0.5 is outside of the candle's 1 to 2; correct the candle.",
    ),
    "a candle with a jump": (
        f"{CANDLES}\n2024-01-01,1,2000,1,1,0\n",
        "line 2: the high 2000 is more than 1000 times away from 1 before it; check its unit or remove the row.",
    ),
    "a jump between candles": (
        f"{CANDLES}\n2024-01-01,1,1,1,1,0\n2024-01-02,5000,5000,5000,5000,0\n",
        "line 3: the open 5000 is more than 1000 times away from 1 before it; check its unit or remove the row.",
    ),
    "a zero in a candle": (
        f"{CANDLES}\n2024-01-01,1,1,0,1,0\n",
        "line 2: the low 0 is not above zero; correct the price or remove the row.",
    ),
    "a single candle": (
        f"{CANDLES}\n{BAR_2}\n",
        "line 2: a single candle does not say how long a candle is; give two candles or more.",
    ),
    "a trade out of order": (
        f"{TRADES}\n0,9,0,buy,1,9,1e-6\n1,8,0,buy,1,9,1e-6\n",
        "line 3: the time 8 comes before 1970-01-01T00:00:09Z of the row before; sort the rows by time.",
    ),
    "a silence between trades": (
        f"{TRADES}\n0,0,0,buy,1,9,1e-6\n1,4000,0,buy,1,9,1e-6\n",
        (
            "line 3: no price for 1:06:40 since 1970-01-01T00:00:00Z, and at most 1:00:00 may pass; "
            "fill the gap or allow a longer one."
        ),
    ),
    "a trade at NaN": (
        f"{TRADES}\n0,0,0,buy,1,9,NaN\n",
        "line 2: the price NaN is not a finite number; correct it or remove the row.",
    ),
    "a trade of no amount": (
        f"{TRADES}\n0,0,0,buy,,9,1e-6\n",
        "line 2: the sol amount '' is not a number; write it like 0.00125 or 1.25e-3.",
    ),
    "bytes that are not UTF-8": (
        b"time,price\n0,1\n1,\xff\n",
        "line 3: the bytes b'\\xff' are not UTF-8; save the file as UTF-8.",
    ),
}


@pytest.mark.parametrize(("text", "complaint"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_gives_one_sentence_that_names_file_line_and_value(
    tmp_path: Path, text: str | bytes, complaint: str
) -> None:
    """Each kind of damage has its own sentence, which also says what to do."""
    file = written(tmp_path, text)
    with pytest.raises(BadInputError) as failure:
        read_price_file(file)
    assert str(failure.value) == f"{file}, {complaint}"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "{file} is empty: give a CSV file with a header."),
        (b"time,price\n", "{file} has no price below its header (no rows): give one row or more."),
        (
            f"{TRADES}\n0,1,0,buy,0.01,9,1e-6\n1,1,0,buy,1,9,\n".encode(),
            "{file} has no price below its header (1 dust, 1 without a price): give one row or more.",
        ),
        (
            gzip.compress(b"time,price\n" + b"1,1\n" * 9)[:-9],
            (
                "{file} is a damaged gzip file (Compressed file ended before the end-of-stream marker was reached): "
                "fetch or pack it again."
            ),
        ),
    ],
    ids=["empty", "header alone", "nothing but dirt", "cut gzip"],
)
def test_a_file_without_prices_gives_one_sentence(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Where no line is to blame the sentence is about the file."""
    file = written(tmp_path, content)
    with pytest.raises(BadInputError) as failure:
        read_price_file(file)
    assert str(failure.value) == complaint.format(file=file)


def test_a_gzip_with_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    """The checksum is looked at, so that a damaged price is not played."""
    packed = bytearray(gzip.compress(b"time,price\n1,1\n2,2\n"))
    packed[-5] ^= 1
    file = written(tmp_path, bytes(packed))
    with pytest.raises(BadInputError, match="is a damaged gzip file"):
        read_price_file(file)


def test_a_missing_file_or_a_directory_gives_one_sentence(tmp_path: Path) -> None:
    """The path is named, and what to do."""
    with pytest.raises(BadInputError, match=r"nothing\.csv does not exist: check the path\.$"):
        read_price_file(tmp_path / "nothing.csv")
    with pytest.raises(BadInputError, match=r"cannot be read \(Is a directory\): name a readable file\.$"):
        read_price_file(tmp_path)
