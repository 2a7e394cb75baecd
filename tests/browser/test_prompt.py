"""The prompt control in Chromium: completion, when the text is told, chips, notes, focus and caret, without a model."""

import time
from typing import Any

import gradio as gr
import pytest

from demos import prompting
from demos.stage.frame import Haste, Part, Tab
from demos.stage.state import Schema, Text
from models import prompts
from tests.browser.driving import served

HEARD: list[str] = []
SLOW = {"seconds": 0.0}
FIELD = "#demo-rail [data-name=prompt] textarea"
EVIL = '<img src=x onerror="window.hit = 1"> ${window.hit = 1} {{value}} zzq'


def rail(text: str) -> dict[str, Any]:
    """A rail with a prompt between two other controls."""
    seed = {"kind": "number", "name": "seed", "label": "Seed", "min": 0, "max": 99, "value": 7}
    run = {"kind": "button", "name": "run", "label": "Denoise", "primary": True}
    return {"items": [prompting.control(text, "portraits"), seed, run]}


def act(state: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    """What the prompt tells is kept in HEARD and answered after SLOW seconds."""
    if action["name"] == "prompt":
        HEARD.append(action["value"])
        time.sleep(SLOW["seconds"])
    return SCHEMA.assign(state, action)


def draw(state: dict[str, Any], live: Haste) -> dict[str, Any]:
    """The rail alone."""
    return {"rail": rail(state["prompt"])}


PARTS = (Part("write", "Write"),)
SCHEMA = Schema("demo", [Text("prompt", 2000, "smiling, glasses")], PARTS)
TAB = Tab("demo", "Demo", "#4cc9a4", SCHEMA, PARTS, act, draw, recording=None)
WATCH = """window.acts = []; document.addEventListener("act", (event) => acts.push(event.detail), true);"""


def nothing() -> None:
    """The stage of the part."""
    gr.Markdown("Nothing here.")


@pytest.fixture(scope="module")
def address():
    """The page of the prompt."""
    with served(TAB, {"write": nothing}) as url:
        yield url


def opened(page, open_tab, address):
    SLOW["seconds"] = 0.0
    page.add_init_script(WATCH)
    open_tab(page, address)
    page.wait_for_function("() => document.querySelectorAll('.chip').length === 2")
    HEARD.clear()
    page.evaluate("acts.length = 0")
    return page


@pytest.fixture
def demo(page, open_tab, address):
    """The page on a large screen, the prompt "smiling, glasses" painted."""
    return opened(page, open_tab, address)


def told(page) -> list:
    """The texts that the control emitted, and whether live."""
    return page.evaluate("() => acts.map(({ action, live }) => [action.name, action.value, live])")


def chips(page) -> list[str]:
    return page.locator("#demo-rail .chip").all_inner_texts()


def wait_for_chips(page, *labels: str) -> None:
    wanted = "(labels) => [...document.querySelectorAll('.chip')].map((c) => c.textContent).join('|') === labels"
    page.wait_for_function(wanted, arg="|".join(labels))


def options(page) -> list[str]:
    return page.get_by_role("option").all_inner_texts()


def caret(page) -> list[int]:
    return page.evaluate(
        f"() => {{ const a = document.querySelector('{FIELD}'); return [a.selectionStart, a.selectionEnd]; }}"
    )


def type_at_the_end(page, text: str) -> None:
    page.locator(FIELD).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


# ---- when it is told


def test_a_text_is_told_once_when_the_keys_rest(demo):
    type_at_the_end(demo, ", grey hair")
    assert told(demo) == []
    demo.wait_for_function("() => acts.length")
    wait_for_chips(demo, "smile with teeth", "glasses", "grey hair")
    demo.wait_for_timeout(500)
    assert told(demo) == [["prompt", "smiling, glasses, grey hair", False]]
    assert demo.evaluate("() => document.activeElement.tagName") == "TEXTAREA"


def test_enter_tells_at_once_and_makes_no_line(demo):
    type_at_the_end(demo, ", bald")
    demo.keyboard.press("Enter")
    assert told(demo) == [["prompt", "smiling, glasses, bald", False]]
    assert demo.locator(FIELD).input_value() == "smiling, glasses, bald"
    demo.wait_for_timeout(500)
    assert len(told(demo)) == 1


def test_leaving_the_field_tells_at_once(demo):
    type_at_the_end(demo, ", bald")
    demo.keyboard.press("Tab")
    assert told(demo) == [["prompt", "smiling, glasses, bald", False]]


def test_an_unchanged_text_is_not_told(demo):
    demo.locator(FIELD).focus()
    demo.keyboard.press("Enter")
    type_at_the_end(demo, "x")
    demo.keyboard.press("Backspace")
    demo.wait_for_timeout(500)
    demo.keyboard.press("Tab")
    assert told(demo) == []


def test_a_text_that_is_too_long_is_cut_and_it_is_said(demo):
    demo.locator(FIELD).fill("😀" * 1500)
    demo.wait_for_function("() => acts.length")
    ((_, value, _),) = told(demo)
    assert value == "😀" * 1000
    assert "at most 2,000 characters" in demo.locator("#stage-notices").inner_text()


# ---- answers while typing


def test_typing_goes_on_while_answers_come_in(demo):
    SLOW["seconds"] = 0.4
    area = demo.locator(FIELD)
    text = "grey hair, beard, looking left"
    area.fill("")
    for letter in text:
        demo.keyboard.type(letter)
        demo.wait_for_timeout(330 if letter in " ," else 20)
    assert area.input_value() == text
    wait_for_chips(demo, "beard", "grey hair", "looking left")
    assert area.input_value() == text
    assert len(HEARD) >= 2 and HEARD[-1] == text  # several answers came while it was typed


def test_the_caret_stays_where_it_is(demo):
    SLOW["seconds"] = 0.2
    demo.locator(FIELD).focus()
    demo.keyboard.press("Control+Home")
    demo.keyboard.type("bald, ")
    demo.wait_for_function("() => acts.length")
    wait_for_chips(demo, "smile with teeth", "glasses", "bald")
    assert caret(demo) == [6, 6]
    demo.keyboard.type("no ")
    assert demo.locator(FIELD).input_value() == "bald, no smiling, glasses"


def test_another_text_of_python_is_shown_when_nobody_types(demo):
    paint = """(text) => {
        const root = document.createElement("div");
        document.body.append(root);
        const told = [];
        const item = {kind: "prompt", name: "p", label: "P", value: "one", suggestions: [], chips: [], notes: []};
        const props = {value: {items: [item]}, name: "late", tab: "demo", listened: true};
        let repaint = null;
        playground.mount("controls", root, props, (_, action) => told.push(action.value), (_, f) => (repaint = f));
        const area = root.querySelector("textarea");
        const show = (value) => { props.value = {items: [{...item, value}]}; repaint(); return area.value; };
        const seen = [area.value, show("two")];
        area.value = "typed";
        area.dispatchEvent(new Event("input"));
        seen.push(show("three")); // keys that were not told
        area.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"}));
        seen.push(show("two"), show("typed"), show("undone")); // late, the answer, an undo
        root.remove();
        return {seen, told};
    }"""
    found = demo.evaluate(paint, "")
    assert found == {"seen": ["one", "two", "typed", "typed", "typed", "undone"], "told": ["typed"]}


# ---- completion


def test_completion_by_keyboard(demo):
    area = demo.locator(FIELD)
    assert area.get_attribute("role") == "combobox" and area.get_attribute("aria-expanded") == "false"
    type_at_the_end(demo, ", gre")
    assert area.get_attribute("aria-expanded") == "true"
    offered = options(demo)
    assert 2 <= len(offered) <= 8 and {"grey hair", "grey background"} <= set(offered)
    assert area.get_attribute("aria-activedescendant") is None
    demo.keyboard.press("ArrowDown")
    demo.keyboard.press("ArrowDown")
    demo.keyboard.press("ArrowUp")
    active = demo.locator(f"#{area.get_attribute('aria-activedescendant')}")
    assert active.get_attribute("aria-selected") == "true" and active.inner_text() == offered[0]
    demo.keyboard.press("ArrowUp")
    assert demo.locator("[role=option][aria-selected=true]").inner_text() == offered[-1]
    demo.keyboard.press("ArrowDown")
    demo.keyboard.press("Enter")
    assert area.input_value() == f"smiling, glasses, {offered[0]}"
    # keys that rested on the way were told, too
    assert told(demo)[-1] == ["prompt", area.input_value(), False]
    assert area.get_attribute("aria-expanded") == "false" and not demo.get_by_role("listbox").is_visible()
    demo.keyboard.press("Control+z")  # the field's own undo
    assert area.input_value() == "smiling, glasses, gre"


def test_escape_closes_the_list_and_enter_then_keeps_the_text(demo):
    type_at_the_end(demo, ", gr")
    demo.keyboard.press("ArrowDown")
    demo.keyboard.press("Escape")
    assert not demo.get_by_role("listbox").is_visible()
    demo.keyboard.press("Enter")
    assert demo.locator(FIELD).input_value() == "smiling, glasses, gr"


def test_completion_by_mouse_keeps_the_focus(demo):
    type_at_the_end(demo, " and bea")
    demo.get_by_role("option", name="beard", exact=True).click()
    assert demo.locator(FIELD).input_value() == "smiling, glasses and beard"
    assert demo.evaluate("() => document.activeElement.tagName") == "TEXTAREA"
    wait_for_chips(demo, "smile with teeth", "glasses", "beard")


def test_completion_in_the_middle_replaces_only_the_word_before_the_caret(demo):
    area = demo.locator(FIELD)
    area.fill("smiling, , glasses")
    area.evaluate("(a) => a.setSelectionRange(9, 9)")
    demo.keyboard.type("blu")
    demo.get_by_role("option", name="blue background", exact=True).click()
    assert area.input_value() == "smiling, blue background, glasses"
    assert caret(demo) == [24, 24]


def test_what_was_said_is_not_offered_again(demo):
    type_at_the_end(demo, ", grey hair, ")
    wait_for_chips(demo, "smile with teeth", "glasses", "grey hair")
    demo.keyboard.press("ArrowDown")  # at the end of the text it opens the list
    offered = options(demo)
    assert len(offered) == 8
    said = {name for phrase in offered for name in prompts.parse("portraits", phrase).attributes}
    assert said == {"facial_hair", "hair_length", "apparent_age", "background", "turned"}
    demo.keyboard.press("Escape")
    demo.keyboard.type("bro")
    assert not demo.get_by_role("listbox").is_visible()


def test_an_empty_field_shows_what_can_be_said(demo):
    area = demo.locator(FIELD)
    area.fill("")
    demo.wait_for_function("() => !document.querySelector('.chip')")
    assert area.get_attribute("placeholder").startswith("smiling")
    area.click()
    assert len(options(demo)) == 8
    demo.keyboard.press("Tab")
    assert not demo.get_by_role("listbox").is_visible()


# ---- chips and notes


def test_a_chip_takes_its_words_out(demo):
    demo.get_by_role("button", name="Remove “glasses”").click()
    wait_for_chips(demo, "smile with teeth")
    assert demo.locator(FIELD).input_value() == "smiling"
    assert told(demo) == [["prompt", "smiling", False]]
    assert demo.evaluate("() => document.activeElement.textContent") == "smile with teeth"
    demo.keyboard.press("Enter")  # the keyboard goes on from chip to chip, at last to the field
    demo.wait_for_function("() => document.activeElement.tagName === 'TEXTAREA'")
    assert demo.locator(FIELD).input_value() == ""


def test_a_chip_pressed_before_the_answer_keeps_what_was_typed(demo):
    SLOW["seconds"] = 0.5
    type_at_the_end(demo, ", bald")
    demo.get_by_role("button", name="Remove “glasses”").click()
    wait_for_chips(demo, "smile with teeth", "bald")
    assert demo.locator(FIELD).input_value() == "smiling, bald"
    assert HEARD == ["smiling, glasses, bald", "smiling, bald"]


def test_did_you_mean_mends_the_text(demo):
    type_at_the_end(demo, ", moustahce, a hat")
    demo.wait_for_selector(".fix")
    notes = demo.locator("#demo-rail .notes")
    assert "headwear" in notes.inner_text() and notes.get_attribute("role") == "status"
    demo.get_by_role("button", name="moustache", exact=True).click()
    wait_for_chips(demo, "smile with teeth", "glasses", "beard")
    assert demo.locator(FIELD).input_value() == "smiling, glasses, moustache, a hat"


def test_visitors_text_is_text(demo):
    demo.locator(FIELD).fill(EVIL)
    demo.wait_for_selector(".notes p")
    demo.wait_for_timeout(300)
    assert demo.evaluate("() => window.hit === undefined && !document.querySelector('#demo-rail img')")
    assert demo.locator(FIELD).input_value() == EVIL


# ---- keys of the stage, phone, accessibility


def test_keys_stay_in_the_field(demo):
    demo.evaluate("""() => {
        window.escaped = [];
        document.addEventListener("keydown", (event) => {
            if (!document.activeElement.matches("textarea")) escaped.push(event.key);
        });
    }""")
    type_at_the_end(demo, " P1 rna?f ")
    assert demo.locator(FIELD).input_value() == "smiling, glasses P1 rna?f "
    assert demo.evaluate("() => escaped") == []
    # the stage leaves every key to a field that looks like this
    assert demo.evaluate("() => document.activeElement.matches('textarea, [role=combobox]')")


def test_on_a_phone(phone, open_tab, address):
    page = opened(phone, open_tab, address)
    area = page.locator(FIELD)
    area.tap()
    area.fill("smiling, grey hair, ")
    page.keyboard.type("bea")
    page.get_by_role("option", name="beard", exact=True).tap()
    wait_for_chips(page, "smile with teeth", "beard", "grey hair")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for box in (one.bounding_box() for one in page.locator(".chip").all()):
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 36
    page.get_by_role("button", name="Remove “grey hair”").tap()
    wait_for_chips(page, "smile with teeth", "beard")


@pytest.mark.parametrize("colours", ["dark", "light"])
def test_nothing_critical_or_serious_for_axe(page, open_tab, address, colours):
    axe = pytest.importorskip("axe_core_python.sync_playwright")
    opened(page, open_tab, f"{address}/?__theme={colours}")
    type_at_the_end(page, ", moustahce, gre")
    page.wait_for_selector(".fix")
    page.keyboard.type("y")
    page.keyboard.press("ArrowDown")
    found = axe.Axe().run(page, context=".pg-widget")["violations"]
    assert [(each["id"], each["impact"]) for each in found if each["impact"] in ("critical", "serious")] == []
