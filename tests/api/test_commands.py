"""A command has exactly one effect or none, however often, from wherever and with whatever it is given."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.api.audit import AuditError, AuditLog, verify
from engine.api.commands import REPLAYED, Call, Commands
from engine.api.folder import AUDIT
from engine.api.gate import LARGEST_BODY
from engine.clock import ManualClock
from engine.domain.errors import BadInputError
from engine.domain.order import OrderKind
from engine.domain.position import PositionStatus
from tests.api.commands import COMMANDS, GUARD, OPEN
from tests.api.desk import V1, Desk, all_at_once, running
from tests.doubles_store import MemoryStore

EXIT = f"{V1}/positions/position-1/exit"


def a_call(key: str = "key-1", **changes: Any) -> Call:
    """Return a call."""
    return Call(**{"who": "token", "what": "POST /x", "key": key, "body": b"{}", **changes})


def test_every_command_of_the_api_is_among_those_that_are_tried(desk: Desk) -> None:
    """The table of the tests has a row for each mutating operation of the OpenAPI document."""
    document = desk.get("/openapi.json")
    given = {path.replace("{position_id}", "position-1") for path, item in document["paths"].items() if "post" in item}
    given = {path.replace("{order_id}", "exit-1").replace("{alert_id}", "alert-1") for path in given}
    assert given == {V1 + path for path in COMMANDS}
    assert not any(set(item) - {"get", "post"} for item in document["paths"].values())


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_refused_has_no_effect(name: str, tmp_path: Path) -> None:
    """No token, a wrong one, another host, a foreign page, GET, no key, a bad key, a body that is too large."""
    spec = COMMANDS[name]
    with running(tmp_path, spec.prepare) as desk:
        before, too_large = spec.effects(desk), b"x" * (LARGEST_BODY + 1)
        refused = {
            "no token": (desk.post(spec.path, spec.body, headers={"Authorization": ""}), 401),
            "wrong token": (desk.post(spec.path, spec.body, headers={"Authorization": "Bearer " + "a" * 43}), 401),
            "wrong host": (desk.post(spec.path, spec.body, headers={"Host": "evil.example"}), 403),
            "foreign origin": (desk.post(spec.path, spec.body, headers={"Origin": "https://evil.example"}), 403),
            "opaque origin": (desk.post(spec.path, spec.body, headers={"Origin": "null"}), 403),
            "no key": (desk.post(spec.path, spec.body, key=None), 400),
            "bad key": (desk.post(spec.path, spec.body, key="a b"), 400),
            "too large": (desk.client.post(spec.path, content=too_large, headers={"Idempotency-Key": "k"}), 413),
        }
        for why, (answer, status) in refused.items():
            assert answer.status_code == status, f"{why}: {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json", why
            assert answer.json()["status"] == status
        got = desk.client.get(spec.path, headers={"Idempotency-Key": "key-2"})
        assert got.status_code in (404, 405) or spec.path == f"{V1}/positions"
        assert spec.effects(desk) == before
        assert desk.audit == []


@pytest.mark.parametrize("name", COMMANDS)
def test_many_at_once_with_one_key_have_one_effect(name: str, tmp_path: Path) -> None:
    """Fifty at once and one afterwards: one is carried out, the others are told to wait or get its answer."""
    spec = COMMANDS[name]
    with running(tmp_path, spec.prepare) as desk:
        before = spec.effects(desk)
        answers = all_at_once([lambda: desk.post(spec.path, spec.body)] * 50)
        assert spec.effects(desk) == before + 1
        assert {answer.status_code for answer in answers} <= {200, 409}
        firsts = [answer for answer in answers if answer.status_code == 200 and REPLAYED not in answer.headers]
        assert len(firsts) == 1
        again = desk.post(spec.path, spec.body)
        assert (again.status_code, again.json()) == (200, firsts[0].json())
        assert again.headers[REPLAYED] == "true"
        assert spec.effects(desk) == before + 1
        assert [line["event"] for line in desk.audit] == ["begun", "ended"]
        assert desk.audit[0]["what"] == f"POST {spec.path}"


def test_many_exits_at_once_with_keys_of_their_own_are_one_exit(desk: Desk) -> None:
    """The position lets one through; each of the others is told its state."""
    works = [partial(desk.post, EXIT, {"percent": 50}, key=f"key-{n}") for n in range(50)]
    answers = all_at_once(works)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
    assert sum(order.kind is OrderKind.EXIT for order in desk.orders()) == 1
    assert all("exit_pending" in answer.json()["detail"] for answer in answers if answer.status_code == 409)


def test_tokens_are_guarded_once_however_many_ask_for_them(tmp_path: Path) -> None:
    """Of ten that guard 1000 of 5000 tokens at once, five find some left."""
    with running(tmp_path) as desk:
        works = [partial(desk.post, f"{V1}/positions/guard", GUARD, key=f"key-{n}") for n in range(10)]
        assert Counter(answer.status_code for answer in all_at_once(works)) == {200: 5, 422: 5}
        assert sum(position.remaining_tokens for position in desk.store.positions()) == 5_000_000_000


def test_a_key_is_good_for_one_call(desk: Desk) -> None:
    """The same key with another body or another path is refused, and has no effect."""
    assert desk.post(EXIT, {"percent": 50}).status_code == 200
    for path, body in ((EXIT, {"percent": 60}), (f"{V1}/positions/position-1/emergency", None)):
        answer = desk.post(path, body)
        assert (answer.status_code, "Idempotency-Key" in answer.json()["detail"]) == (422, True)
    assert len(desk.orders()) == 1


def test_a_key_is_remembered_across_a_restart(tmp_path: Path) -> None:
    """The answer is the same, and nothing is sold again."""
    store = MemoryStore()
    with running(tmp_path, lambda desk: desk.add(), store=store) as desk:
        first = desk.post(EXIT, {"percent": 50})
    with running(tmp_path, store=store) as desk:
        again = desk.post(EXIT, {"percent": 50})
        assert (again.status_code, again.json(), again.headers[REPLAYED]) == (200, first.json(), "true")
        assert len(desk.orders()) == 1


def test_a_call_that_was_interrupted_is_not_repeated(tmp_path: Path) -> None:
    """What was begun and has no outcome is refused after a restart: nobody knows what came of it."""
    calls: list[int] = []
    commands = Commands(tmp_path / AUDIT, ManualClock())
    with pytest.raises(KeyboardInterrupt):
        commands.carry_out(a_call(), _interrupted)
    commands.close()
    again = Commands(tmp_path / AUDIT, ManualClock())
    with pytest.raises(Exception, match="was interrupted"):
        again.carry_out(a_call(), lambda: calls.append(1))
    again.close()
    assert calls == []


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_nothing_is_done_where_nothing_can_be_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk refuses the command, and its key stays good."""
    calls: list[int] = []
    commands = Commands(tmp_path / AUDIT, ManualClock())
    with monkeypatch.context() as broken:
        broken.setattr("engine.api.audit._write", _full)
        with pytest.raises(Exception, match="No space left"):
            commands.carry_out(a_call(), lambda: calls.append(1))
    assert calls == []
    assert commands.carry_out(a_call(), lambda: calls.append(1)).status_code == 200
    commands.close()
    assert calls == [1]


