"""The console, as somebody with a browser sees it."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from infra.local.cloud import LocalCloud
from ringside.aws.record import Ownership, Record
from ringside.calls import End, EndReason, Status, Step
from ringside.conversation.events import Usage
from ringside.conversation.items import ToolRun, Turn

ALICE, PREMIUM, SHOP = "+14255550112", "+19005550100", "+18005551212"
SCHEMES = ("light", "dark")

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "</p></article><h1>Your bank</h1>",
    "[click](javascript:alert(1)) https://evil.example/?q=1",
    "{{ 7*7 }} {% raw %} ${7*7} #{7*7}",
    "&lt;b&gt;already escaped&lt;/b&gt; &#x3C;script&#x3E;",
    "\x1b[2J\x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x00 \x9b31m",
    "\u202egnp.exe\u202c \u2066left\u2069 \ufeff",
    "data:text/html,<script>alert(1)</script>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
]


def record_of(cloud: LocalCloud) -> Record:
    return Record(cloud.aws.dynamodb, cloud.table, retention_days=90)


def answer(record: Record, call_id: str, at: float, **more: Any) -> Ownership:
    """A call that is live."""
    decision = {"verdict": "accept", "rule": "no rule matched", "sip_status": None}
    facts = {"agent": "concierge", "model": "m", "caller": ALICE, "dialled": SHOP, "decision": decision, **more}
    record.claim({"call_id": call_id, "steps": {Step.CREATED: at, Step.RECEIVED: at + 0.2}, **facts}, at)
    record.accepted(call_id, {Step.ACCEPTED: at + 0.5})
    record.take(call_id, "monitor", "message", {Step.TAKEN: at + 0.6, Step.FIRST_AUDIO: at + 1.2}, None)
    return Ownership(call_id, "monitor", 1)


def say(record: Record, mine: Ownership, position: int, text: str, at: float) -> None:
    turn = Turn(f"item_{position}", "caller", at, text, "final", at + 1)
    record.save(mine, position, turn.as_item())


def end(record: Record, mine: Ownership, at: float, detail: str = "", **facts: Any) -> None:
    known = {"duration": 61.5, "usage": asdict(Usage(input_audio=1000)), "cost": 0.0625, "prices_as_of": "2026-11-22"}
    record.end(mine, End(Status.ENDED, EndReason.CALLER_HUNG_UP, at + 62, detail), {**known, **facts})


def ring(cloud: LocalCloud, script: str, caller: str, called: str) -> str:
    """A call. In a thread of its own: Playwright has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(cloud.emulator.ring, script, caller, called).result()


def go(page: Page, path: str) -> None:
    """Another page of the console."""
    here = urlsplit(page.url)
    answer = page.goto(f"{here.scheme}://{here.netloc}{path}")
    assert answer is not None
    assert answer.status == 200


def test_a_call_is_found_in_the_list_and_read(page: Page, cloud: LocalCloud) -> None:
    call_id = ring(cloud, "opening-hours", ALICE, SHOP)
    cloud.records.wait_for_end(call_id)
    go(page, "/calls")
    row = page.locator(f"#{call_id}")
    expect(row).to_contain_text("The agent said goodbye and hung up")

    row.get_by_role("link").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text(ALICE)
    talk = page.get_by_role("log", name="Conversation")
    expect(talk).to_contain_text("when you are open on Saturday")
    expect(talk.locator(".tool").first).to_contain_text("opening_hours")
    expect(page.get_by_role("img")).to_be_visible()  # the answer budget
    assert urlsplit(page.url).path == f"/calls/{call_id}"
    assert "token" not in page.url


def test_the_list_fills_as_calls_come(page: Page, cloud: LocalCloud) -> None:
    go(page, "/calls")
    call_id = ring(cloud, "opening-hours", PREMIUM, SHOP)

    expect(page.locator(f"#{call_id}")).to_contain_text("Turned away by the rule “no premium-rate callers”")


