"""The page for an operator."""

from __future__ import annotations

from engine.config.section import Section


class ConsoleSection(Section):
    """The operator's page, at `/` of the API. It needs the extra `[console]`."""

    enabled: bool = True
    """Whether it is served where the API is."""
