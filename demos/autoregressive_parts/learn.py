"""Part "Watch it learn": what tiny wrote at a dozen moments of its training, and what counting alone can do."""

import math
from typing import Any

import gradio as gr

from demos.autoregressive_parts import asked
from demos.autoregressive_parts.scene import Scene
from demos.common import number, source
from demos.replays import RECORDED, curve
from demos.stage.frame import Haste, Part
from demos.stage.state import Flag, Integer
from demos.widgets.curves import Curves
from demos.widgets.text_strip import TextStrip
from models import zoo
from models.training import language_replay

PART = Part("learn", "Watch it learn", more=True)
STRIP = "learn-strip"
LAST = 63
PARAMS = (
    Integer("learn_moment", 0, LAST, LAST),
    Integer("learn_prompt", 0, 7, 0),
    Flag("learn_beside", True),
)
Row = dict[str, Any]


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``frame`` while this part is shown; the others are plain parameters."""
    if name == "frame" and state["part"] == PART.name:
        return state | {"learn_moment": Integer("frame", 0, LAST, 0).check(value)}
    return None


def stage() -> None:
    """The text, large; beside it the loss."""
    TextStrip(STRIP, "autoregressive", elem_classes="pg-wide")
    with gr.Column(elem_classes=["pg-stack"]):
        Curves("learn-curve", "autoregressive")


def replay() -> dict[str, Any]:
    """The recorded training.

    Raises:
        ValueError: where the weights come without one.
    """
    try:
        return zoo.language_replay()
    except FileNotFoundError:
        raise ValueError("The training of tiny was not recorded.") from None


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """All moments at once: the browser scrubs and plays them alone."""
    run = replay()
    moments, prompts = run["moments"], run["prompts"]
    at = min(scene.state["learn_moment"], len(moments) - 1)
    which = min(scene.state["learn_prompt"], len(prompts) - 1)
    beaten = [best_beaten(run["baselines"], moment["bits_per_character"]) for moment in moments]
    beside = {
        "title": "What counting writes",
        "texts": [one["samples"][which] if one and one["samples"] else "" for one in beaten],
        "notes": [f"{_level(one)} bits per character" if one else "" for one in beaten],
    }
    return {
        STRIP: {
            "run": f"{len(moments)}:{which}",
            "frames": [{"text": moment["samples"][which], "note": _note(moment)} for moment in moments],
            "prompt": prompts[which],
            "index": at,
            "captions": [f"{read_words(moment)} read" for moment in moments],
            "left": "start",
            "right": "end",
            "source": f"{RECORDED}; always the same darts, seed {run['seed']}",
            "beside": beside if scene.state["learn_beside"] else None,
        },
        "learn-curve": curve(
            STRIP,
            at,
            "Loss on text it never saw",
            "bits per character",
            [_line("tiny", [moment["bits_per_character"] for moment in moments])],
            marks=marks(run["baselines"]),
        ),
        "rail": {"items": _rail(scene, run, which)},
        "see": see(run, at),
        "formula": _formula(run, at),
    }


# --- the numbers -----------------------------------------------------------------------------------------------------


def best_beaten(baselines: list[Row], bits: float) -> Row | None:
    """The baseline with the lowest loss that is still worse than ``bits``; None where none is."""
    worse = [row for row in baselines if row["bits_per_character"] > bits]
    return min(worse, key=lambda row: row["bits_per_character"], default=None)


def next_best(baselines: list[Row], bits: float) -> Row | None:
    """The baseline that comes next: the highest loss that is still at most ``bits``."""
    better = [row for row in baselines if row["bits_per_character"] <= bits]
    return max(better, key=lambda row: row["bits_per_character"], default=None)


def marks(baselines: list[Row]) -> list[Row]:
    """The levels that a curve is compared with: uniform, letter frequencies, pairs, and the best n-gram."""
    best = min(baselines, key=lambda row: row["bits_per_character"])
    shown = [row for row in baselines if row["order"] in (0, 1, 2) or row is best]
    return [{"y": row["bits_per_character"], "label": _level(row)} for row in shown]


def read_words(moment: Row) -> str:
    """How much text was read, in words."""
    count = moment["tokens_seen"]
    if count >= 1e6:
        return f"{count / 1e6:.1f} million tokens"
    return f"{count:,} tokens" if count else "nothing"


def see(run: Row, at: int) -> str:
    """What had been learnt at the moment shown, measured against counting."""
    moment, baselines = run["moments"][at], run["baselines"]
    bits = moment["bits_per_character"]
    if moment["step"]:
        spent = (
            f"{moment['seconds'] / 60:.0f} minutes" if moment["seconds"] >= 90 else f"{moment['seconds']:.0f} seconds"
        )
        words = f"After {spent} and {read_words(moment)} a character of plays it never saw costs {bits:.2f} bits:"
        words += f" as if it had to choose among {2**bits:.1f}."
    else:
        words = f"Before the first step one token is about as good as another (perplexity {moment['perplexity']:,.0f}):"
        words += f" it writes its own pieces, shuffled. A character costs {bits:.2f} bits."
    beaten, ahead = best_beaten(baselines, bits), next_best(baselines, bits)
    better = f" Better than {_against(beaten)}" if beaten else ""
    if ahead:
        return f"{words}{better or ' It is'}{',' if better else ''} not yet as good as {_against(ahead)}."
    return f"{words}{better}: no counting of up to {max(row['order'] for row in baselines)} characters does as well."


def _against(row: Row) -> str:
    return f"{row['name']} ({row['bits_per_character']:.2f})"


# --- the view --------------------------------------------------------------------------------------------------------


def _level(row: Row) -> str:
    return f"{row['name']} {row['bits_per_character']:.2f}"


def _note(moment: Row) -> str:
    return f"{moment['bits_per_character']:.2f} bits per character · step {moment['step']:,}"


def _line(label: str, values: list[float]) -> dict[str, Any]:
    return {"label": label, "y": [round(value, 4) for value in values], "dash": False}


def _rail(scene: Scene, run: Row, which: int) -> list[dict[str, Any]]:
    names = {i: prompt.strip() for i, prompt in enumerate(run["prompts"])}
    return [
        {"kind": "heading", "label": "The training, moment by moment"},
        asked.choice("learn_prompt", "It goes on from", names, which),
        {
            "kind": "toggle",
            "name": "learn_beside",
            "label": "Compare with counting",
            "value": scene.state["learn_beside"],
        },
        {
            "kind": "text",
            "name": "learn-how",
            "label": f"{len(run['moments'])} moments, each after twice as much text as the one before. Temperature "
            f"{run['temperature']:g}. Space plays, arrows step.",
        },
    ]


def _formula(run: Row, at: int) -> dict[str, Any]:
    moment = run["moments"][at]
    bits, perplexity = moment["bits_per_character"], moment["perplexity"]
    return {
        "title": f"Bits per character, moment {at + 1}",
        "lines": [
            ["L = − Σ log₂ p(token | before) / characters = ", number(bits, 2)],
            ["per token: log₂ ", number(perplexity, 1), " = ", number(math.log2(perplexity), 2), " bits"],
        ],
        "code": source(language_replay.bits_per_character),
    }
