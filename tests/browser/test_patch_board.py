"""The patch board in Chromium, without a server: it fills, is scrubbed, shows candidates and hands out picks."""

import numpy as np
import pytest

from demos.widgets.picture import encode
from tests.browser.test_widgets import acts, blank, mounted, rest

SIDE, DEPTH, TILE, PATCH = 4, 2, 32, 8
STEPS = SIDE * SIDE * DEPTH


def shade(step):
    """The grey of everything that a step draws."""
    return 20 + 6 * step


def pictures(first, count):
    """After step i every place up to its own has that step's grey; what is not drawn yet is white."""
    tiles = np.full((count, TILE, TILE, 3), 255, np.uint8)
    for n in range(count):
        for place in range((first + n) // DEPTH + 1):
            row, column = divmod(place, SIDE)
            tiles[n, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH] = shade(first + n)
    return tiles.transpose(1, 0, 2, 3).reshape(TILE, -1, 3)


def stroke(step, **changes):
    """Step i chose the second of three candidates."""
    return {
        "codes": [100, 101, 102],
        "chances": [0.5, 0.3, 0.1],
        "chosen": 101,
        "chance": 0.3,
        "rank": 2,
        "dart": 0.6,
        "bits": 1.5,
        "entropy": 2.0 + step % 3,
    } | changes


def some(run="a", first=0, count=STEPS, index=9, patches=True, items=None, **more):
    """A value with the strokes from `first` on, and the candidates of them."""
    items = items or [stroke(i) for i in range(first, first + count)]
    value = {"run": run, "side": SIDE, "depth": DEPTH, "codes": 512, "index": index, "begin": 0}
    value |= {"complete": first + count == STEPS, "source": "computed live on this machine"}
    atlas = encode(pictures(first, count), "png")
    value["strokes"] = {"from": first, "columns": count, "tile": TILE, "atlas": atlas, "items": items}
    if patches:
        rows = np.zeros((count * PATCH, 3 * PATCH, 3), np.uint8)
        rows[:, :PATCH, 0] = rows[:, PATCH : 2 * PATCH, 1] = rows[:, 2 * PATCH :, 2] = 200  # red, green, blue
        at = list(range(first, first + count))
        value["patches"] = {"at": at, "columns": 3, "tile": PATCH, "atlas": encode(rows, "png")}
    return value | more


@pytest.fixture
def bare(page):
    """A page with the widgets' scripts only."""
    return blank(page)


def words(page):
    return page.locator("#demo-board .now").inner_text()


def colour(page, selector, x, y):
    """The colour on a canvas at fractions x, y."""
    return page.evaluate(
        """([selector, x, y]) => {
            const canvas = document.querySelector(selector);
            const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
            return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
        }""",
        [selector, x, y],
    )


def until(page, text):
    page.wait_for_function("(text) => document.querySelector('#demo-board .now').textContent.includes(text)", arg=text)


def test_a_whole_picture_opens_where_python_says_with_its_candidates(bare):
    mounted(bare, "patch_board", "board", some(), width=1200)
    until(bare, "patch 5 of 16 · fine stroke")
    rest(bare)
    assert (
        bare.locator("#demo-board .places .open").count() == 11
        and bare.locator("#demo-board .places .here").count() == 1
    )
    assert abs(colour(bare, "#demo-board .box canvas", 0.1, 0.1)[0] - shade(9)) <= 2
    tiles = bare.locator("#demo-board .tile:not([hidden])")
    assert [tile.inner_text() for tile in tiles.all()] == ["50\u00a0%", "30\u00a0%", "10\u00a0%"]
    assert tiles.nth(1).get_attribute("aria-pressed") == "true"
    assert "509 others: 10\u00a0%" in bare.locator("#demo-board .rest").inner_text()
    assert "0.600" in bare.locator("#demo-board .how").inner_text()
    assert colour(bare, "#demo-board .tile:nth-child(1) canvas", 0.5, 0.5)[0] > 150
    assert "15 bits so far" in bare.locator("#demo-board .progress").inner_text()
    left = bare.evaluate(
        """() => {
            const box = (name) => document.querySelector(`#demo-board ${name}`).getBoundingClientRect();
            const [line, dart] = [box(".line"), box(".dart")];
            return (dart.x + 1 - line.x) / line.width;
        }"""
    )
    assert abs(left - 0.6) < 0.01


def test_a_code_beyond_the_candidates_has_its_own_tile(bare):
    items = [stroke(i, chosen=400, rank=57, chance=0.0005) for i in range(STEPS)]
    mounted(bare, "patch_board", "board", some(items=items), width=1200)
    until(bare, "patch 5")
    rest(bare)
    tiles = bare.locator("#demo-board .tile:not([hidden])")
    assert tiles.count() == 4 and "57" in tiles.nth(3).inner_text() and "<\u00a00.1\u00a0%" in tiles.nth(3).inner_text()
    assert tiles.nth(3).get_attribute("aria-pressed") == "true"


def test_scrubbing_needs_nobody_and_tells_python_once(bare):
    mounted(bare, "patch_board", "board", some(), width=1200)
    until(bare, "patch 5")
    bare.locator("#demo-board input[type=range]").focus()
    for _ in range(3):
        bare.keyboard.press("ArrowLeft")
    until(bare, "patch 4 of 16 · rough")
    rest(bare)
    assert abs(colour(bare, "#demo-board .box canvas", 0.1, 0.1)[0] - shade(6)) <= 2
    assert acts(bare, "board")[-1] == ["frame", 6, False]
    bare.locator("#demo-board .places span").nth(1).click()
    until(bare, "patch 2 of 16 · rough")
    assert acts(bare, "board")[-1] == ["frame", 2, False]
    bare.locator("#demo-board .heat span").nth(12).click()
    until(bare, "patch 13 of 16")
    assert acts(bare, "board")[-1] == ["frame", 24, False]


def test_a_candidate_is_looked_at_in_its_place_and_taken(bare):
    mounted(bare, "patch_board", "board", some(), width=1200)
    until(bare, "patch 5")
    rest(bare)
    first = bare.locator("#demo-board .tile").first
    first.hover()
    rest(bare)
    assert colour(bare, "#demo-board .box canvas", 0.125, 0.375)[0] > 150  # place 5: row 2, column 1
    first.click()
    assert acts(bare, "board") == [["pick", {"position": 9, "code": 100}, False]]
    bare.locator("#demo-board .tile").nth(1).click(force=True)  # the chosen one: nothing to take
    assert len(acts(bare, "board")) == 1
    bare.locator("#demo-board .tile").nth(2).focus()
    bare.keyboard.press("Enter")
    assert acts(bare, "board")[-1] == ["pick", {"position": 9, "code": 102}, False]


def test_a_run_streams_in_is_followed_and_comes_to_rest_where_python_says(bare):
    send = mounted(bare, "patch_board", "board", some(count=4, patches=False, index=9), width=1200)
    until(bare, "patch 2 of 16 · fine")
    send(some(first=4, count=10, patches=False, index=9))
    until(bare, "patch 7 of 16 · fine")
    assert bare.locator("#demo-board .tile canvas.waiting").count() == 2
    send(some(first=14, count=STEPS - 14, patches=False, index=9))
    until(bare, "patch 16 of 16 · fine")
    until(bare, "patch 5 of 16 · fine")  # after a moment
    send(some(index=9))
    bare.wait_for_function("() => !document.querySelector('#demo-board .tile canvas.waiting')")
    assert acts(bare, "board") == []


def test_another_road_begins_where_it_parts(bare):
    send = mounted(bare, "patch_board", "board", some(index=STEPS - 1), width=1200)
    until(bare, "patch 16")
    send(some(run="b", count=12, index=STEPS - 1, begin=10, patches=False))
    until(bare, "patch 6 of 16")
    send(some(run="b", first=12, count=STEPS - 12, index=STEPS - 1, begin=10))
    until(bare, "patch 16 of 16 · fine")


def test_play_runs_to_the_end_and_space_pauses(bare):
    mounted(bare, "patch_board", "board", some(index=STEPS - 4), width=1200)
    until(bare, "patch 15")
    bare.get_by_role("button", name="Play").click()
    until(bare, "patch 16 of 16 · fine")
    bare.wait_for_function("() => acts.some((a) => a.action.name === 'frame')")
    assert acts(bare, "board")[-1] == ["frame", STEPS - 1, False]
    bare.locator("#demo-board input[type=range]").focus()
    bare.keyboard.press("Space")
    bare.get_by_role("button", name="Pause").wait_for()
    bare.keyboard.press("Space")
    bare.get_by_role("button", name="Play").wait_for()


def test_a_sentence_stands_where_nothing_can_be_drawn(bare):
    send = mounted(bare, "patch_board", "board", {"message": "<b>${x}</b> is not here"}, width=1200)
    shown = bare.locator("#demo-board .message")
    assert shown.inner_text() == "<b>${x}</b> is not here" and not bare.locator("#demo-board figure").is_visible()
    send(some())
    until(bare, "patch 5")
    assert not shown.is_visible() and bare.locator("#demo-board figure").is_visible()


def test_it_fits_a_phone(phone):
    blank(phone)
    mounted(phone, "patch_board", "board", some(), width=358)
    until(phone, "patch 5")
    rest(phone)
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert phone.locator("#demo-board .box").bounding_box()["width"] > 250
    phone.locator("#demo-board .tile").first.tap()
    assert acts(phone, "board") == [["pick", {"position": 9, "code": 100}, False]]