def test_filters_are_in_the_url_and_an_empty_list_says_what_to_do(page: Page, cloud: LocalCloud) -> None:
    record, at = record_of(cloud), time.time() - 3600
    end(record, answer(record, "rtc_filtered", at, caller="+4930123456"), at)
    go(page, "/calls")

    page.get_by_label("Caller", exact=True).fill("+49 30 123456")
    page.get_by_label("Status").select_option("ended")
    page.get_by_role("button", name="Show").click()

    expect(page.locator("tbody tr")).to_have_count(1)
    assert "status=ended" in page.url
    page.get_by_label("Status").select_option("missed")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#list")).to_contain_text("Choose other days or fewer filters")
    page.get_by_label("Call id").fill("rtc_filt")
    page.get_by_role("button", name="Open").click()
    expect(page).to_have_url(re.compile("/calls/rtc_filtered$"))


def test_words_are_seen_as_they_are_written_and_the_end_too(page: Page, cloud: LocalCloud) -> None:
    record, at = record_of(cloud), time.time()
    mine = answer(record, "rtc_spoken", at)
    say(record, mine, 2, "the first words", at)
    go(page, "/calls/rtc_spoken")
    talk = page.get_by_role("log")
    expect(talk).to_contain_text("the first words")
    first = talk.locator("article").first.element_handle()

    written = time.monotonic()
    say(record, mine, 4, "and some more", at + 2)
    expect(talk).to_contain_text("and some more")
    took = time.monotonic() - written

    assert took < 5  # about a second where nothing else runs
    assert first is not None
    assert first.evaluate("node => node.isConnected")  # what did not change was left alone
    end(record, mine, at)
    expect(page.locator("#head")).to_contain_text("The caller hung up")


def test_live_calls_show_their_last_words_until_they_are_over(page: Page, cloud: LocalCloud) -> None:
    record, at = record_of(cloud), time.time()
    mine = answer(record, "rtc_card", at)
    go(page, "/live")
    card = page.locator("#rtc_card")
    expect(card).to_contain_text(ALICE)
    say(record, mine, 2, "Is anybody there?", at)
    expect(card).to_contain_text("Is anybody there?")
    end(record, mine, at)
    expect(card).to_have_count(0)


def test_a_focus_is_kept_while_the_page_changes(page: Page, cloud: LocalCloud) -> None:
    record, at = record_of(cloud), time.time()
    mine = answer(record, "rtc_focus", at)
    go(page, "/live")
    page.locator("#rtc_focus a").focus()
    say(record, mine, 2, "Hello?", at)
    expect(page.locator("#rtc_focus")).to_contain_text("Hello?")
    assert page.evaluate("document.activeElement.closest('li')?.id") == "rtc_focus"
    end(record, mine, at)


def test_a_stranger_s_words_are_words_on_every_page(page: Page, cloud: LocalCloud) -> None:
    record, at = record_of(cloud), time.time() - 120
    everything = " ".join(HOSTILE)
    headers = [{"name": text, "value": text} for text in HOSTILE]
    rule = {"verdict": "accept", "rule": everything, "sip_status": None}
    mine = answer(
        record, "rtc_hostile", at, caller_shown=everything, agent=everything, decision=rule, sip_headers=headers
    )
    for index, text in enumerate(HOSTILE):
        say(record, mine, 10 + index, text, at + index)
        run = ToolRun(f"fc_{index}", f"tool_{index}", text, text, at + index, "ok", text, 0.1)
        record.save(mine, 100 + index, run.as_item())
    record.note(mine, {"notes": {text[:60]: text for text in HOSTILE}})
    go(page, "/live")
    expect(page.locator("#rtc_hostile")).to_contain_text(HOSTILE[-1][:20])
    assert_only_text(page)
    go(page, "/calls/rtc_hostile")
    time_of_first_look = page.locator("article").count()
    say(record, mine, 50, everything, at + 30)  # also what comes by script
    expect(page.locator("article")).to_have_count(time_of_first_look + 1)
    for text in HOSTILE[:7]:
        expect(page.get_by_role("log")).to_contain_text(text)
    expect(page.get_by_role("log")).to_contain_text(r"\x1b[2J")
    expect(page.get_by_role("log")).to_contain_text(r"\u202egnp.exe")
    assert_only_text(page)
    end(record, mine, at, detail=everything)
    for path in ("/calls", "/calls/rtc_hostile", "/numbers", "/calls?agent=%3Cscript%3Ealert(1)%3C%2Fscript%3E"):
        go(page, path)
        assert_only_text(page)


