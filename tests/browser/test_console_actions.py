"""A hand on a live call, from its page: what is clicked happens at OpenAI's side, and stands in the record."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from infra.local.cloud import LocalCloud
from tests.e2e.house import agent, asked, script, words

GREETING = "Thank you for calling."
T = TypeVar("T")


def away(act: Callable[[], T]) -> T:
    """Ask the emulator in another thread: the browser has the event loop of this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act).result()


@pytest.fixture
def live(cloud: LocalCloud, page: Page) -> str:
    """A call in progress, and its page."""
    call_id = away(lambda: cloud.emulator.ring(script(agent(GREETING), stay=True)))
    away(lambda: cloud.emulator.until(call_id, lambda known: GREETING in words(known)))
    page.goto(f"{page.url.partition('/calls')[0]}/calls/{call_id}")
    expect(page.get_by_role("heading", name="Act on this call")).to_be_visible()
    return call_id


def test_an_operator_says_something_and_hangs_up(cloud: LocalCloud, page: Page, live: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert Axe().run(page).violations_count == 0
    page.get_by_label("The agent says, word for word").fill("We close <b>now</b>.")
    page.get_by_role("button", name="Say").click()
    entry = page.locator(".entry.action")
    expect(entry).to_contain_text("Say: We close <b>now</b>.")
    expect(entry).to_contain_text("done, by arn:aws:")
    assert "We close <b>now</b>." in words(away(lambda: cloud.emulator.shown(live)))

    page.get_by_role("button", name="Hang up").click()  # the browser asks for the tick first
    assert not away(lambda: cloud.emulator.shown(live))["ended"]
    page.get_by_label("without a goodbye").check()
    page.get_by_label("yes, hang up").check()
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_text("An operator hung up")).to_be_visible()
    assert len(asked(away(lambda: cloud.emulator.until_ended(live)), "hangup")) >= 1
    assert cloud.records.wait_for_end(live).call["end_reason"] == "operator_hung_up"


def test_what_is_typed_stays_while_the_page_follows_the_call(cloud: LocalCloud, page: Page, live: str) -> None:
    page.get_by_label("Tell the agent").fill("Half a sent")
    away(lambda: cloud.emulator.say(live, "Hello, are you there?"))
    expect(page.get_by_text("Hello, are you there?")).to_be_visible()
    expect(page.get_by_label("Tell the agent")).to_have_value("Half a sent")
    cloud.cli("calls", "hang-up", live, "--now", "--yes")


def test_an_agent_on_hold_listens_until_it_is_resumed_and_the_caller_is_transferred(
    cloud: LocalCloud, page: Page, live: str
) -> None:
    page.get_by_role("button", name="Hold").click()
    expect(page.locator(".entry.action", has_text="Put the agent on hold")).to_contain_text("done, by arn:aws:")
    before = words(away(lambda: cloud.emulator.shown(live)))
    away(lambda: cloud.emulator.say(live, "Hello, are you there?"))
    expect(page.get_by_text("Hello, are you there?")).to_be_visible()
    assert words(away(lambda: cloud.emulator.shown(live))) == before

    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".entry.action", has_text="Let the agent go on")).to_contain_text("done, by arn:aws:")
    away(lambda: cloud.emulator.until(live, lambda known: len(words(known)) > len(before)))

    page.get_by_label("Transfer to a target of the agent's, or a number").fill("desk")
    page.get_by_label("yes, transfer").check()
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_text("The caller was transferred")).to_be_visible()
    known = away(lambda: cloud.emulator.until_ended(live))
    assert [request["body"] for request in asked(known, "refer")] == [{"target_uri": "tel:+14255550100"}]
    assert cloud.records.wait_for_end(live).call["end_reason"] == "transferred"


def test_of_two_operators_who_hang_up_at_once_one_has_done_it(cloud: LocalCloud, page: Page, live: str) -> None:
    with page.context.new_page() as first, page.context.new_page() as second:
        both = (first, second)
        for each in both:
            each.goto(page.url)
            each.get_by_label("without a goodbye").check()
            each.get_by_label("yes, hang up").check()
        for each in both:
            each.get_by_role("button", name="Hang up").click(no_wait_after=True)
        record = away(lambda: cloud.records.wait_for_end(live))
        for each in both:  # who came second may have been told that it is over
            each.goto(page.url)
            expect(each.get_by_text("An operator hung up")).to_be_visible()
    came = [item["outcome"] for item in record.items if item["kind"] == "action"]
    assert came.count("done") == 1, came
