"""Part "What it believes": the same words after two prompts that differ in one thing, measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr

from demos.autoregressive_parts import asked
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE, number, source
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Text
from demos.widgets.pair_bars import PairBars
from models import language_beliefs
from models.language import LanguageModel

PART = Part("beliefs", "What it believes", more=True)
MOST = 6  # words
OWN = "own"


@dataclass(frozen=True)
class Pair:
    """Two prompts that differ in one thing, and words to look for; names: what differs, as the sentences call it."""

    label: str
    prompts: tuple[str, str]
    names: tuple[str, str]
    words: tuple[str, ...]


PAIRS = {
    "late": Pair(
        "Nurse and engineer",
        ("The nurse was late because", "The engineer was late because"),
        ("nurse", "engineer"),
        ("she", "he", "they"),
    ),
    "works": Pair(
        "Mother and father",
        ("My mother works as a", "My father works as a"),
        ("mother", "father"),
        ("nurse", "mechanic", "teacher", "carpenter", "doctor"),
    ),
    "wording": Pair(
        "The same, put differently",
        ("She works as a", "He works as a"),
        ("she", "he"),
        ("nurse", "mechanic", "teacher", "carpenter", "doctor"),
    ),
    "money": Pair(
        "Rich and poor",
        ("The rich man was very", "The poor man was very"),
        ("rich", "poor"),
        ("happy", "sad", "proud", "angry", "kind"),
    ),
    "places": Pair(
        "London and Rome",
        ("In London people like to drink", "In Rome people like to drink"),
        ("London", "Rome"),
        ("tea", "wine", "coffee", "beer"),
    ),
}
PARAMS = (
    Choice("beliefs_pair", (*PAIRS, OWN)),
    Text("beliefs_a", 300, PAIRS["late"].prompts[0]),
    Text("beliefs_b", 300, PAIRS["late"].prompts[1]),
    Text("beliefs_words", 200, ", ".join(PAIRS["late"].words)),
)


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """A built-in pair brings its texts; who changes one of them has a pair of their own."""
    if name == "beliefs_pair":
        chosen = PARAMS[0].check(value)
        if chosen == OWN:
            return state | {"beliefs_pair": OWN}
        pair = PAIRS[chosen]
        texts = {"beliefs_a": pair.prompts[0], "beliefs_b": pair.prompts[1], "beliefs_words": ", ".join(pair.words)}
        return state | {"beliefs_pair": chosen} | texts
    if name in ("beliefs_a", "beliefs_b", "beliefs_words"):
        text = next(param for param in PARAMS if param.name == name).check(value)
        return state if text == state[name] else state | {name: text, "beliefs_pair": OWN}
    return None


# ---- the numbers


def words_of(text: str) -> list[str]:
    """The words between commas, each once, at most MOST."""
    words = [" ".join(part.split()) for part in text.replace("\n", ",").split(",")]
    return list(dict.fromkeys(word for word in words if word))[:MOST]


@lru_cache(maxsize=128)
def measured(model: LanguageModel, prompt: str, words: tuple[str, ...]) -> tuple[float, ...]:
    """ln p of each word after a prompt."""
    return tuple(language_beliefs.word_logs(model, prompt, words))


def chosen(state: dict[str, Any]) -> str:
    """The built-in pair that the texts are, whatever a link called them; else "own"."""
    texts = (state["beliefs_a"], state["beliefs_b"])
    return next((name for name, pair in PAIRS.items() if texts == pair.prompts), OWN)


def named(state: dict[str, Any]) -> tuple[str, str]:
    """What the sentences call the two prompts: a built-in pair's names, else the words in which they differ."""
    texts = state["beliefs_a"].split(), state["beliefs_b"].split()
    if chosen(state) in PAIRS:
        return PAIRS[chosen(state)].names
    differ = [" ".join(word for word in one if word not in other) for one, other in (texts, texts[::-1])]
    return (differ[0][:40] or "the first", differ[1][:40] or "the second")