def assert_only_text(page: Page) -> None:
    """Nothing on the page runs, loads or leads elsewhere, and no character obeys anything but its font."""
    found = page.evaluate(
        """() => ({
            scripts: [...document.scripts].map((each) => each.getAttribute('src')),
            strange: document.querySelectorAll('img, iframe, object, style, [onerror], [onload], [style]').length,
            links: [...document.links].map((each) => each.getAttribute('href')).filter((to) => !/^[/#]/.test(to)),
            text: document.body.innerText,
        })"""
    )
    assert (found["scripts"], found["strange"], found["links"]) == (["/static/console.js"], 0, [])
    controls = {
        *(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"),
        *"\u202e\u202c\u2066\u2069\ufeff",
    }
    assert not controls & set(found["text"])


@pytest.fixture
def a_day(cloud: LocalCloud) -> str:
    """Some calls that are over; the id of one with everything in it."""
    record, at = record_of(cloud), time.time() - 600
    mine = answer(record, f"rtc_day_{time.time_ns()}", at)
    for position in range(2, 12):
        say(record, mine, position, "Good morning! I would like to know when you are open.", at + position)
    run = ToolRun("fc_1", "item_t", "opening_hours", '{"day":"monday"}', at + 14, "ok", "9 am to 6 pm", 0.012)
    record.save(mine, 20, run.as_item())
    gap = {"kind": "gap", "item_id": "gap_1", "started_at": at + 16, "ended_at": at + 19, "text": "monitor lost"}
    record.save(mine, 21, gap)
    end(record, mine, at)
    return mine.call_id


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_page_is_accessible_and_fits_every_width(page: Page, a_day: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    asked = "?from=%2B14255550112&to=%2B18005551212"
    for path in ("/calls", f"/calls/{a_day}", "/live", "/numbers?from=2026-11-20", "/agents", f"/agents{asked}"):
        go(page, path)
        for details in page.locator("details").all():
            details.evaluate("node => node.open = true")
        for width in (380, 1280, 2560):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, (path, width)
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path} at {width}:\n{found.generate_report()}"


def test_everything_can_be_reached_with_the_keyboard(page: Page, a_day: str) -> None:
    go(page, "/calls")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('tr')?.id") == a_day:
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(ALICE)


def test_what_is_asked_wrongly_is_answered_in_words(page: Page) -> None:
    here = urlsplit(page.url)
    for path, status, says in (
        ("/calls?from=2026-13-01", 400, "2026-13-01 is not a date"),
        ("/calls?caller=alice", 400, "alice is not an international number"),
        ("/calls/rtc_nobody", 404, "there is no call rtc_nobody"),
        ("/nowhere", 404, "There is no such page"),
    ):
        answer = page.request.get(f"{here.scheme}://{here.netloc}{path}")
        assert (answer.status, says in answer.text()) == (status, True), path
    go(page, "/agents?from=alice&to=bob")
    expect(page.get_by_role("alert")).to_contain_text("alice is not an international number")


def test_who_would_be_let_in_is_asked_on_the_page_of_agents(page: Page) -> None:
    go(page, "/agents")
    page.get_by_label("Caller", exact=True).fill(PREMIUM)
    page.get_by_label("Dialled number").fill(SHOP)
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".verdict")).to_contain_text("reject with SIP 603, by the rule “no premium-rate callers”")


def test_nobody_without_the_token_sees_anything(page: Page, cloud: LocalCloud) -> None:
    assert cloud.console_url is not None
    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as stranger:
        answer = stranger.request.get(cloud.console_url.partition("?")[0])
        assert (answer.status, "token" in answer.text()) == (403, True)


def test_a_call_of_five_hundred_turns_is_on_the_screen_soon(page: Page, cloud: LocalCloud) -> None:
    """Quiet, a sixth of a second; the bound has room for a machine that does other things."""
    record, at = record_of(cloud), time.time() - 600
    mine = answer(record, "rtc_long", at)
    for number in range(500):
        say(record, mine, 1000 + number, f"This is turn number {number}.", at + number)
    end(record, mine, at + 500)

    began = time.monotonic()
    go(page, "/calls/rtc_long")
    expect(page.get_by_text("This is turn number 499.")).to_be_visible()
    assert time.monotonic() - began < 3.0
    assert page.locator("article").count() == 500
