"""What a chart costs that is drawn anew each second for every open page: its time and its size.

Run: python -m benchmarks.charts
"""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.console.charts import price_chart

CANDLES, ROUNDS = 300, 200
MOST_MS, MOST_KB = 5, 40


def answer(candles: int) -> dict[str, Any]:
    """Return what the API answers for a position with so many candles, four levels and three exits."""
    path = random.Random(4)
    start, price, made = datetime(2026, 1, 1, tzinfo=UTC), 0.00002345, []
    for n in range(candles):
        price *= path.lognormvariate(0, 0.01)
        at = (start + timedelta(seconds=30 * n)).isoformat().replace("+00:00", "Z")
        made.append({"at": at, "open": price, "low": price * 0.995, "high": price * 1.004, "close": price})
    targets = [{"price": 0.00002345 * gain, "sell_pct": "50", "taken": gain < 1.2} for gain in (1.1, 1.3)]
    exits = [
        {"at": made[n]["at"], "price": made[n]["close"], "reason": "take_profit_1", "status": "filled", "order_id": "e"}
        for n in (50, 120, 280)
    ]
    levels = {"entry": 0.00002345, "stop": 0.000021, "trailing_stop": 0.0000225, "targets": targets}
    return {"candles": made, "levels": levels, "exits": exits}


def main() -> None:
    """Draw, and print what it took."""
    chart, took, size = answer(CANDLES), [], 0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        size = len(price_chart(chart, symbol="BONK", decimals=5).encode())
        took.append((time.perf_counter() - begun) * 1e3)
    print(f"A chart of {CANDLES} candles: median {statistics.median(took):.2f} ms (most {MOST_MS}), ", end="")
    print(f"{size / 1e3:.1f} kB (most {MOST_KB}).")


if __name__ == "__main__":
    main()
