"""Who gets in: by the token alone, and nothing of the page without it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import UP_TO_DATE, Stage, sign_in, staged
from tests.browser.visitor import Visit

JOIN = "/gradio_api/queue/join"
"""Where Gradio takes a press of a button."""


def _give(page: Page, token: str) -> None:
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_token_is_named_and_the_right_one_lets_in(visitor: Visit, stage: Stage) -> None:
    """Whoever opens the console is asked for the token; a wrong one leads nowhere."""
    visitor.expect_error("status of 401")
    page = visitor.page()
    page.goto(stage.url)
    expect(page).to_have_url(f"{stage.url}/sign-in")
    _give(page, "x" * 43)
    expect(page.get_by_role("alert")).to_have_text("The token is wrong.")
    _give(page, stage.token)
    expect(page.locator(UP_TO_DATE)).to_be_attached()
    expect(page).to_have_url(f"{stage.url}/")


def test_what_stands_for_the_token_is_out_of_reach_for_scripts_and_other_sites(visitor: Visit, stage: Stage) -> None:
    """The cookie is HttpOnly and SameSite=Strict, is not the token, and ends with signing out."""
    visitor.expect_error("status of 401")  # of an update that was under way
    page = visitor.page()
    stage.sign_in(page)
    (cookie,) = visitor.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert stage.token not in cookie["value"]
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{stage.url}/sign-in")
    page.goto(stage.url)
    expect(page).to_have_url(f"{stage.url}/sign-in")


@pytest.mark.parametrize("path", ["/config", "/theme.css", "/gradio_api/queue/data?session_hash=x"])
def test_nothing_of_the_page_is_served_to_a_stranger(stage: Stage, path: str) -> None:
    """Neither what the page is made of nor its stream of answers."""
    assert httpx.get(stage.url + path).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize(
    ("origin", "status"), [(None, 403), ("https://evil.example", 403), ("http://127.0.0.1:1", 403), ("own", 422)]
)
def test_another_page_cannot_press_a_button(visitor: Visit, stage: Stage, origin: str | None, status: int) -> None:
    """A POST to a function of the page passes with the cookie and the page's own origin, and otherwise with neither."""
    stage.sign_in(visitor.page())
    (cookie,) = visitor.context.cookies()
    headers = {} if origin is None else {"Origin": stage.url if origin == "own" else origin}
    with httpx.Client(base_url=stage.url, cookies={cookie["name"]: cookie["value"]}, headers=headers) as client:
        assert client.post(JOIN, json={}).status_code == status
    assert httpx.post(stage.url + JOIN, json={}, headers=headers).status_code == (
        403 if status == 403 and origin else 401
    )


def test_five_wrong_tokens_shut_out_the_right_one(visitor: Visit, tmp_path: Path) -> None:
    """The sixth try is not heard, whatever it is; a page that is signed in stays so."""
    with staged(tmp_path) as stage:
        inside = visitor.page()
        sign_in(inside, stage.url, stage.token)
        with httpx.Client(base_url=stage.url, headers={"Origin": stage.url}) as stranger:
            answers = [stranger.post("/sign-in", data={"token": "x" * 43}).status_code for _ in range(5)]
            assert answers == [401] * 5
            refused = stranger.post("/sign-in", data={"token": stage.token})
        assert (refused.status_code, "set-cookie" in refused.headers) == (429, False)
        assert "Too many wrong tokens: wait" in refused.text
        inside.reload()
        expect(inside.locator(UP_TO_DATE)).to_be_attached()
        inside.close()
