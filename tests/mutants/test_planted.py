"""The planted bugs still apply to the code; whether the suite catches them is `make mutants`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.hunt import ROOT, NotPlantedError, planted
from tests.mutants.planted import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_planted_bug_applies_to_the_code(mutant: Mutant) -> None:
    """Its text is there exactly once, what comes of it is Python, and the tests that should catch it exist."""
    assert planted(mutant) != (ROOT / mutant.file).read_text()
    for selection in mutant.tests:
        path, _, function = selection.partition("::")
        assert f"def {function}(" in (ROOT / path).read_text() or not function


def test_the_bugs_have_names_of_their_own() -> None:
    """A bug can be asked for by its name."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(("find", "complaint"), [("x = 1\n", "2 times"), ("y = 2\n", "0 times"), ("def", "compile")])
def test_a_bug_that_does_not_apply_is_said(tmp_path: Path, find: str, complaint: str) -> None:
    """A text that is gone, or there twice, or a result that is no Python, is an error and not a bug that was caught."""
    (tmp_path / "module.py").write_text("x = 1\nx = 1\n\n\ndef f() -> None: ...\n")
    mutant = replace(MUTANTS[0], file="module.py", find=find, replace="(")
    with pytest.raises(NotPlantedError, match=complaint):
        planted(mutant, tmp_path)
