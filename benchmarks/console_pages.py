"""The console's server without a browser: what scripted pages cost it, and how long an update of one takes.

Such a page does what a page in a browser does once a second: it joins Gradio's queue with the event of its timer, and
reads the answer from the stream.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

EVERY = 1.0
"""Seconds between two updates of a page."""
_JOIN, _DATA = "/gradio_api/queue/join", "/gradio_api/queue/data"


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used, all its threads together (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def scripted(pid: int, url: str, token: str, pages: int, span: float) -> tuple[float, Sequence[float]]:
    """Return the server's share of a core while pages are open, and the seconds that each of their updates took.

    Args:
        pid: of the server's process.
        url: where the console is, without a trailing slash.
        token: the API's.
        pages: how many; their updates are spread over the second.
        span: seconds that each of them is open.
    """
    options: dict[str, Any] = {"base_url": url, "headers": {"Authorization": f"Bearer {token}"}, "timeout": 30}
    with httpx.Client(limits=httpx.Limits(max_connections=None), **options) as client:
        event = _timer(client.get("/config").raise_for_status().json())
        for number in range(pages):
            _update(client, event, number)  # the first brings the whole page

        def follow(number: int) -> list[float]:
            return _page(client, event, number, begun + EVERY * number / pages, span)

        with ThreadPoolExecutor(pages) as threads:
            begun, used = time.perf_counter(), cpu(pid)
            took = [each for page in threads.map(follow, range(pages)) for each in page]
            return (cpu(pid) - used) / (time.perf_counter() - begun), took


def _timer(config: dict[str, Any]) -> dict[str, Any]:
    """Return what a page sends when its timer ticks."""
    components = {each["id"]: each for each in config["components"]}
    (timer,) = [number for number, each in components.items() if each["type"] == "timer"]
    (function,) = [each for each in config["dependencies"] if [timer, "tick"] in each["targets"]]
    data = [components[number]["props"].get("value") for number in function["inputs"]]
    return {"data": data, "fn_index": function["id"], "trigger_id": timer, "event_data": None}


def _page(client: httpx.Client, event: dict[str, Any], number: int, at: float, span: float) -> list[float]:
    took, end, never = [], at + span, threading.Event()
    while at < end:
        never.wait(max(0.0, at - time.perf_counter()))
        begun = time.perf_counter()
        _update(client, event, number)
        took.append(time.perf_counter() - begun)
        at = max(at + EVERY, time.perf_counter())
    return took


def _update(client: httpx.Client, event: dict[str, Any], number: int) -> None:
    name = f"page-{number}"
    client.post(_JOIN, json={**event, "session_hash": name}).raise_for_status()
    with client.stream("GET", _DATA, params={"session_hash": name}) as answers:
        for line in answers.iter_lines():
            said = json.loads(line.removeprefix("data: ")) if line else {}
            if said.get("msg") == "process_completed" and not said["success"]:
                raise RuntimeError(f"an update failed: {line}")
