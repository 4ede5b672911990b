"""The OpenAPI document is what the API does, and nothing that fits or breaks it fails inside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from tests.api.commands import GUARD
from tests.api.desk import V1, Desk, running
from tests.factories import an_alert, an_exit

EXAMPLES = 12
BODIES = (b"[" * 60_000, b'{"percent": NaN}', b'{"percent": 1e400}', b"9" * 5000)
STREAMS = f"{V1}/events"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return an engine with something of everything."""

    def prepare(desk: Desk) -> None:
        desk.add()
        desk.store.commit(an_exit(status="filled"), an_alert())

    with running(tmp_path_factory.mktemp("schema"), prepare) as desk:
        yield desk


@pytest.fixture(scope="module")
def operations(served: Desk) -> list[Any]:
    """Return every operation but the stream, which does not end."""
    document = served.get("/openapi.json")
    del document["security"], document["components"]["securitySchemes"]  # wrong tokens have tests of their own
    schema = schemathesis.openapi.from_dict(document)
    found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    return [each for each in found if each.path != STREAMS]


def modes(operation: dict[str, Any]) -> list[schemathesis.GenerationMode]:
    """Return how *operation* can be asked: only as its schema says, where nothing can be given."""
    return list(schemathesis.GenerationMode) if "parameters" in operation else [schemathesis.GenerationMode.POSITIVE]


def test_nothing_that_is_sent_fails_inside(served: Desk, operations: list[Any]) -> None:
    """Schemathesis: whatever fits the schema, or does not, no answer is of the 500s."""
    base = str(served.client.base_url).rstrip("/")
    headers = {"Authorization": f"Bearer {served.token}"}
    document = served.get("/openapi.json")
    answers: Counter[int] = Counter()
    for operation in operations:
        if operation.path == f"{V1}/engine/drain":
            continue  # after it, every command is refused: it has tests of its own
        for mode in modes(document["paths"][operation.path][operation.method]):

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def check(case: Any) -> None:
                answer = case.call(base_url=base, headers=headers, timeout=20)
                answers[answer.status_code] += 1
                case.validate_response(answer, checks=[not_a_server_error])

            check()
    assert {200, 404, 422} <= set(answers)
    assert not {401, 429} & set(answers)


@settings(max_examples=150, deadline=None, database=None)
@given(body=st.binary(max_size=200) | st.sampled_from(BODIES))
def test_no_body_fails_inside(served: Desk, body: bytes) -> None:
    """Bytes that are no JSON, too deep, too large a number or none are refused, each with one sentence."""
    headers = {"Idempotency-Key": "any", "Content-Type": "application/json"}
    answer = served.client.post(f"{V1}/positions", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


@settings(max_examples=150, deadline=None, database=None)
@given(name=st.text(min_size=1, max_size=40))
def test_no_name_fails_inside(served: Desk, name: str) -> None:
    """A position that is not known is 404, whatever it is called, and 422 where it could be no name."""
    answer = served.client.get(f"{V1}/orders/" + "".join(f"%{byte:02x}" for byte in name.encode("utf-8", "replace")))
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("positions", {"mint": "x", "spend": 1, "plan": "balanced"}, "mint"),
        ("positions", {"mint": "D" * 44, "spend": 0, "plan": "balanced"}, "spend"),
        ("positions", {"mint": "D" * 44, "spend": True, "plan": "balanced"}, "spend"),
        ("positions", {"mint": "D" * 44, "spend": 1.5, "plan": "balanced"}, "spend"),
        ("positions", {"mint": "D" * 44, "spend": 1, "plan": {"stop_loss_pct": 200}}, "stop_loss_pct"),
        ("positions", {"mint": "D" * 44, "spend": 1, "plan": "balanced", "other": 1}, "other"),
        ("positions", {"mint": "D" * 44, "plan": "balanced"}, "spend"),
        ("positions/position-1/exit", {"percent": 101}, "percent"),
        ("orders/exit-1/retry", {"everything": "perhaps"}, "everything"),
    ],
)
def test_a_bad_body_is_told_which_field_is_wrong(served: Desk, path: str, body: object, field: str) -> None:
    """422, the field and one sentence; nothing is written down, since nothing was begun."""
    answer = served.post(f"{V1}/{path}", body, key=f"bad {field}".replace(" ", "-"))
    assert (answer.status_code, field in answer.json()["detail"]) == (422, True), answer.text


def test_a_bad_body_is_told_in_plain_words(served: Desk) -> None:
    """What the validating library calls its errors is left out."""
    path, headers = (
        f"{V1}/positions/position-1/exit",
        {"Idempotency-Key": "garbled", "Content-Type": "application/json"},
    )
    garbled = served.client.post(path, content=b"{x", headers=headers)
    assert garbled.json()["detail"].startswith("the body is not JSON: ")
    amount = served.post(f"{V1}/positions/guard", GUARD | {"amount": "-5"}, key="amount").json()["detail"]
    assert amount == "amount: should be a whole number, or its digits as a string"


def test_every_command_asks_for_a_key_and_every_operation_but_health_for_the_token(served: Desk) -> None:
    """The document says so, and names the token's scheme."""
    document = served.get("/openapi.json")
    assert document["security"] == [{"token": []}]
    for path, item in document["paths"].items():
        if "post" in item:
            assert "Idempotency-Key" in {each["name"] for each in item["post"]["parameters"] if each["required"]}
        assert ("security" in item.get("get", {})) == (path in {"/livez", "/readyz"})


def test_the_reference_loads_nothing_from_elsewhere(served: Desk) -> None:
    """/docs lists every operation, without a script, and with a policy that forbids any."""
    answer = served.client.get("/docs", headers={"Authorization": ""})
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://", answer.text)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    for path, item in served.get("/openapi.json")["paths"].items():
        for method in item:
            assert f"{method.upper()} {path}" in answer.text
    assert {served.client.get(path).status_code for path in ("/redoc", "/docs/oauth2-redirect")} == {404}
