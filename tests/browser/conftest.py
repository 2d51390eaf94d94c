"""Debian's Chromium on the console of a local cloud. Without a browser each of these tests is skipped, and says why."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from infra.local.cloud import LocalCloud

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_BROWSER = "no Chromium on this machine: apt-get install chromium"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where it is."""
    if CHROMIUM is None:
        pytest.skip(NO_BROWSER)
    return CHROMIUM


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    # Of one module: while it lasts, no other loop can run in this process.
    with sync_playwright() as playwright:
        # As root Chromium has no sandbox; what it opens here is ours.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def console_cloud(chromium: str) -> Iterator[LocalCloud]:
    with LocalCloud(pace=0.2, console=True) as cloud:
        yield cloud


@pytest.fixture
def cloud(console_cloud: LocalCloud) -> LocalCloud:
    """The one of all these tests."""
    return console_cloud


@pytest.fixture
def page(browser: Browser, cloud: LocalCloud) -> Iterator[Page]:
    """A page of a browser that has opened the console; nothing that it complains about is overheard."""
    assert cloud.console_url is not None
    complaints: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.set_default_timeout(15_000)
        expect.set_options(timeout=15_000)
        page.goto(cloud.console_url)
        yield page
    assert complaints == []
