"""How the tests of the tabs drive the page: wait until it rests, read its state, choose a part, make a picture."""

import io

import numpy as np
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
