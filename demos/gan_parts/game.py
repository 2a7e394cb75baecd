"""Part "The game itself": two small networks play for points in the plane, move by move, and everything is drawn.

What the moves do is in `game_moves`, what the networks do in ``models/game.py``.
"""

import base64
import functools
import math
from typing import Any

import gradio as gr
import numpy as np

from demos.common import LIVE, number, seed_item, source
from demos.gan_parts.game_moves import (
    FRESH,
    MOMENT,
    PARAMS,
    RATES,
    Present,
    act,
    look_at,
    moves_of,
    present,
    remembered,
)
from demos.gan_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import pack
from demos.widgets.curves import Curves
from demos.widgets.game_board import GameBoard
from models import game as play
from models.game import Look

__all__ = ["FRESH", "PARAMS", "PART", "act", "draw", "stage"]

PART = Part("game", "The game itself", more=True)
SHAPES = {
    "ring": "Ring of 8 spots",
    "grid-9": "Grid of 9 spots",
    "grid-25": "Grid of 25 spots",
    "moons": "Two moons",
    "spiral": "Spiral",
    "disc": "Disc",
    "drawing": "Draw your own",
}
OBJECTIVES = {"non-saturating": "Non-saturating", "wasserstein": "Wasserstein", "least-squares": "Least squares"}
SLOW_MS = 650  # between two moves in slow motion
COLLAPSED_AFTER = 1000  # rounds: from then on a game that covers half of the modes or fewer is said to have collapsed
ARROWS = 60
ARROW = 0.2  # length of the longest, where the square reaches from -1.25 to 1.25


def stage() -> None:
    """The board, and beside it how far the made points are from the real ones and what both players lose."""
    GameBoard("game-board", "gan")
    with gr.Column(elem_classes=["pg-stack"]):
        Curves("game-curves", "gan")
        Curves("game-losses", "gan", elem_classes="pg-backstage")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """Everything in every view: a run is live from its first round to its last, and all of it takes milliseconds."""
    state = scene.state
    now = present(state)
    seen = look_at(now.packed, now.rules)
    view = {
        "game-board": _board(state, now, seen),
        **_curves(now, seen),
        "rail": {"items": _rail(state)},
        "see": _see(state, now, seen),
        "formula": _formula(now, seen),
        "play": {"name": "game-pause" if state["running"] else "game-play", "value": None},
    }
    if state["running"]:
        view["again"] = {"action": {"name": "game-run", "value": None}, "after": SLOW_MS if state["slow"] else 0}
    return view


def _places(points: np.ndarray) -> list[int]:
    """Points as the board takes them: x, y, x, y, ... in thousandths; none is further out than ten squares."""
    return np.rint(1000 * points.clip(-10, 10)).astype(int).ravel().tolist()


def _arrows(pushes: np.ndarray) -> np.ndarray:
    """Pushes as long as they can be drawn; the longer, the stronger, up to the ninth decile."""
    lengths = np.linalg.norm(pushes, axis=1)
    longest = np.quantile(lengths, 0.9)
    if longest < 1e-9:
        return np.zeros_like(pushes)
    return pushes * (ARROW / np.maximum(lengths, longest))[:, None]


