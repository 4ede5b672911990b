"""The pictures of the console in docs/images/, of a real engine on an embedded cluster.

Run: python -m docs.screenshots

Prices follow scripted paths on a clock that runs fast, so that there is something to see: positions in gain and in
loss, exits by several rules, one that failed for good, and its alert.
"""

from __future__ import annotations

import io
import math
import tempfile
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from engine import logs
from engine.domain.position import Position
from tests.browser.chromium import launch
from tests.browser.console import Console
from tests.browser.stage import Stage, staged
from tests.browser.visitor import Visit, visit
from tests.waiting import PATIENCE, eventually

IMAGES = Path(__file__).parent / "images"
LARGEST = 150_000
"""Bytes of a picture."""
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
STEPS, STEP = 120, 0.25
"""How many prices are played, and the seconds between two."""
COLOURS = 128


def _path(symbol: str, step: int) -> float:
    """Return the price of *symbol* at *step*, as a multiple of its first."""
    part = step / STEPS
    wave = 0.008 * math.sin(step / 2.3 + len(symbol)) + 0.005 * math.sin(step * 1.7)
    trend = {
        "BONK": 1 + min(0.62 * part / 0.7, 0.62) - max(0.0, part - 0.75) * 0.6,
        "WIF": 1 + 0.05 * math.sin(part * 5) - max(0.0, part - 0.4) * 0.6,
        "POPCAT": 1 + 0.07 * math.sin(part * 7),
        "WEN": 1 - 0.3 * max(0.0, part - 0.25),
        "PENGU": 1 + 0.3 * part,
        "GIGA": 1 - 0.14 * part,
        "MEW": 1 + 0.12 * math.sin(part * 4) * part,
    }[symbol]
    return trend + wave


SYMBOLS = ("MEW", "GIGA", "PENGU", "WEN", "POPCAT", "WIF", "BONK")


def play(stage: Stage) -> dict[str, Position]:
    """Open the positions, let their prices move, and act now and then; return the positions by symbol."""
    positions = {symbol: stage.hold(symbol) for symbol in SYMBOLS}
    deeds: dict[int, Callable[[], object]] = {
        20: lambda: stage.cluster.halt("WEN"),
        50: lambda: stage.engine.exit(positions["PENGU"].id, Decimal(40)),
        95: lambda: stage.engine.emergency_exit(positions["GIGA"].id),
    }
    pause = threading.Event()
    for step in range(STEPS):
        for symbol in SYMBOLS:
            stage.cluster.move(symbol, f"{_path(symbol, step):.5f}")
        if step in deeds:
            deeds[step]()
        pause.wait(STEP)
    eventually(lambda: stage.position(positions["WEN"].id).needs_action, "an exit failed for good")
    stage.cluster.halt("POPCAT")
    stage.engine.exit(positions["POPCAT"].id)
    return positions


def save(page: Page, name: str, *, full: bool = True) -> None:
    """Write the page as it is to console-NAME.png, in few colours.

    Raises:
        ValueError: the picture is larger than a README should bring.
    """
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full, animations="disabled"))).convert("RGB")
    file = IMAGES / f"console-{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    if file.stat().st_size > LARGEST:
        raise ValueError(f"{file} has {file.stat().st_size} bytes, more than {LARGEST}")


def _desk(visitor: Visit, stage: Stage, positions: dict[str, Position]) -> None:
    page = visitor.page()
    page.goto(stage.url)
    expect(page.get_by_label("API token")).to_be_visible()
    save(page, "sign-in")
    stage.sign_in(page)
    console = Console(page)
    console.pick(positions["BONK"])
    expect(console.status.locator("[data-status]")).to_be_visible()
    save(page, "positions")
    console.tab("Orders")
    page.get_by_role("region", name="Orders").get_by_role("row").filter(has_text="WEN").get_by_role(
        "button"
    ).first.click()
    expect(page.get_by_role("region", name="Timeline")).to_be_visible()
    save(page, "orders")
    console.tab("Alerts")
    page.get_by_role("region", name="Alerts").get_by_role("button", name="EXIT FAILED").first.click()
    expect(console.panel).to_contain_text("Token: WEN")
    save(page, "alerts")
    console.tab("Queue")
    expect(console.panel).to_contain_text("POPCAT")
    save(page, "queue")
    console.tab("PnL")
    expect(console.panel.locator("svg").first).to_be_visible()
    save(page, "pnl")
    console.tab("Events")
    stage.engine.retry(stage.exits(positions["WEN"])[0].id)
    expect(console.panel).to_contain_text("cancelled")
    save(page, "events")


def _dark(visitor: Visit, stage: Stage, positions: dict[str, Position]) -> None:
    console = Console(visitor.page())
    stage.sign_in(console.page)
    console.pick(positions["WEN"])
    console.becomes("CANCELLED")
    save(console.page, "dark")


def _phone(visitor: Visit, stage: Stage, positions: dict[str, Position]) -> None:
    console = Console(visitor.page())
    stage.sign_in(console.page)
    console.pick(positions["BONK"])
    save(console.page, "phone")


def _take(browser: Browser, stage: Stage) -> None:
    positions = play(stage)
    looks: Sequence[tuple[Any, dict[str, Any]]] = (
        (_desk, DESK),
        (_dark, {**DESK, "color_scheme": "dark"}),
        (_phone, PHONE),
    )
    for look, options in looks:
        with visit(browser, **options) as visitor:
            look(visitor, stage, positions)


def main() -> None:
    """Take every picture."""
    logs.configure(level="critical")
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage, sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE * 1_000)
        browser = launch(playwright)
        _take(browser, stage)
        browser.close()
    for file in sorted(IMAGES.glob("console-*.png")):
        print(f"{file.name} {file.stat().st_size:,} bytes")  # noqa: T201 - what a command prints


if __name__ == "__main__":
    main()
