"""How the tests of the tabs drive the page: serve it, wait until it rests, read its state, choose a part, draw.

And what every tab must pass. A tab's test module takes these tests as its own:

    test_every_part_fits_one_screen = one_screen(tab)
    test_accessibility = accessibility(tab, ["faces", "steer"])
    test_phone = phone_width(tab)
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from PIL import Image

from demos.stage import launch
from models import zoo

STORE = "window.playground.current()"
SETTLED = f"() => {STORE}.answers > 0 && !{STORE}.busy"

# how the page of a tab tells that no run goes on: for `over_when`
COMPUTED = f"!/^(Computing|Waiting)/.test({STORE}.view.see)"
STOPPED = """![...document.querySelectorAll('.stage-rail button.press')]
    .some((button) => button.textContent.includes('Stop'))"""


@contextmanager
def served(tab, layout: Callable, **settings: Any) -> Iterator[str]:
    """Serves a page of one tab on the loopback, with these settings of `launch` changed; yields its address."""
    demo = launch.page([(tab, layout, ())])
    _, url, _ = demo.launch(**launch.LAUNCH | settings, server_name="127.0.0.1", prevent_thread_lock=True)
    try:
        yield url.rstrip("/")
    finally:
        demo.close()


def small(tab, layout: Callable, **loaders: Callable) -> Callable:
    """A fixture `address` for a test module: this tab served alone, over models that these functions load."""

    @pytest.fixture(scope="module")
    def address(module_patch):
        for name, load in loaders.items():
            module_patch.setattr(zoo, name, load)
        with served(tab, layout) as url:
            yield url

    return address


def settle(page) -> None:
    """Wait until the last action is answered and its settled view is painted."""
    page.wait_for_timeout(250)
    page.wait_for_function(SETTLED, timeout=60_000)
    page.wait_for_timeout(300)  # pictures are decoded and drawn in the next frames


def over_when(done: str, seconds: float = 120) -> Callable:
    """Makes `over(page)`, which waits until this JavaScript holds while nothing is asked, and the page rests."""

    def over(page) -> None:
        settle(page)
        page.wait_for_function(f"() => !{STORE}.busy && {done}", timeout=1000 * seconds)
        settle(page)

    return over


def opener(tab: str, over: Callable) -> Callable:
    """Makes `opened(page, open_tab, address, query)`, the page at a link of this tab once its runs are over."""

    def opened(page, open_tab: Callable, address: str, query: str = ""):
        open_tab(page, f"{address}/?tab={tab}&{query}")
        over(page)
        return page

    return opened


def fits(page) -> None:
    """One screen, nothing sticks out."""
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("() => document.documentElement.scrollHeight <= innerHeight")


def fits_phone(phone) -> None:
    """Nothing sticks out sideways at 390 px."""
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390


def accessible(page) -> None:
    """Axe finds nothing critical or serious."""
    from axe_core_python.sync_playwright import Axe

    found = [one for one in Axe().run(page)["violations"] if one["impact"] in ("critical", "serious")]
    bad = [(one["id"], [node["target"] for node in one["nodes"]][:4]) for one in found]
    assert not bad, bad


def state(page) -> dict:
    """The state that the page holds."""
    return page.evaluate(f"() => {STORE}.state")


def view(page, widget: str) -> dict:
    """The value of a widget as the server sent it last."""
    return page.evaluate(f"(name) => {STORE}.view[name]", widget)


def go_to(page, tab, name: str) -> None:
    """Choose a part of ``tab`` (a tab's module) as a visitor does: in the row, or under More."""
    part = next(part for part in tab.PARTS if part.name == name)
    row = page.locator(f"#tab-{tab.TAB.name} .stage-parts")
    if part.more:
        row.locator(".stage-menu-box > button").click()
        row.locator(".stage-menu").get_by_text(part.label, exact=True).click()
    else:
        row.get_by_role("button", name=part.label, exact=True).click()
    settle(page)
    assert state(page)["part"] == name


def stroke(page, places: Sequence[tuple[float, float]], steps: int = 1) -> None:
    """Draw through these places of the screen with the mouse, in so many steps from one to the next."""
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of (H, W, 3) uint8."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _every(tab, parts: Sequence[str] | None) -> Callable:
    """Runs a test once for each of these parts of ``tab`` (a tab's module), or for all of them."""
    return pytest.mark.parametrize("part", list(parts or [part.name for part in tab.PARTS]))


def one_screen(tab, parts: Sequence[str] | None = None) -> Callable:
    """A test: at 1920x1080 a part's pictures are large, its cells are filled, and nothing overflows."""
    root = f"#tab-{tab.TAB.name}"

    @_every(tab, parts)
    def test(page, app_server, open_tab, part):
        open_tab(page, f"{app_server}/?tab={tab.TAB.name}&part={part}")
        settle(page)
        sizes = page.eval_on_selector_all(
            f"{root} .part-{part} canvas", "(all) => all.filter((c) => c.offsetWidth).map((c) => c.offsetWidth)"
        )
        assert max(sizes, default=0) >= 270, sizes
        assert page.evaluate("() => document.documentElement.scrollHeight <= innerHeight"), "it scrolls"
        for cell in page.locator(f"{root} .stage-band .cell").all():
            assert cell.inner_text().strip(), "a cell is empty"
            assert cell.evaluate("(node) => node.scrollHeight <= node.clientHeight + 1"), cell.inner_text()

    return test


def accessibility(tab, parts: Sequence[str] | None = None) -> Callable:
    """A test: axe finds nothing critical or serious in a part, in the dark and in the light."""

    @_every(tab, parts)
    def test(page, app_server, open_tab, part):
        open_tab(page, f"{app_server}/?tab={tab.TAB.name}&part={part}&__theme=dark")
        settle(page)
        accessible(page)
        page.get_by_role("button", name="Light or dark").click()
        assert page.evaluate("() => document.documentElement.dataset.theme") == "light"
        accessible(page)

    return test


def phone_width(tab, parts: Sequence[str] | None = None) -> Callable:
    """A test: at 390 px nothing overflows sideways, and a part's pictures are as wide as the screen allows."""

    @_every(tab, parts)
    def test(phone, app_server, open_tab, part):
        open_tab(phone, f"{app_server}/?tab={tab.TAB.name}&part={part}")
        settle(phone)
        fits_phone(phone)
        sizes = phone.eval_on_selector_all(
            f"#tab-{tab.TAB.name} .part-{part} canvas", "(all) => all.map((c) => c.offsetWidth)"
        )
        assert max(sizes, default=0) >= 160, sizes

    return test
