"""Part "Beat the discriminator": ten faces, real or made? The visitor and the network answer the same ten."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from torch import Tensor

from demos.common import LIVE, faces, hero, new_seed, number, source
from demos.gan_parts.faces import FRESH as OTHER_FACES
from demos.gan_parts.faces import signed
from demos.gan_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import SEED_LIMIT, Flag, Integer, Text
from demos.uploads import example_atlas, to_tensor
from demos.widgets.controls import Controls
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from demos.widgets.picture import to_uint8
from models import gan, photographs, seeding

PART = Part("quiz", "Beat the discriminator", more=True)
FACES = 10
COLUMNS = 5
MOST_REAL = 7  # five to seven of the ten are real: counting does not help
WORDS = {"r": "real", "m": "made"}
FRESH = {"answers": "", "reveal": False}  # another set of pictures: what was answered belonged to the old one


class Answers(Text):
    """What the visitor said of the faces so far, a letter each: r for real, m for made."""

    def __init__(self) -> None:
        super().__init__("answers", FACES)

    def check(self, value: Any) -> str:
        """At most ten letters, r or m."""
        text = super().check(value)
        if set(text) - set(WORDS):
            raise self.refuse(value, "a text of the letters r and m")
        return text


# reveal: the answer to the face answered last is on show
PARAMS = (Integer("quiz_seed", 0, SEED_LIMIT, 1), Answers(), Flag("reveal"))


@dataclass(frozen=True)
class Round:
    """Ten faces and the truth about them: pictures (10, 3, 64, 64), the discriminator's logits, which are real."""

    pictures: Tensor
    logits: list[float]
    real: list[bool]

    @property
    def truth(self) -> str:
        """The ten right answers."""
        return "".join("r" if real else "m" for real in self.real)

    @property
    def network(self) -> str:
        """What the discriminator answers: real where its logit is above 0."""
        return "".join("r" if logit > 0 else "m" for logit in self.logits)


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``say-real``, ``say-made``, ``next-face``, ``play-again``, ``play-toons``, ``quiz_seed``; else None."""
    if name in ("say-real", "say-made"):
        # a second click on the same face, or one that came late
        if state["reveal"] or len(state["answers"]) == FACES or not playable(state["data"]):
            return state
        return state | {"answers": state["answers"] + name[4], "reveal": True}
    if name == "next-face":
        return state | {"reveal": False}
    if name == "play-again":
        return state | FRESH | {"quiz_seed": new_seed(state | {"seed": state["quiz_seed"]})}
    if name == "quiz_seed":
        return state | FRESH | {"quiz_seed": PARAMS[0].check(value)}
    if name == "play-toons":
        return state | OTHER_FACES | FRESH | {"data": "toons"}
    return None


def playable(data: str) -> bool:
    """Whether there are real pictures to mix in: always for toons, for portraits where their folder is."""
    return _pool(data) >= MOST_REAL


def _pool(data: str) -> int:
    if data == "toons":
        return len(example_atlas())
    place = photographs.folder()
    return len(photographs.held_out(place)) if place else 0


def deal(quiz_seed: int, pool: int) -> list[int | None]:
    """For each of the ten faces the real picture it is, out of ``pool``, or None where it is made.

    Five to seven are real, at places that follow from the seed; no real picture comes twice.
    """
    rng = seeding.generator(quiz_seed, FACES)  # the numbers before it belong to the made faces
    count = int(rng.integers(FACES // 2, MOST_REAL + 1))
    places, chosen = rng.permutation(FACES)[:count], rng.choice(pool, count, replace=False)
    cards = dict(zip(places.tolist(), chosen.tolist(), strict=True))
    return [cards.get(i) for i in range(FACES)]


@lru_cache(maxsize=64)
def _round(data: str, quiz_seed: int, place: Path | None) -> Round:
    """Real and made faces reach the discriminator and the page alike: 8 bits a colour, 64x64, without compression."""
    scene = Scene({"data": data})
    cards = deal(quiz_seed, _pool(data))
    made = scene.draw_faces(scene.w(quiz_seed, FACES))
    shown = [to_tensor(to_uint8(made[i]) if card is None else _real(data, card, place)) for i, card in enumerate(cards)]
    pictures = torch.cat(shown)
    return Round(pictures, scene.scores(pictures).tolist(), [card is not None for card in cards])


def _real(data: str, index: int, place: Path | None) -> np.ndarray:
    if data == "toons" or place is None:
        return example_atlas()[index]
    return photographs.read(photographs.held_out(place)[index])[0]


def stage() -> None:
    """The face in question, large, and the answers under it; what has been answered and the score beside it."""
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("question", "gan")
        Controls("say", "gan", elem_classes=["pg-fit", "pg-row"])
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("answered", "gan", elem_classes="pg-fit")
        Meter("score", "gan", elem_classes="pg-fit")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The face in question, or the verdict on the one just answered, or the result."""
    if not playable(scene.data):
        return _without_photographs(scene)
    answers, reveal = scene.state["answers"], scene.state["reveal"] and bool(scene.state["answers"])
    game = _round(scene.data, scene.state["quiz_seed"], photographs.folder())
    done = len(answers) == FACES and not reveal
    view = {
        "question": _result(game, answers) if done else _question(game, answers, reveal, scene.data),
        "say": {"items": _buttons(answers, reveal)},
        "rail": {"items": _rail(scene, f"{min(len(answers) - reveal + 1, FACES)} of {FACES}")},
    }
    if live:
        return view
    if reveal or done:
        view["play"] = {"name": "play-again" if done else "next-face", "value": None}
    return view | {
        "answered": _answered(game, answers),
        "score": {"items": [_score("You", answers, game), _score("The network", game.network[: len(answers)], game)]},
        "see": _see(game, answers, reveal, scene.data),
        "formula": _formula(game, answers, scene.data),
    }


