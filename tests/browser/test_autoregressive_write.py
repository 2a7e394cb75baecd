"""Part "Write" in Chromium, over a small model: bars, knobs, the dart, typing, runs, and what is never asked for."""

import base64

import numpy as np
import pytest

from benchmarks.serving import serving
from demos import autoregressive as tab
from demos.widgets import TokenText
from tests.browser.driving import STORE, accessibility, one_screen, phone_width, settle, state, view
from tests.browser.test_widgets import acts, blank, mounted

BOARD, TEXT, MOVES = "#autoregressive-write-board", "#autoregressive-write-tokens", "#autoregressive-write-moves"
ODD = "<b>${x}</b> {{y}} שלום\u202eabc\n👩‍👩‍👧‍👦\ttab \u0007"


@pytest.fixture(scope="module")
def app_server(tmp_path_factory):
    """The tab alone, with small models."""
    with serving(["tests/demos/small_language.py"], tmp_path_factory.mktemp("language")) as url:
        yield url


test_every_part_fits_one_screen = one_screen(tab, ["write"])
test_accessibility = accessibility(tab, ["write"])
test_phone = phone_width(tab, ["write"])


@pytest.fixture
def write(page, app_server, open_tab):
    """The part with a text of the small model's own."""
    open_tab(page, f"{app_server}/?tab=autoregressive&prompt=Shall%20I%20compare")
    settle(page)
    return page


