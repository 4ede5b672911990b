"""Exit plans as the command line names them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from engine.domain.errors import BadInputError
from engine.domain.plan import PRESETS, ExitPlan, parse_plan


def plan_named(text: str) -> ExitPlan:
    """Return the plan that *text* names: a preset, a JSON object, or a .json or .toml file.

    Raises:
        BadInputError: there is no such plan, or it makes no sense: every fault is named.
    """
    if text in PRESETS:
        return PRESETS[text]
    if text.lstrip().startswith("{"):
        return parse_plan(_json(text, "--plan"))
    file = Path(text)
    if file.suffix not in (".json", ".toml"):
        names = ", ".join(PRESETS)
        raise BadInputError(f"there is no plan {text!r}: name {names}, a .json or .toml file, or give the plan as JSON")
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"the plan {file} cannot be read: {error}") from None
    try:
        return parse_plan(_json(content, str(file)) if file.suffix == ".json" else _toml(content, file))
    except BadInputError as error:
        raise BadInputError(f"{file}: {error}") from None


def plan_body(plan: ExitPlan) -> dict[str, Any] | str:
    """Return *plan* as the API takes it: by its name if it is a preset."""
    from engine.api.schemas import shown_plan

    return next((name for name, preset in PRESETS.items() if preset == plan), None) or shown_plan(plan)


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInputError(f"{what} is not JSON: {error}") from None


def _toml(text: str, file: Path) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{file} is not TOML: {error}") from None
