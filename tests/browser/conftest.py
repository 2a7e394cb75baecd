"""Chromium for the browser tests: no network but the loopback, and no test passes over an error in the console."""

import os
import re
from collections.abc import Callable, Iterator

import pytest

from benchmarks.serving import CHROMIUM, CHROMIUM_ARGUMENTS

FOREIGN = re.compile(r"^(?:https?|wss?)://(?!127\.0\.0\.1[:/])")
FIRST_ANSWER_MS = 90_000  # the first answer loads a model; on two busy cores that is seconds, not minutes

# The page is settled when the visible tab has an answer of the live server and no request is under way.
SETTLED = """() => {
    const store = window.playground?.current?.();
    return Boolean(store && store.answers > 0 && !store.busy);
}"""


def _no_browser(reason: str) -> None:
    """Skip, or fail where the environment promises a browser."""
    if os.environ.get("PLAYGROUND_REQUIRE_BROWSER"):
        pytest.fail(f"PLAYGROUND_REQUIRE_BROWSER is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """One headless Chromium for the session (`CHROMIUM` names another binary)."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _no_browser("playwright is not installed")
    if not CHROMIUM.exists():
        _no_browser(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


class Watched:
    """A browser context whose pages may reach the loopback only; keeps what went wrong in `problems`.

    A test that provokes an error on purpose removes it: `page.problems.clear()`.
    """

    def __init__(self, browser, **settings) -> None:
        self.problems: list[str] = []
        self.context = browser.new_context(**settings)
        self.context.set_default_timeout(20_000)
        self.context.route(FOREIGN, lambda route: route.abort())
        self.context.on("page", self._watch)

    def new_page(self):
        """A page under watch; `page.problems` is the list that must be empty when the test ends."""
        page = self.context.new_page()
        page.problems = self.problems
        return page

    def _watch(self, page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._address(request.url))
        page.on("websocket", lambda websocket: self._address(websocket.url))
        page.on("requestfailed", self._failed)

    def _console(self, message) -> None:
        # failed requests are reported by _failed and _address, with their address
        if message.type == "error" and "net::ERR_ABORTED" not in message.text:
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _address(self, url: str) -> None:
        if FOREIGN.match(url):
            self.problems.append(f"foreign request: {url}")

    def _failed(self, request) -> None:
        # closing a page ends its event stream: that one is how every Gradio page ends
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed: {request.url} {request.failure}")


@pytest.fixture
def watched(browser) -> Iterator[Callable[..., Watched]]:
    """Makes watched contexts with Playwright's context settings, for tests with several visitors."""
    made: list[Watched] = []

    def make(**settings) -> Watched:
        made.append(Watched(browser, **settings))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
    problems = [problem for one in made for problem in one.problems]
    if problems:
        pytest.fail("in the page:\n" + "\n".join(dict.fromkeys(problems)))


@pytest.fixture
def page(watched):
    """A page of 1920x1080 with a mouse."""
    return watched(viewport={"width": 1920, "height": 1080}).new_page()


@pytest.fixture
def phone(watched):
    """A page of 390x844 with a finger."""
    return watched(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    """A monkeypatch for what the tests of a module share: undone when the last of them is over."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def open_tab() -> Callable:
    """`open_tab(page, url)` goes there and waits until the visible tab has its first settled answer; returns page."""

    def go(page, url: str):
        page.goto(url)
        page.wait_for_function(SETTLED, timeout=FIRST_ANSWER_MS)
        return page

    return go
