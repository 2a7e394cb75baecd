"""The prompt control: chips take out what they name, notes say what was not understood, fixes mend it."""

import json
import time

import pytest

from demos import prompting
from models import prompts

KEYS = {"kind", "name", "label", "value", "suggestions", "chips", "notes", "placeholder", "limit"}


def notes(data: str, text: str) -> list[str]:
    return [note["text"] for note in prompting.control(text, data)["notes"]]


@pytest.mark.parametrize("data", ["portraits", "toons"])
@pytest.mark.parametrize("text", ["", "smiling", "smiling, xyzzy, 🦄 <b>", "no " * 700])
def test_the_item_is_whole_and_plain_json(data, text):
    item = prompting.control(text, data, name="words", label="Ask for")
    assert item.keys() == KEYS
    assert (item["kind"], item["name"], item["label"], item["value"]) == ("prompt", "words", "Ask for", text)
    assert json.loads(json.dumps(item)) == item


@pytest.mark.parametrize("data", ["portraits", "toons"])
def test_the_placeholder_is_understood_whole(data):
    found = prompts.parse(data, prompting.control("", data)["placeholder"])
    assert len(found.attributes) >= 3 and not found.unknown


def test_chips_are_what_was_understood_and_take_it_out():
    item = prompting.control("short grey hair, glasses, a hat", "portraits")
    assert [chip["label"] for chip in item["chips"]] == ["glasses", "short hair", "grey hair"]
    for chip in item["chips"]:
        left = prompting.control(chip["text"], "portraits")["chips"]
        assert [each["label"] for each in left] == [e["label"] for e in item["chips"] if e["label"] != chip["label"]]
        assert "a hat" in chip["text"]


def test_fixes_mend_the_text():
    (note,) = prompting.control("glasses, smilng", "portraits")["notes"]
    assert note["text"] == "“smilng” is not in this model’s vocabulary. Did you mean"
    assert note["fixes"][0] == {"label": "smiling", "text": "glasses, smiling"}
    assert prompting.control("glasses, smiling", "portraits")["notes"] == []


def test_contradictions_and_clashes_are_said():
    assert notes("portraits", "bald, long hair") == [
        "“bald” and “long hair” contradict each other: the later one counts."
    ]
    (clash,) = notes("portraits", "bald, grey hair")
    assert "“bald” and “grey hair”" in clash and "No picture" in clash


def test_what_a_set_cannot_give_is_said():
    assert "no label for gender" in notes("toons", "a woman")[0]
    assert "never shown" in notes("toons", "a hat")[0]
    assert "🦄" in notes("toons", "🦄")[0]


def test_many_notes_are_counted():
    said = notes("toons", " ".join(f"qx{letter}z" for letter in "abcdefghijkl"))
    assert len(said) == prompting.NOTES
    assert said[-1] == "… and 8 more things were not understood."


def test_a_long_text_says_what_was_left_out():
    assert notes("portraits", "glasses, " * 1000)[-1].endswith("7,002 were left out.")


def test_completions_leave_out_what_earlier_pieces_say():
    def speak_of(text: str) -> set[str]:
        return {
            n
            for phrase in prompting.control(text, "portraits")["suggestions"]
            for n in prompts.parse("portraits", phrase).attributes
        }

    everything = set(prompts.vocabulary("portraits"))
    assert speak_of("") == speak_of("grey hair") == everything
    assert speak_of("grey hair, ") == speak_of("grey hair, glas") == everything - {"hair_color"}


def test_a_brief_item_leaves_the_completions_to_the_browser():
    brief = prompting.control("smiling", "toons", brief=True)
    whole = prompting.control("smiling", "toons")
    assert brief == {key: value for key, value in whole.items() if key != "suggestions"}
    assert len(json.dumps(whole)) < 12_000


def test_items_do_not_share_their_lists():
    prompting.control("smiling", "toons")["chips"].clear()
    prompting.control("smiling", "toons")["suggestions"].clear()
    assert prompting.control("smiling", "toons")["chips"] and prompting.control("smiling", "toons")["suggestions"]


@pytest.mark.parametrize(("text", "data"), [("smiling", "cats"), (None, "toons"), (7, "toons")])
def test_what_is_no_prompt_is_refused(text, data):
    with pytest.raises(ValueError):
        prompting.control(text, data)


@pytest.mark.parametrize("piece", ["spiky pink hair, wide eyes, open mouth, navy top, ", "qwe rty ", "smilin "])
def test_the_longest_text_is_no_burden(piece):
    prompting.control("", "toons")
    started = time.process_time()
    prompting.control((piece * 400)[: prompts.LIMIT], "toons")
    assert time.process_time() - started < 2