def _board(state: dict[str, Any], now: Present, seen: Look) -> dict[str, Any]:
    covered, count = int(seen.modes.covered.sum()), len(seen.modes.covered)
    places = "modes" if now.rules.shape in play.SPOTS else "cells"
    of_d, of_g = now.game.d.steps, now.game.g.steps
    rewind = {
        "name": "game-load",
        "params": list(MOMENT),
        "run": f"{now.rules.shape} {now.rules.objective} {now.rules.noise} {now.rules.prior} {now.rules.seed}",
        "now": f"round {of_g:,}" if of_d == of_g * now.rules.k else f"D {of_d:,} · G {of_g:,}",
        "begin": {name: state[name] for name in MOMENT} | FRESH | {"hidden": []},
        "begin_now": "round 0",
    }
    if now.record and now.packed != state["game"]:  # played from a link: the state does not hold it yet
        rewind["what"] = {name: state[name] for name in MOMENT} | {"game": now.packed, "past": pack(now.past)}
    pen = None
    if state["shape"] == "drawing":
        hint = "Draw here" if not state["drawing"] else ""
        if len(state["drawing"]) == play.DRAWING_LIMIT:
            hint = f"{play.DRAWING_LIMIT} points: that is all there is room for"
        pen = {"name": "game-draw", "points": state["drawing"], "limit": play.DRAWING_LIMIT, "hint": hint}
    critic = now.rules.objective == "wasserstein"
    return {
        "reach": play.REACH,
        "side": play.HEAT_SIDE,
        "heat": base64.b64encode(np.rint(255 * seen.heat).astype(np.uint8).tobytes()).decode(),
        "real": _places(seen.real),
        "made": _places(seen.made),
        "pushes": _places(_arrows(seen.pushes[:ARROWS])),
        "lines": {"columns": seen.manifold.shape[1], "points": _places(seen.manifold)},
        "modes": {
            "centres": _places(seen.modes.centres),
            "radius": round(1000 * seen.modes.radius),
            "round": now.rules.shape in play.SPOTS,
            "covered": seen.modes.covered.tolist(),
        },
        "legend": {
            "low": "D scores low" if critic else "D: made",
            "high": "high" if critic else "real",
            "real": "real",
            "made": "made by G",
            "lines": "G of a noise grid",
            "pushes": "push on G",
        },
        "alt": f"The plane at round {of_g}: G covers {covered} of {count} {places}.",
        "buttons": [
            {"name": "step-d", "label": "Step D", "hint": "One step of the discriminator; G stands still"},
            {"name": "step-g", "label": "Step G", "hint": "One step of the generator; D stands still"},
            {"name": "step-both", "label": "Both", "hint": "One round: k steps of D, then one of G"},
        ],
        "rewind": rewind,
        "pen": pen,
        "caption": f"seed {now.rules.seed} · {of_d:,} steps of D, {of_g:,} of G",
        "source": LIVE,
    }


def _curves(now: Present, seen: Look) -> dict[str, Any]:
    past = now.past if len(now.past) else remembered(now.past, now.game, seen)
    rounds, distance, divergence, d_loss, g_loss = (
        [round(float(value), 4) for value in column] for column in past[:, :5].T.astype(np.float64)
    )
    return {
        "game-curves": {
            "title": "How far the made points are from the real ones, nats",
            "x": rounds,
            "x_label": "round",
            "log": True,
            "series": [{"label": "JS", "y": distance}, {"label": "KL(real‖made)", "y": divergence, "dash": True}],
            "marks": [{"y": math.log(2), "label": "ln 2: JS of two that never meet"}],
        },
        "game-losses": {
            "title": "What each player wants small",
            "x": rounds,
            "x_label": "round",
            "series": [{"label": "loss of D", "y": d_loss}, {"label": "loss of G", "y": g_loss, "dash": True}],
        },
    }


def _rate(state: dict[str, Any], name: str, label: str) -> dict[str, Any]:
    return {
        "kind": "slider",
        "name": name,
        "label": label,
        "text": state[name],
        "min": 0,
        "max": len(RATES) - 1,
        "step": 1,
        "value": RATES.index(state[name]),
    }


def _rail(state: dict[str, Any]) -> list[dict[str, Any]]:
    running = state["running"]
    options = {
        name: [{"value": k, "label": v} for k, v in of.items()]
        for name, of in (("shape", SHAPES), ("objective", OBJECTIVES))
    }
    items = [
        {
            "kind": "button",
            "name": "game-pause" if running else "game-play",
            "label": "Pause" if running else "Play",
            "primary": True,
        },
        {"kind": "button", "name": "game-restart", "label": "Restart"},
        {"kind": "toggle", "name": "slow", "label": "Slow motion", "value": state["slow"]},
        {
            "kind": "choice",
            "name": "shape",
            "label": "Real points",
            "options": options["shape"],
            "value": state["shape"],
        },
        {
            "kind": "choice",
            "name": "objective",
            "label": "Objective",
            "options": options["objective"],
            "value": state["objective"],
        },
    ]
    if state["drawing"] and state["shape"] == "drawing":
        items.append({"kind": "button", "name": "game-clear", "label": "Clear my drawing"})
    if "played" in state["hidden"]:
        own = state["shape"] == "drawing" and state["drawing"]
        why = "Your drawing stays with you" if own else "This game is too long, or its rules changed on the way"
        items.append({"kind": "text", "name": "left-out", "label": f"{why}: a link begins at round 0."})
    rules = [
        _rate(state, "lr_d", "Learning rate of D"),
        _rate(state, "lr_g", "Learning rate of G"),
        {
            "kind": "slider",
            "name": "k",
            "label": "Steps of D per round, k",
            "text": str(state["k"]),
            "min": 1,
            "max": 10,
            "step": 1,
            "value": state["k"],
        },
        {
            "kind": "slider",
            "name": "noise",
            "label": "Numbers in the noise z",
            "text": str(state["noise"]),
            "min": 1,
            "max": play.NOISE_LIMIT,
            "step": 1,
            "value": state["noise"],
        },
        {
            "kind": "choice",
            "name": "prior",
            "label": "Noise",
            "options": [{"value": prior, "label": prior.capitalize()} for prior in play.PRIORS],
            "value": state["prior"],
        },
        seed_item(state["seed"]),
        {"kind": "button", "name": "game-fair", "label": "Fair rates"},
        {"kind": "button", "name": "game-collapse", "label": "Make it collapse"},
    ]
    return [*items, {"kind": "drawer", "name": "game-rules", "label": "Rules of the game", "items": rules}]


