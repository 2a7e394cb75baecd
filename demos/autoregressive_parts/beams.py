"""Part "Beams": several continuations grow side by side, and the least probable ones are pruned at every token."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demos import follow
from demos.autoregressive_parts import asked, drafts, roads, words
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE, number, source
from demos.engine import Engine, Run
from demos.stage.frame import Haste, Part
from demos.stage.state import RUNNING, Integer, Number
from demos.widgets.road_tree import RoadTree
from models import language_beams, zoo
from models.language import LanguageModel
from models.language_beams import Beam, BeamStep, beam_search

PART = Part("beams", "Beams", more=True)
MOST = 24
ROUND, SEEN = Integer("beams_round", 1, MOST, MOST), "beams_seen"
PARAMS = (
    Integer("beams", 2, 5, 3),
    Number("length_penalty", -1.0, 2.0, 1.0, 0.1),
    Integer("beams_tokens", 2, MOST, 8),
    ROUND,
    follow.Progress(SEEN),
)
PACE = 900  # milliseconds that a round stays while it plays
NO_RULES = "No dart falls here, so temperature, top-k and the other rules of Write have no say."
DEAD = 6  # beams that died out, at most, as far as they are shown
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Search:
    """A search that is asked for: what it goes on from, and how."""

    name: str
    ids: Ids
    count: int
    beams: int
    length_penalty: float

    @property
    def engine(self) -> Engine:
        """Who computes it."""
        return drafts.ENGINE

    def run(self) -> Run:
        """The run, begun if it was not; its records are BeamSteps."""
        return self.engine.run(self, self.start, self.count)

    def start(self) -> Iterator[BeamStep]:
        """The rounds of the search."""
        model = zoo.language(self.name)
        return beam_search(model, list(self.ids), self.count, self.beams, self.length_penalty)


def search(scene: Scene) -> Search:
    """What the state asks for; of a long text the end that leaves room for the beams."""
    state = scene.state
    room = scene.model.window - state["beams_tokens"]
    return Search(scene.name, tuple(scene.ids[-room:]), state["beams_tokens"], state["beams"], state["length_penalty"])


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``beams-follow``, ``-play``, ``-stop`` and ``-next``; ``beams-take`` goes on with a beam in "Write"."""
    if name == "beams-follow":
        return follow.note(state, SEEN, [search(Scene(state))], value)
    if name == "beams-play":
        return state | {RUNNING: True, ROUND.name: 1}
    if name == "beams-stop":
        return state | {RUNNING: False}
    if name == "beams-next":
        steps = search(Scene(state)).run().records
        last = state[ROUND.name] >= state["beams_tokens"] or (steps and state[ROUND.name] >= len(steps))
        return state | ({RUNNING: False} if last else {ROUND.name: state[ROUND.name] + 1})
    if name == "beams-take":
        ids = roads.TAKEN.check(value)
        return roads.turn(state, [*state["taken"], *ids]) | {"part": "write"}
    return None


# ---- the view


def stage() -> None:
    """The tree, over the whole stage."""
    with gr.Column(elem_classes=["pg-stack"]):
        RoadTree("beams-tree", "autoregressive")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The tree at the round that is looked at, as far as the search has come."""
    watch = follow.look(scene.state, SEEN, [search(scene)], live)
    steps = watch.records[0] if watch.runs else []
    at = min(scene.state[ROUND.name], len(steps))
    view = {"rail": {"items": _rail(scene, watch, at)}} | watch.again("beams-follow")
    playing = scene.state[RUNNING]
    if playing and not watch.following:
        view["again"] = {"action": {"name": "beams-next", "value": None}, "after": PACE}
    view["play"] = {"name": "beams-stop" if playing else "beams-play", "value": None}
    if not at:
        return view | ({} if live else {"see": watch.words or "Nothing was searched yet.", "formula": {}})
    if not live or playing or watch.following:
        view["beams-tree"] = _tree(scene, steps[:at])
    if live and not playing and not watch.following:
        return view
    return view | {"see": see(scene.model, steps, at), "formula": _formula(scene, steps[at - 1])}


def _rail(scene: Scene, watch: follow.Watch, at: int) -> list[dict[str, Any]]:
    state = scene.state
    playing = state[RUNNING]
    return [
        asked.text("prompt", "Prompt", state["prompt"], 2000),
        {"kind": "slider", "name": "beams", "label": "Beams", "min": 2, "max": 5, "step": 1}
        | {"value": state["beams"], "text": str(state["beams"])},
        {"kind": "slider", "name": "length_penalty", "label": "Length penalty α", "min": -1, "max": 2, "step": 0.1}
        | {"value": state["length_penalty"], "text": f"{state['length_penalty']:.1f}".replace("-", "−")},
        {"kind": "slider", "name": "beams_tokens", "label": "Tokens at most", "min": 2, "max": MOST, "step": 1}
        | {"value": state["beams_tokens"], "text": str(state["beams_tokens"])},
        {"kind": "slider", "name": ROUND.name, "label": "Round", "min": 1, "max": state["beams_tokens"], "step": 1}
        | {"value": max(1, at or 1), "text": f"{at} of {state['beams_tokens']}"},
        {"kind": "button", "name": "beams-stop" if playing else "beams-play", "primary": not playing}
        | {"label": "Stop" if playing else "Play from the first round"},
        *([{"kind": "text", "name": "beams-words", "label": watch.words}] if watch.words else []),
    ]


def chances(steps: list[BeamStep]) -> dict[Ids, float]:
    """The probability of every beam's last token, from what it adds to the beam that it grew from."""
    every = {beam.ids: beam.log_probability for step in steps for beam in _all(step)}
    return {ids: math.exp(log_p - every.get(ids[:-1], 0.0)) for ids, log_p in every.items()}