def _full(_descriptor: int, _raw: bytes) -> None:
    raise OSError(28, "No space left on device")


def test_a_thousand_at_once_call_once(tmp_path: Path) -> None:
    """One of a thousand threads acts."""
    calls: list[int] = []
    commands = Commands(tmp_path / AUDIT, ManualClock())

    def call() -> int:
        try:
            return commands.carry_out(a_call(), lambda: calls.append(1)).status_code
        except Exception as error:  # noqa: BLE001 - its status is what is looked at
            return int(getattr(error, "status", 0))

    assert set(all_at_once([call] * 1000)) <= {200, 409}
    commands.close()
    assert calls == [1]


def test_the_log_says_who_did_what_and_when(desk: Desk) -> None:
    """A refusal of the engine is an outcome too; the file is its owner's alone, and holds no token."""
    desk.post(EXIT, {"percent": 50})
    desk.post(EXIT, {"percent": 50}, key="key-2")
    begun, ended, _, refused = desk.audit
    assert begun["who"].startswith("token ")
    assert begun["who"].endswith(" from 127.0.0.1")
    assert (begun["what"], begun["key"], json.loads(begun["body"])) == (f"POST {EXIT}", "key-1", {"percent": 50})
    assert begun["at"] == "2025-06-15T15:06:40.000000000Z"
    assert (ended["of"], ended["status"], refused["status"]) == (1, 200, 409)
    path = desk.folder / AUDIT
    assert path.stat().st_mode & 0o777 == 0o600
    assert desk.token not in path.read_text(encoding="utf-8")
    assert verify(path) == (4, refused["hash"])


@pytest.mark.parametrize("fault", ["changed", "left out", "put in", "swapped", "spaced"])
def test_a_log_that_was_tampered_with_is_found_out(tmp_path: Path, fault: str) -> None:
    """A line that is changed, left out, put in or moved breaks the chain, and the log is not written on."""
    path = tmp_path / AUDIT
    log = AuditLog(path)
    for number in range(4):
        log.append({"event": "begun", "key": f"key-{number}", "fingerprint": "", "what": "POST /x"})
    log.close()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    match fault:
        case "changed":
            lines[1] = lines[1].replace("key-1", "key-9")
        case "left out":
            del lines[1]
        case "put in":
            lines.insert(1, lines[0])
        case "swapped":
            lines[1], lines[2] = lines[2], lines[1]
        case _:
            lines[1] = lines[1].replace(":", ": ")
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(AuditError, match="line 2"):
        verify(path)
    with pytest.raises(BadInputError, match="line 2"):
        Commands(path, ManualClock())


def test_a_line_that_was_being_written_is_dropped(tmp_path: Path) -> None:
    """A torn tail is what a power cut leaves: nothing was done after it, and the chain goes on before it."""
    path = tmp_path / AUDIT
    log = AuditLog(path)
    log.append({"event": "begun"})
    log.close()
    with path.open("ab") as file:
        file.write(b'{"event": "en')
    again = AuditLog(path)
    again.append({"event": "ended"})
    again.close()
    assert verify(path)[0] == 2


def test_paused_entries_stay_paused_across_a_restart(tmp_path: Path) -> None:
    """No position is opened until entries are resumed; exits go on."""
    store = MemoryStore()
    with running(tmp_path, lambda desk: desk.add(), store=store) as desk:
        desk.post(f"{V1}/engine/entries/pause", key="pause")
    with running(tmp_path, store=store) as desk:
        answer = desk.post(f"{V1}/positions", OPEN)
        assert (answer.status_code, "paused" in answer.json()["detail"]) == (409, True)
        assert desk.post(EXIT, key="exit").status_code == 200
        desk.post(f"{V1}/engine/entries/resume", key="resume")
        assert desk.post(f"{V1}/positions", OPEN, key="again").status_code == 200


def test_a_draining_engine_takes_no_command_and_uses_up_no_key(desk: Desk) -> None:
    """It says so with 503; the position stays as it was, and the key is good once it runs again."""
    desk.process.draining = True
    answer = desk.post(EXIT)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert desk.audit == []
    desk.process.draining = False
    assert desk.post(EXIT).status_code == 200
    assert desk.store.positions()[0].status is PositionStatus.EXIT_PENDING