def _see(state: dict[str, Any], now: Present, seen: Look) -> str:
    covered, count = int(seen.modes.covered.sum()), len(seen.modes.covered)
    rounds = now.game.g.steps
    if not now.game.d.steps and not rounds:
        return (
            "Nobody has moved yet. G throws its noise somewhere; D, the colour, has no idea. "
            "Press Play: D learns to tell the dots from the diamonds, and G follows the arrows."
        )
    moves = moves_of(now.record)
    if state["slow"] and state["running"] and moves:
        kind = moves[-1][0]
        return (
            "D moved: the colours changed, the diamonds stayed."
            if kind == "d"
            else "G moved: the diamonds followed their arrows, the colours stayed."
        )
    places = "modes" if now.rules.shape in play.SPOTS else "places"
    found = f"G covers {covered} of {count} {places}"
    measured = f"JS is {seen.js:.2f} nats of at most 0.69, KL {seen.kl:.2f}."
    if covered == count:
        if now.rules.objective == "wasserstein":
            return f"Round {rounds:,}: {found}, all of them. {measured}"
        of_real, of_made = seen.answers
        told = f"D gives real points {of_real:.2f} on average and made ones {of_made:.2f}; 0.50 is a coin toss."
        return f"Round {rounds:,}: {found}, all of them. {told} {measured}"
    if rounds >= COLLAPSED_AFTER and 2 * covered <= count:
        return f"Round {rounds:,}: {found}, and that is mode collapse: it repeats itself, and D chases it. {measured}"
    return f"Round {rounds:,}: {found}; the dashed ones are missing. G goes where the arrows push it. {measured}"


LOSSES = {
    "non-saturating": (
        "−E[log σ(D(x))] − E[log(1 − σ(D(G(z))))]",
        "−E[log σ(D(G(z)))]",
        "where D cannot tell: 2 ln 2 = 1.386 and ln 2 = 0.693",
    ),
    "wasserstein": (
        "E[D(G(z))] − E[D(x)] + 0.1 E[(‖∇D‖ − 1)²]",
        "−E[D(G(z))]",
        "−L_D: how far apart the two are, in D’s own scale",
    ),
    "least-squares": (
        "½ E[(D(x) − 1)²] + ½ E[D(G(z))²]",
        "½ E[(D(G(z)) − 1)²]",
        "where D cannot tell: 0.25 and 0.125",
    ),
}


def _formula(now: Present, seen: Look) -> dict[str, Any]:
    of_d, of_g, known = LOSSES[now.rules.objective]
    return {
        "title": f"The two-player game: {OBJECTIVES[now.rules.objective].lower()}",
        "lines": [
            [f"L_D = {of_d} = ", number(seen.d_loss, 3)],
            [f"L_G = {of_g} = ", number(seen.g_loss, 3)],
            [known],
            ["JS = ", number(seen.js, 3), ", KL = ", number(seen.kl, 3), " nats"],
        ],
        "code": _code(),
    }


@functools.cache
def _code() -> str:
    """Reading the source takes longer than a round."""
    return source(play.step_d, play.step_g, play.d_loss, play.g_loss, play.slopes, play.Player.adam)
