"""The part "Your picture" of the diffusion tab in Chromium, with a small network: its three tasks."""

from urllib.parse import parse_qs

import numpy as np
import pytest

from tests.browser.driving import STOPPED, STORE, opener, over_when, png, small, state, stroke, view
from tests.demos.small_diffusion import LAYOUT, TAB, tiny

over = over_when(STOPPED, seconds=60)
opened = opener("diffusion", over)
address = small(TAB, LAYOUT, denoiser=tiny)


@pytest.fixture
def part(page, address, open_tab):
    """The part's first view, its walk over."""
    page.set_default_timeout(60_000)
    return opened(page, open_tab, address)


def shown(page) -> set[str]:
    """The names of the part's widgets that can be seen."""
    names = ("input", "strip", "levels", "curve", "meters", "mask")
    return {name for name in names if page.locator(f"#diffusion-picture-{name}").is_visible()}


def choose(page, word: str) -> None:
    """Press a word of a choice in the rail."""
    page.locator("#diffusion-rail").get_by_role("radio", name=word).check()
    over(page)


def test_a_picture_is_noised_and_walked_back(part):
    assert shown(part) == {"input", "strip"}
    assert view(part, "picture-strip")["count"] == 3  # two of the four steps lie below t = 500, and the picture
    slider = part.locator("#diffusion-rail input[type=range]").first
    slider.focus()
    part.keyboard.press("ArrowRight")
    over(part)
    assert state(part)["noised"] == 501 and not state(part)["walked"]
    assert view(part, "picture-strip")["count"] == 1
    slider.press("Home")
    over(part)
    assert state(part)["noised"] == 0 and "the picture itself" in part.locator(".stage-band").inner_text()
    slider.press("End")
    over(part)
    part.get_by_role("button", name="Denoise from here").click()
    over(part)
    assert state(part)["walked"] and view(part, "picture-strip")["count"] == 5
    assert part.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    part.locator("#diffusion-picture-input input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": png(np.full((64, 64, 3), 90, np.uint8))}
    )
    over(part)
    assert state(part)["picture"] and view(part, "picture-strip")["source"].startswith("Your picture")
    assert parse_qs(part.evaluate(f"() => {STORE}.query")).keys() <= {"?v", "v", "tab", "noised"}


def test_what_survives_and_a_repair(part):
    choose(part, "Survival")
    assert shown(part) == {"levels", "meters", "curve"}
    assert None not in view(part, "picture-curve")["series"][0]["y"]
    choose(part, "Repair")
    assert shown(part) == {"mask", "meters", "strip"}
    choose(part, "Mouth")
    assert part.locator("#diffusion-picture-meters").inner_text().count("0 pixels") == 1
    box = part.locator("#diffusion-picture-mask .surface").bounding_box()
    stroke(part, [(box["x"] + box["width"] * x, box["y"] + box["height"] * 0.2) for x in (0.2, 0.5)], steps=4)
    over(part)
    assert state(part)["area"] == "own" and not state(part)["walked"]
    assert view(part, "picture-strip")["count"] == 1
    part.get_by_role("button", name="Fill it in").click()
    over(part)
    assert view(part, "picture-strip")["captions"][-1] == "filled in"
    assert "0 pixels" in part.locator("#diffusion-picture-meters").inner_text()
    assert "mask" not in part.evaluate(f"() => {STORE}.query")
    choose(part, "Noise")
    assert shown(part) == {"input", "strip"}