def _question(game: Round, answers: str, reveal: bool, data: str) -> dict[str, Any]:
    place = len(answers) - reveal
    if not reveal:
        caption = f"Face {place + 1} of {FACES}: {_kind(data)}, or made by the generator?"
        # where it comes from is the question
        return hero(game.pictures[place], caption, f"Face {place + 1} of {FACES}, real or made") | {"source": ""}
    right = answers[place] == game.truth[place]
    truth = WORDS[game.truth[place]]
    verdict = f"{truth.capitalize()}. {'You were right.' if right else 'It fooled you.'}"
    caption = f"Face {place + 1} of {FACES} is {_kind(data) if truth == 'real' else 'made, at ψ = 1'}."
    told = {"notes": [verdict], "source": LIVE if truth == "made" else "held out of every training"}
    return hero(game.pictures[place], caption, f"Face {place + 1} of {FACES}") | told


def _result(game: Round, answers: str) -> dict[str, Any]:
    """The face that fooled the visitor; else the one that fooled the network; else the last one."""
    fooled = [i for i in range(FACES) if answers[i] != game.truth[i]]
    missed = [i for i in range(FACES) if game.network[i] != game.truth[i]]
    if fooled:
        place, says = fooled[0], "This one fooled you"
    elif missed:
        place, says = missed[0], "This one fooled the network"
    else:
        place, says = FACES - 1, "Nothing fooled you"
    truth = WORDS[game.truth[place]]
    return hero(game.pictures[place], f"{says}: face {place + 1} is {truth}.", f"Face {place + 1} of {FACES}") | {
        "notes": [f"{truth.capitalize()}, D(x) = {signed(game.logits[place])}"],
        "source": LIVE if truth == "made" else "held out of every training",
    }


def _kind(data: str) -> str:
    return "a drawing" if data == "toons" else "a photograph"


def _answered(game: Round, answers: str) -> dict[str, Any]:
    """The faces answered so far, each with the truth and whether the visitor knew; the others lie face down."""
    count = len(answers)
    pictures = torch.cat([game.pictures[:count], _back().expand(FACES - count, -1, -1, -1)])
    marks = [
        f"{'✓' if said == truth else '✗'} {WORDS[truth]}" for said, truth in zip(answers, game.truth, strict=False)
    ]
    return faces(
        pictures,
        COLUMNS,
        f"{count} of {FACES} faces are answered",
        "✓ you knew it, ✗ it fooled you." if answers else "Ten faces are waiting.",
        notes=marks + [str(i + 1) for i in range(count, FACES)],
        source="",
    )


def _back() -> Tensor:
    """The back of a card, (1, 3, 64, 64): lozenges in two slates that stand out from light and dark rooms alike."""
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    inside = ((x % 16 - 7.5).abs() + (y % 16 - 7.5).abs() < 6)[..., None]
    pixels = torch.where(inside, torch.tensor([108, 120, 142]), torch.tensor([84, 95, 116]))
    return to_tensor(pixels.to(torch.uint8).numpy())


def _right(answers: str, game: Round) -> int:
    return sum(said == truth for said, truth in zip(answers, game.truth, strict=False))


