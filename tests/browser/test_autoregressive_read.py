"""Read my text, Strategies, Beams and the roads of Write in Chromium, over small models."""

import pytest

from demos import autoregressive
from demos.autoregressive_parts import drafts, scene
from demos.engine import Engine
from models import zoo
from tests.browser.driving import accessible, fits, fits_phone, opener, served, settle, state, view
from tests.models.conftest import small_language

ROOT = "#tab-autoregressive"
RAIL = f"{ROOT} .stage-rail"
TREE = "#autoregressive-beams-tree"
TEXT = "Shall I compare thee to a summer day, thou art more lovely"


@pytest.fixture(scope="module")
def address(module_patch):
    """The tab on the loopback."""
    models = {"smollm2": small_language("llama"), "tiny": small_language("gpt2")}
    module_patch.setattr(zoo, "language", models.__getitem__)
    module_patch.setattr(scene, "HERE", {name: lambda: True for name in models})
    module_patch.setattr(drafts, "ENGINE", Engine(slots=1))
    with served(autoregressive.TAB, autoregressive.layout) as url:
        yield url


def over(page) -> None:
    """Wait until no run goes on any more."""
    settle(page)
    quiet = """() => {
        const store = window.playground.current();
        window.quiet = store.busy ? 0 : (window.quiet ?? 0) + 1;
        return window.quiet > 12;
    }"""
    page.wait_for_function(quiet, timeout=120_000, polling=50)
    settle(page)


opened = opener("autoregressive", over)


def test_read_look_and_swap(page, address, open_tab):
    opened(page, open_tab, address, f"part=read&text_a={TEXT}")
    fits(page)
    tokens = page.locator("#autoregressive-read-texts .token")
    assert "".join(tokens.all_text_contents()) == TEXT
    tokens.nth(4).click()
    over(page)
    assert state(page)["read_at"] == 4
    assert page.locator("#autoregressive-read-instead button").count() >= 6
    tokens.nth(4).hover()
    assert page.locator(".pg-token-card .row").count() >= 5
    page.locator("#autoregressive-read-instead button").first.click()
    over(page)
    assert state(page)["read_mode"] == "texts" and state(page)["text_a"] == TEXT != state(page)["text_b"]
    assert page.locator("#autoregressive-read-texts section").count() == 2
    assert page.locator("#autoregressive-read-texts section:nth-child(2) .token:is(.up, .down)").count() >= 1
    fits(page)
    page.locator(RAIL).get_by_label("Two models").check()
    over(page)
    assert "two models" in page.locator(f"{ROOT} .stage-band").inner_text()


def test_markup_that_is_typed_is_text(page, address, open_tab):
    opened(page, open_tab, address, "part=read")
    field = page.locator(RAIL).get_by_label("Your text", exact=True)
    field.fill("<img src=x onerror=alert(1)>${x}{{y}} \u202eשלום 🙂")
    over(page)
    assert page.locator("#autoregressive-read-texts img").count() == 0
    assert "onerror" in page.locator("#autoregressive-read-texts .flow").inner_text()


def test_strategies_stream_and_one_is_taken(page, address, open_tab):
    opened(page, open_tab, address, "part=strategies&strategies_tokens=16&prompt=Shall")
    fits(page)
    columns = page.locator("#autoregressive-strategies-texts section")
    assert columns.count() == 7
    cells = page.locator("#autoregressive-strategies-table tbody tr").nth(2).locator("td")
    assert cells.count() == 7 and cells.first.inner_text().strip() == "1.00"
    before = columns.nth(1).inner_text()
    page.locator(f"{RAIL} .dice").click()
    over(page)
    assert columns.nth(1).inner_text() != before
    columns.nth(2).locator(".token").nth(3).click()
    over(page)
    assert state(page)["part"] == "write" and len(state(page)["taken"]) == 4


def test_beams_step_and_are_taken(page, address, open_tab):
    opened(page, open_tab, address, "part=beams&beams_tokens=5")
    fits(page)
    boxes = page.locator(f"{TREE} .branch").all()
    spots = [box.bounding_box() for box in boxes]
    for i, a in enumerate(spots):
        for b in spots[i + 1 :]:
            apart = a["x"] + a["width"] <= b["x"] + 1 or b["x"] + b["width"] <= a["x"] + 1
            assert apart or a["y"] + a["height"] <= b["y"] + 1 or b["y"] + b["height"] <= a["y"] + 1, (a, b)
    assert page.locator(f"{TREE} path").count() == len(boxes) - 1
    slider = page.locator(RAIL).get_by_label("Round", exact=True)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    over(page)
    assert state(page)["beams_round"] == 3 and page.locator(f"{TREE} .pruned").count() >= 1
    # the tree by keys: to the root's first branch, and it is taken
    page.locator(f'{TREE} .token[tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    over(page)
    first = view(page, "beams-tree")["nodes"][0]["tokens"][0]["id"]
    assert state(page)["part"] == "write" and state(page)["taken"] == [first]


def test_the_road_left_is_shown_and_taken_again(page, address, open_tab):
    opened(page, open_tab, address, "part=write&prompt=Shall&taken=2s.2t.2u&roads=2s.30_40.41&roads_shown=1")
    fits(page)
    tree = page.locator("#autoregressive-write-roads")
    assert tree.locator(".branch").count() == 5 and not page.locator("#autoregressive-write-board").is_visible()
    tree.locator(".left .token").first.click()
    over(page)
    assert [100, 101, 102] in state(page)["roads"] and state(page)["taken"] in ([100, 108], [144])
    page.get_by_role("button", name="The next token", exact=True).click()
    over(page)
    assert page.locator("#autoregressive-write-board").is_visible() and not tree.is_visible()


@pytest.mark.parametrize("query", ["part=read", "part=beams&beams_tokens=4", "part=strategies&strategies_tokens=8"])
def test_they_fit_a_phone(phone, address, open_tab, query):
    opened(phone, open_tab, address, query)
    fits_phone(phone)


@pytest.mark.parametrize("query", ["part=read", "part=beams&beams_tokens=4", "part=strategies&strategies_tokens=8"])
def test_axe_finds_nothing_serious(page, address, open_tab, query):
    opened(page, open_tab, address, query)
    accessible(page)
