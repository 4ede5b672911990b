"""Reading values of JSON answers without converting them."""

from __future__ import annotations

from typing import Any

import pytest

from chain.values import MAX_U64, array, text, transaction_error, whole_number


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), (7, 7), ("7", 7), ("007", 7), (MAX_U64, MAX_U64), (str(MAX_U64), MAX_U64)]
)
def test_a_whole_number_is_an_integer_or_its_digits(value: Any, number: int) -> None:
    """As Solana writes amounts, and as Jupiter does."""
    assert whole_number(value) == number


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        12.0,
        12.5,
        -1,
        "-1",
        "+1",
        "1.0",
        "1e3",
        "",
        " 7",
        "\u0667",
        "0x7",
        [7],
        {},
        MAX_U64 + 1,
        "9" * 5_000,
    ],
)
def test_nothing_else_is_a_whole_number(value: Any) -> None:
    """A fraction is not cut off, and true is not one."""
    with pytest.raises(ValueError, match=r"no whole number|limit"):
        whole_number(value)


@pytest.mark.parametrize(("read", "good"), [(text, "x"), (array, [1])])
def test_texts_and_arrays_are_what_they_are(read: Any, good: Any) -> None:
    """Nothing is made into one."""
    assert read(good) == good
    others: list[Any] = [None, 7, True, {}, [1] if read is text else "x"]
    for bad in others:
        with pytest.raises(TypeError):
            read(bad)


@pytest.mark.parametrize("error", [None, "BlockhashNotFound", {"InstructionError": [0, {"Custom": 1}]}])
def test_a_transaction_error_is_a_name_alone_or_with_particulars(error: Any) -> None:
    """None is success."""
    assert transaction_error(error) == error


@pytest.mark.parametrize("error", [{}, {"a": 1, "b": 2}, 0, 7, False, [], ["x"]])
def test_an_error_of_another_shape_is_no_verdict(error: Any) -> None:
    """Neither a success nor a failure may be read into it."""
    with pytest.raises(ValueError, match="is no transaction error"):
        transaction_error(error)