def _score(label: str, answers: str, game: Round) -> dict[str, Any]:
    right = _right(answers, game)
    return {
        "label": label,
        "value": right,
        "max": FACES,
        "text": f"{right} of {len(answers)}" if answers else "–",
        "meaning": "right so far",
        "mark": len(answers) / 2 if answers else None,
        "mark_label": "tossing a coin",
    }


def _buttons(answers: str, reveal: bool) -> list[dict[str, Any]]:
    place = len(answers) - reveal
    button = {"kind": "button", "primary": True}
    if place == FACES:
        return [button | {"name": "play-again", "label": "Play again"}]
    if reveal:
        return [button | {"name": "next-face", "label": "Next face" if place + 1 < FACES else "The result"}]
    return [button | {"name": "say-real", "label": "Real"}, button | {"name": "say-made", "label": "Made"}]


def _rail(scene: Scene, note: str) -> list[dict[str, Any]]:
    return [
        {"kind": "heading", "label": "Real or made?", "note": note},
        {
            "kind": "number",
            "name": "quiz_seed",
            "label": "Round",
            "min": 0,
            "max": SEED_LIMIT,
            "value": scene.state["quiz_seed"],
            "dice": True,
        },
    ]


def _see(game: Round, answers: str, reveal: bool, data: str) -> str:
    if not answers:
        kind = "drawings" if data == "toons" else "photographs"
        return (
            f"Ten faces, one after the other. Some are {kind} that no network here learnt from; the others are the "
            "generator's, untruncated (ψ = 1). The discriminator answers, too."
        )
    if not reveal and len(answers) == FACES:
        you, network = _right(answers, game), _right(game.network, game)
        outcome = (
            "You beat the discriminator."
            if you > network
            else "A draw with the discriminator."
            if you == network
            else "The discriminator wins this round; it has seen many more of these than you."
        )
        return f"{outcome} You knew {you} of {FACES}, the network {network}. A coin would get 5 on average."
    place = len(answers) - 1
    truth, said = game.truth[place], game.network[place]
    yours = "Right" if answers[place] == truth else "Good try"
    network = "and the network saw it, too" if said == truth else f"but the network took it for {WORDS[said]}"
    if answers[place] != truth:
        network = "and the network saw it" if said == truth else "and the network fell for it, too"
    sentence = f"{yours}: face {place + 1} was {WORDS[truth]}, {network} (its score is {signed(game.logits[place])})."
    return sentence if reveal else f"{sentence} And this one?"


def _formula(game: Round, answers: str, data: str) -> dict[str, Any]:
    real = f" held-out {'drawings' if data == 'toons' else 'photographs'}"
    lines: list[list[Any]] = [
        ["real: one of ", number(_pool(data), 0), real, ";  made: G(z), ψ = ", number(1, 0)],
        ["D(x) > 0  →  “real”,  D(x) < 0  →  “made”"],
    ]
    if answers:
        logit = game.logits[len(answers) - 1]
        sure = float(torch.sigmoid(torch.tensor(logit)))
        lines.append([f"face {len(answers)}:  D(x) = ", number(logit, 2), ",  σ(D(x)) = ", number(sure, 2)])
    return {"title": "How the network decides", "lines": lines, "code": source(gan.Discriminator.forward)}


def _without_photographs(scene: Scene) -> dict[str, Any]:
    """What is shown where the folder of photographs is missing: nine made ones, and ten toons to play with instead."""
    made = scene.draw_faces(scene.w(scene.state["quiz_seed"], 9))
    return {
        "question": faces(made, 3, "Nine made faces", "All nine are made, at ψ = 1."),
        "answered": faces(
            torch.cat([to_tensor(picture) for picture in example_atlas()[:FACES]]),
            COLUMNS,
            "Ten held-out drawings",
            "Real toons ship with this page.",
            source="held out of every training",
        ),
        "score": {"items": []},
        "say": {"items": [{"kind": "button", "name": "play-toons", "label": "Play with toons", "primary": True}]},
        "rail": {"items": _rail(scene, "no photographs here")},
        "see": (
            "The photographs that this generator learnt from do not ship with this page, so every face here would be a "
            "made one. Toons can be played anywhere; photographs join where PORTRAITS_DIR names a folder of them."
        ),
        "formula": {
            "title": "How the network decides",
            "lines": [
                ["D(x) > 0  →  “real”,  D(x) < 0  →  “made”"],
                ["these nine: D(x) = ", number(float(scene.scores(made).mean()), 2), " on average"],
            ],
            "code": source(gan.Discriminator.forward),
        },
    }