def counted(page) -> list[str]:
    """The requests to the server from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def numbers(page) -> list[float]:
    """The probabilities beside the bars, as shares."""
    texts = page.locator(f"{BOARD} .bar b").all_inner_texts()
    return [0.0 if text == "cut" else float(text.strip("<> %")) / 100 for text in texts]


def knob(page, name: str):
    return page.locator(f"#autoregressive-rail [data-name={name}] input")


# ---- the board


def test_the_bars_are_the_models_probabilities_and_sum_to_one(write):
    board = view(write, "write-board")
    logits = np.frombuffer(base64.b64decode(board["logits"]), "<f4").astype(float)
    p = np.sort(np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum())[::-1]
    shown = numbers(write)
    assert len(shown) == 13 and sum(shown) == pytest.approx(1, abs=0.01)
    assert shown[0] == pytest.approx(p[0], abs=1e-3) and shown[-1] == pytest.approx(p[12:].sum(), abs=0.2)
    bits = -(p * np.log2(p)).sum()
    assert f"{bits:.2f} bits" in write.locator(f"{BOARD} .facts").inner_text()
    assert write.locator(f"{BOARD} .bar.hit").count() == 1


def test_a_knob_moves_the_bars_without_a_request(write):
    asked, before = counted(write), numbers(write)
    paints = write.evaluate("() => playground.paints['autoregressive-write-board'].length")
    slider = knob(write, "temperature")
    slider.focus()
    for _ in range(8):
        write.keyboard.down("ArrowLeft")  # held: the hand has not settled
    colder = numbers(write)
    assert colder[0] > before[0] and sum(colder) == pytest.approx(1, abs=0.01)
    assert write.locator("#autoregressive-rail [data-name=temperature] .text").inner_text() == "0.60"
    assert write.evaluate("() => playground.paints['autoregressive-write-board'].length") == paints + 8
    assert "0.6" in write.locator(f"{BOARD} .rule:not(.off)").inner_text()
    write.wait_for_timeout(400)
    assert asked == [], "nothing may be asked while the knob moves"
    write.keyboard.up("ArrowLeft")
    write.wait_for_function(f"() => {STORE}.state.temperature === 0.6")
    settle(write)
    steps = [url for url in asked if "heartbeat" not in url]
    assert len(steps) <= 2, steps
    assert "logits" not in view(write, "write-board"), "the page has them"
    assert numbers(write) == colder


def test_the_dart_stays_while_the_temperature_moves(write):
    pin = write.locator(f"{BOARD} .pin")
    place = pin.evaluate("(node) => node.style.left")
    knob(write, "temperature").evaluate("(node) => { node.value = 2.5; node.dispatchEvent(new Event('input')); }")
    assert pin.evaluate("(node) => node.style.left") == place
    write.locator(f"{BOARD} .again").click()
    settle(write)
    assert pin.evaluate("(node) => node.style.left") != place
    assert pin.evaluate("(node) => node.classList.contains('falls')")


def test_cut_tokens_are_told_and_mass_is_shown(write):
    knob(write, "top_k").evaluate(
        "(node) => { node.value = 3; node.dispatchEvent(new Event('input')); node.dispatchEvent(new Event('change')); }"
    )
    settle(write)
    assert state(write)["top_k"] == 3
    assert write.locator(f"{BOARD} .bar.cut").count() == 9
    assert sum(numbers(write)[:3]) == pytest.approx(1, abs=0.01)
    effect = write.locator(f"{BOARD} .rule", has_text="Top-k").locator(".effect").inner_text()
    assert "of the mass, 3 left" in effect


def test_a_bar_the_dart_and_the_pin_take_tokens(write):
    first = view(write, "write-board")["texts"]
    write.locator(f"{BOARD} .bar").nth(1).click()
    settle(write)
    write.locator(f"{BOARD} .take").click()
    settle(write)
    write.locator(f"{BOARD} .pin").click()
    settle(write)
    taken = state(write)["taken"]
    assert len(taken) == 3
    assert taken[0] in [id for id, _ in first]
    assert write.locator(f"{TEXT} .token.new").count() == 3
    write.locator(MOVES).get_by_role("button", name="Back").click()
    settle(write)
    assert state(write)["taken"] == taken[:2] and state(write)["roads"] == [taken]


def test_two_quick_clicks_on_a_bar_take_one_token(write):
    bar = write.locator(f"{BOARD} .bar").nth(2)
    bar.evaluate("(node) => [node.click(), node.click()]")
    settle(write)
    assert len(state(write)["taken"]) == 1
    bar.click()
    settle(write)
    assert len(state(write)["taken"]) == 2


def test_undo_brings_the_bars_back_without_logits(write):
    before = numbers(write)
    write.locator(f"{BOARD} .bar").nth(2).click()
    settle(write)
    assert numbers(write) != before
    write.keyboard.press("Control+z")
    settle(write)
    assert state(write)["taken"] == [] and numbers(write) == before


def test_a_page_without_the_logits_asks_for_them(write, app_server, open_tab):
    """A state that says the page has them, although it never had: as an old history after a reload."""
    write.evaluate(f"() => {STORE}.dispatch({{ name: 'taken', value: [30] }})")
    settle(write)
    mark, before = view(write, "write-board")["mark"], numbers(write)
    open_tab(write, f"{app_server}/?tab=autoregressive&prompt=Shall%20I%20compare&taken=v")
    settle(write)
    assert numbers(write) != before
    write.evaluate(
        f"(mark) => {STORE}.restore({{ state: {{ ...{STORE}.state, taken: [30], write_held: mark }} }})", mark
    )
    write.wait_for_function(f"() => 'logits' in {STORE}.view['write-board'] && {STORE}.state.taken[0] === 30")
    settle(write)
    assert numbers(write) == before


# ---- the text


def test_an_earlier_token_is_another_and_what_follows_is_met_anew(write):
    for _ in range(3):
        write.locator(f"{BOARD} .take").click()
        settle(write)
    tokens = write.locator(f"{TEXT} .token")
    place = tokens.count() - 3
    tokens.nth(place).click()
    settle(write)
    assert state(write)["at"] == place
    assert write.locator(f"{BOARD} .bar.here").count() == 1
    write.locator(f"{BOARD} .bar:not(.here):not(.rest)").nth(3).click()
    settle(write)
    assert "Since the change" in write.locator(f"{TEXT} .legend").inner_text()
    assert write.locator(f"{TEXT} .token.up, {TEXT} .token.down").count() >= 1
    assert len(state(write)["roads"]) == 1


def test_the_card_of_a_token(write):
    token = write.locator(f"{TEXT} .token").nth(2)
    token.hover()
    card = write.locator(f"{TEXT} .pg-token-card")
    assert card.is_visible()
    words = card.inner_text()
    assert "surprisal" in words and "rank" in words and "bytes" in words and "entropy" in words
    assert card.locator(".row").count() == 6
    write.mouse.move(5, 5)
    assert not card.is_visible()
    token.focus()
    assert card.is_visible()
    write.keyboard.press("ArrowRight")
    assert card.locator(".about").inner_text() not in words
    write.keyboard.press("Escape")
    assert not card.is_visible()


def test_typing_asks_once_the_keys_rest(write):
    field = write.locator("#autoregressive-write-field textarea")
    field.click()
    asked = counted(write)
    field.press_sequentially(" thee to a", delay=5)
    assert asked == []
    write.wait_for_function(f"() => {STORE}.state.prompt.endsWith('thee to a')")
    settle(write)
    assert field.input_value() == "Shall I compare thee to a"
    assert write.locator(f"{TEXT} .flow").inner_text().replace("\n", "") == "Shall I compare thee to a"


def test_a_long_paste_is_cut_and_told(write):
    field = write.locator("#autoregressive-write-field textarea")
    field.fill("compare " * 1250)
    write.wait_for_selector("#stage-notices >> text=at most 2,000 characters")
    settle(write)
    assert state(write)["prompt"] == ("compare " * 250)
    assert "do not fit" in write.locator(f"{TEXT} .pg-caption").inner_text()


def test_odd_texts_are_shown_as_they_are(write):
    write.locator("#autoregressive-write-field textarea").fill(ODD)
    write.wait_for_function(f"() => {STORE}.state.prompt.startsWith('<b>')")
    settle(write)
    assert state(write)["prompt"] == ODD
    assert write.locator(f"{TEXT} b, {BOARD} .name b").count() == 1, "the legend's name, and no markup of the text"
    shown = write.locator(f"{TEXT} .flow").inner_text()
    assert "${x}" in shown.replace("\n", "") and "\u202e" not in shown
    assert "↵" in shown and "⇥" in shown
    assert write.locator(f"{TEXT} .raw").count() > 3


# ---- runs


def test_a_run_streams_and_stops_and_space_plays(write):
    write.get_by_role("button", name="Go on").click()
    write.wait_for_function(f"() => {STORE}.state.taken.length >= 4")
    write.get_by_role("button", name="Stop").click()
    settle(write)
    taken = state(write)["taken"]
    assert len(taken) >= 4 and not state(write)["running"]
    shown = view(write, "write-tokens")["texts"][0]["tokens"]  # what fits into the small model's window
    assert write.locator(f"{TEXT} .token.new").count() == sum(token.get("kind") == "new" for token in shown)
    assert sum(numbers(write)) == pytest.approx(1, abs=0.02)
    write.keyboard.press("p")
    write.locator("body").evaluate("() => document.activeElement.blur()")
    write.keyboard.press("ArrowRight")
    settle(write)
    assert len(state(write)["taken"]) == len(taken) + 1, "the arrow takes what the dart hit"
    write.keyboard.press(" ")
    write.wait_for_function(f"(n) => {STORE}.state.taken.length > n", arg=len(taken) + 1)
    write.keyboard.press(" ")
    write.wait_for_function(f"() => !{STORE}.state.running")
    settle(write)


def test_a_loop_is_told_and_measured_on_demand(page, app_server, open_tab):
    road = ".".join(["1e", "1f", "1g"] * 8)
    open_tab(page, f"{app_server}/?tab=autoregressive&prompt=Shall%20I&taken={road}")
    settle(page)
    assert "in a loop" in page.locator(f"{TEXT} .badge").first.inner_text()
    page.locator(MOVES).get_by_role("button", name="Same seed, penalty 1.2").click()
    page.locator(MOVES).get_by_role("button", name="Keep the second text").wait_for(timeout=60_000)
    settle(page)
    assert page.locator(f"{TEXT} section").count() == 2
    assert "loop" in page.locator(f"{TEXT} .badge").nth(1).inner_text()


# ---- the widget alone


def tokens(*texts: str) -> list[dict]:
    return [
        {"t": text, "id": i, "s": float(i), "r": 10**i, "h": 2.0, "alts": [[text, 0.5]]} for i, text in enumerate(texts)
    ]


def test_colours_follow_the_value(page):
    send = mounted(
        blank(page), "token_text", "text", {"texts": [{"tokens": tokens("a", "b", "c", "d", "e")}], "colour": "rank"}
    )
    page.wait_for_function("() => playground.paints['demo-text']?.length")
    classes = page.eval_on_selector_all("#demo-text .token", "(all) => all.map((node) => node.className)")
    assert [name.split()[-1] for name in classes] == ["rank-1", "rank-1", "rank-2", "rank-3", "rank-4"]
    send({"texts": [{"tokens": tokens("a", "b")}], "colour": "none"})
    assert page.locator("#demo-text .token").count() == 2 and page.locator("#demo-text .legend").is_hidden()
    send({"texts": [], "empty": "Nothing yet."})
    assert page.locator("#demo-text .empty").inner_text() == "Nothing yet."


def test_tokens_are_chosen_by_mouse_and_by_keys(page):
    texts = [
        {"title": "A", "tokens": tokens("one", " two", "\nthree"), "open": True},
        {"title": "B", "tokens": tokens("x")},
    ]
    mounted(blank(page), "token_text", "text", {"texts": texts, "colour": "surprisal", "action": "open", "at": [0, 3]})
    page.locator("#demo-text .token").nth(1).click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.locator("#demo-text .token").nth(3).click()
    assert acts(page, "text") == [
        ["open", [0, 1], False],
        ["open", [0, 2], False],
        ["open", [0, 3], False],
        ["open", [1, 0], False],
    ]
    assert page.locator("#demo-text .open").get_attribute("aria-current") == "true"


def test_what_is_appended_goes_on_from_what_is_there(page):
    send = mounted(
        blank(page),
        "token_text",
        "text",
        {"texts": [{"tokens": tokens("a", "b", "c"), "open": True}], "colour": "none"},
    )
    send({"append": {"text": 0, "from": 2, "tokens": tokens("x", "y")}, "streaming": True})
    assert page.locator("#demo-text .flow").inner_text() == "abxy"
    assert (
        page.locator(
            "#demo-text .streaming .open, #demo-text.streaming .open, #demo-text .pg-tokens.streaming .open"
        ).count()
        == 1
    )


def test_right_to_left_texts_run_so(page):
    mounted(blank(page), "token_text", "text", {"texts": [{"tokens": tokens("שלום", " עולם")}], "colour": "none"})
    assert page.locator("#demo-text .flow").get_attribute("dir") == "rtl"
    boxes = [page.locator("#demo-text .token").nth(i).bounding_box()["x"] for i in (0, 1)]
    assert boxes[0] > boxes[1]


def test_the_widget_is_documented_as_it_is_built():
    for word in ("texts", "colour", "append", "streaming", "open", "alts", "raw"):
        assert word in TokenText.__doc__