def _all(step: BeamStep) -> tuple[Beam, ...]:
    return (*step.beams, *step.pruned, *step.finished)


def kinds(steps: list[BeamStep], ends: Collection[int]) -> dict[Ids, tuple[str, str]]:
    """What became of every beam by the last of these rounds: its kind in the tree, and its score in words.

    Kept, finished and just pruned ones; and of those that were kept once the last few that nothing grew from. ends:
    tokens after which a text is over; other texts are only as long as was asked for.
    """
    last = steps[-1]
    found: dict[Ids, tuple[str, str]] = {}
    for beam in (*last.finished, *last.beams):
        won = not last.beams and beam is last.finished[0]
        over = beam.ids[-1] in ends
        kind = "done" if over and not won else "now"
        said = "wins, " if won else "ended, " if over else ""
        found[beam.ids] = (kind, f"{said}{_signed(beam.score)}")
    for beam in last.pruned:
        found[beam.ids] = ("pruned", _signed(beam.score))
    once = [beam for step in steps[:-1][::-1] for beam in step.beams]
    dead = [beam for beam in once if not any(roads.begins(beam.ids, ids) for ids in found)]
    for beam in dead:
        if sum(kind == "dead" for kind, _ in found.values()) == DEAD:
            break
        if not any(roads.begins(beam.ids, ids) for ids in found):
            found[beam.ids] = ("dead", "")
    return found


def _signed(score: float) -> str:
    return f"{score:.2f}".replace("-", "−")


def _tree(scene: Scene, steps: list[BeamStep]) -> dict[str, Any]:
    model, p = scene.model, chances(steps)
    ends = kinds(steps, model.ends)
    alive = [ids for ids, (kind, _) in ends.items() if kind in ("now", "done")]
    nodes = []
    for branch in roads.branches(list(ends)):
        path = tuple(branch.path)
        kind, note = ends.get(path, ("", ""))
        if not kind:
            kind = "now" if any(roads.begins(path, ids) for ids in alive) else "dead"
        each = [p.get(path[: len(branch.before) + i + 1]) for i in range(len(branch.ids))]
        tokens = roads.chips(model, branch.before, branch.ids, each)
        nodes.append({"parent": branch.parent, "kind": kind, "tokens": tokens, "note": note})
    return {
        "root": {"t": roads.root(model, scene.ids)},
        "nodes": nodes,
        "action": "beams-take",
        "alt": f"Round {len(steps)}: {len(steps[-1].beams)} beams go on, {len(steps[-1].pruned)} were pruned.",
        "legend": [["now", "kept"], ["done", "ended"], ["pruned", "pruned now"], ["dead", "died out before"]],
        "caption": f"Numbers are scores, the higher the better. Click a beam to go on with it in Write. {NO_RULES}",
        "source": f"{model.name} · {LIVE}",
    }


def see(model: LanguageModel, steps: list[BeamStep], at: int) -> str:
    """What this round decides, in words that follow from its numbers."""
    step = steps[at - 1]
    if not step.beams:
        best = step.finished[0]
        greedy = steps[0].beams[0].ids if steps[0].beams else best.ids[:1]
        turned = best.ids[: len(greedy)] != greedy
        return f"The search is over: “{_text(model, best)}” wins with {_signed(best.score)}. Its first token was " + (
            "not the most probable one: a worse start can lead to a better text." if turned else "the best one too."
        )
    kept, gone = step.beams[-1], step.pruned[0] if step.pruned else None
    said = f"Round {at}: each beam tries every token of the vocabulary; the {len(step.beams)} best texts stay."
    if gone is None:
        return said
    return (
        f"{said} The last that stays scores {_signed(kept.score)}, the best that is pruned “{_text(model, gone)}” "
        f"{_signed(gone.score)}: whatever it might have led to is lost."
    )


def _text(model: LanguageModel, beam: Beam) -> str:
    text = " ".join("".join(token["t"] for token in words.spelt(model, beam.ids)).split())
    return text if len(text) <= 60 else f"…{text[-58:]}"


def _formula(scene: Scene, step: BeamStep) -> dict[str, Any]:
    best = (step.beams or step.finished)[0]
    alpha, length = scene.state["length_penalty"], len(best.ids)
    return {
        "title": "The score of the best beam",
        "lines": [
            ["score = log p / lengthᵅ,  α = ", number(alpha), ",  log p = Σ ln p(token)"],
            [number(best.log_probability, 2), " / ", number(length, 0), "ᵅ = ", number(best.score, 3)],
        ],
        "code": source(language_beams.beam_search),
    }