def compared(word: str, a: float, b: float, names: Sequence[str]) -> str:
    """Which of the two prompts makes a word more probable, and how many times. a, b: its ln p."""
    more, less, size = (names[1], names[0], b - a) if b >= a else (names[0], names[1], a - b)
    ratio = math.exp(min(size, 700.0))
    if ratio < 1.05:
        return f"“{word}” is as likely after “{names[0]}” as after “{names[1]}”"
    return f"“{word}” is {times(ratio)} as likely after “{more}” as after “{less}”"


def times(ratio: float) -> str:
    """A ratio from 1 on in words."""
    return f"{ratio:.1f} times" if ratio < 99.5 else f"{ratio:,.0f} times" if ratio < 1e6 else "over a million times"


# ---- the view


def stage() -> None:
    """The paired bars alone."""
    with gr.Column(elem_classes=["pg-stack"]):
        PairBars("beliefs-bars", "autoregressive")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The bars of every word after both prompts, and what they come to."""
    state, words = scene.state, words_of(scene.state["beliefs_words"])
    prompts = [state["beliefs_a"].strip(), state["beliefs_b"].strip()]
    view = {"rail": {"items": _rail(scene)}}
    if not all(prompts) or not words:
        see_nothing = "Type two beginnings and a few words with commas between them."
        return view | {"beliefs-bars": {"rows": []}, "see": see_nothing, "formula": {}}
    a, b = (measured(scene.model, prompt, tuple(words)) for prompt in prompts)
    names = named(state)
    rows = [
        {"label": word, "a": math.exp(low), "b": math.exp(high), "text": compared(word, low, high, names) + "."}
        for word, low, high in zip(words, a, b, strict=True)
    ]
    return view | {
        "beliefs-bars": {
            "a": f"{prompts[0]} …",
            "b": f"{prompts[1]} …",
            "rows": rows,
            "max": max(max(row["a"], row["b"]) for row in rows),
            "caption": "Probability that the text goes on with the word.",
            "source": f"{LIVE}, {scene.model.name}",
        },
        "see": see(words, a, b, names),
        "formula": _formula(words, a, b),
    }


def see(words: Sequence[str], a: Sequence[float], b: Sequence[float], names: Sequence[str]) -> str:
    """The word that moves most, the odds of the first two, and what this does not show."""
    most = max(range(len(words)), key=lambda i: abs(b[i] - a[i]))
    text = f"{compared(words[most], a[most], b[most], names)}."
    if len(words) > 1:
        ratio = language_beliefs.log_odds_ratio(a, b)
        u, v = (words[0], words[1]) if ratio >= 0 else (words[1], words[0])
        factor = math.exp(min(abs(ratio), 700.0))
        text += f" From “{names[0]}” to “{names[1]}” the odds of “{u}” against “{v}” grow by a factor of {factor:,.1f}."
    return (
        f"{text} This is measured for these words in this wording: it shows what the texts it read made probable, not "
        "what is true, nor what another wording would give."
    )


def _rail(scene: Scene) -> list[dict[str, Any]]:
    state = scene.state
    options = {name: pair.label for name, pair in PAIRS.items()} | {OWN: "Your own"}
    return [
        asked.choice("beliefs_pair", "A pair of beginnings", options, chosen(state)),
        asked.text("beliefs_a", "The first", state["beliefs_a"], 300),
        asked.text("beliefs_b", "The second", state["beliefs_b"], 300),
        asked.text("beliefs_words", "Words to look for, with commas", state["beliefs_words"], 200),
        *asked.model(scene),
    ]


def _formula(words: Sequence[str], a: Sequence[float], b: Sequence[float]) -> dict[str, Any]:
    lines: list[list[Any]] = [["p(word | prompt) = Π p(token | prompt, tokens before)"]]
    if len(words) > 1:
        lines += [
            [f"ln odds {words[0][:20]} : {words[1][:20]} = ", number(a[0] - a[1], 2), " → ", number(b[0] - b[1], 2)],
            ["log-odds ratio = ", number(language_beliefs.log_odds_ratio(a, b), 2)],
        ]
    code = source(language_beliefs.word_logs, language_beliefs.log_odds_ratio)
    return {"title": "Log-odds", "lines": lines, "code": code}
