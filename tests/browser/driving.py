"""How the tests of the tabs drive the page: wait until it rests, read its state, choose a part, make a picture.

And what every tab must pass. A tab's test module takes these tests as its own:

    test_every_part_fits_one_screen = one_screen(tab)
    test_accessibility = accessibility(tab, ["faces", "steer"])
    test_phone = phone_width(tab)
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

STORE = "window.playground.current()"
SETTLED = f"() => {STORE}.answers > 0 && !{STORE}.busy"


def settle(page) -> None:
    """Wait until the last action is answered and its settled view is painted."""
    page.wait_for_timeout(250)
    page.wait_for_function(SETTLED, timeout=60_000)
    page.wait_for_timeout(300)  # pictures are decoded and drawn in the next frames


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

    @pytest.mark.parametrize("theme", ["dark", "light"])
    @_every(tab, parts)
    def test(page, app_server, open_tab, part, theme):
        from axe_core_python.sync_playwright import Axe

        open_tab(page, f"{app_server}/?tab={tab.TAB.name}&part={part}&__theme={theme}")
        settle(page)
        found = [one for one in Axe().run(page)["violations"] if one["impact"] in ("critical", "serious")]
        bad = [(one["id"], [node["target"] for node in one["nodes"]][:4]) for one in found]
        assert not bad, bad

    return test


def phone_width(tab, parts: Sequence[str] | None = None) -> Callable:
    """A test: at 390 px nothing overflows sideways, and a part's pictures are as wide as the screen allows."""

    @_every(tab, parts)
    def test(phone, app_server, open_tab, part):
        open_tab(phone, f"{app_server}/?tab={tab.TAB.name}&part={part}")
        settle(phone)
        assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390
        sizes = phone.eval_on_selector_all(
            f"#tab-{tab.TAB.name} .part-{part} canvas", "(all) => all.map((c) => c.offsetWidth)"
        )
        assert max(sizes, default=0) >= 160, sizes

    return test
