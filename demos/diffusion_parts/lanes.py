"""Part "Lanes": up to four runs from the identical noise, walked in one batch and scrubbed together."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from demos import follow, prompting
from demos.common import seed_item
from demos.diffusion_parts import lanes_plan
from demos.diffusion_parts.lanes_frames import Row
from demos.diffusion_parts.lanes_plan import FIELDS, OWN, PRESETS, RULES, Lane, Pane
from demos.diffusion_parts.lanes_words import formula, see
from demos.diffusion_parts.scene import LABELS, Scene, Together
from demos.follow import Watch
from demos.stage.frame import Haste, Part
from demos.stage.state import Integer
from demos.widgets.frame_strip import FrameStrip

PART = Part("lanes", "Lanes", frames=True)
PROGRESS = "lanes_progress"
PARAMS = (*lanes_plan.PARAMS, follow.Progress(PROGRESS))
PATIENCE = 50.0  # seconds that a GIF waits for a run


def stage() -> None:
    """All panes in one strip."""
    FrameStrip("lanes-strip", "diffusion", elem_classes="pg-slim")


def together_of(scene: Scene) -> Together:
    """The requests of a state's lanes."""
    lanes = lanes_plan.lanes_of(scene.state)
    return Together(
        tuple(
            scene.varied(scheduler=one.scheduler, steps=one.steps, eta=one.eta, guidance=one.guidance) for one in lanes
        )
    )


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``lanes-follow``, ``-stop``, ``-go-on``, ``lane-…``, and ``frame`` while this part is shown."""
    if name == "frame" and state["part"] == PART.name:
        last = Row(Scene(state), together_of(Scene(state)), ()).places - 1
        return state | {"lanes_at": round(Integer("frame", 0, last, 0).check(value) / max(1, last), 3)}
    if name.startswith("lane-"):
        return _edit(state, name, value)
    return follow.act(state, PART.name, PROGRESS, lambda: (together_of(Scene(state)),), name, value)


def _edit(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """The state after a change in the drawer of lanes; they are then the visitor's own."""
    lanes = list(lanes_plan.lanes_of(state))
    if name == "lane-add":
        if len(lanes) == lanes_plan.MOST:
            raise ValueError(f"There is room for {lanes_plan.MOST} lanes.")
        return lanes_plan.edited(state, [*lanes, lanes[-1]])
    if name == "lane-remove":
        del lanes[Integer("lane", 0, len(lanes) - 1, 0).check(value)]
        if not lanes:
            raise ValueError("One lane stays.")
        return lanes_plan.edited(state, lanes)
    found = re.fullmatch(rf"lane-([0-{lanes_plan.MOST - 1}])-({'|'.join(RULES)})", name)
    if not found or int(found[1]) >= len(lanes):
        return None
    lanes[int(found[1])] = lanes[int(found[1])].changed(found[2], value)
    return lanes_plan.edited(state, lanes)


# ---- the view


def frames(scene: Scene) -> list[np.ndarray]:
    """The panes side by side at every place of the scrubber, (64, 64 panes, 3) uint8 each.

    Raises ValueError if the run fails or takes too long.
    """
    together = together_of(scene)
    run = together.run()
    if not run.wait(PATIENCE) or run.failed:
        raise ValueError(run.failed or "The run is not finished yet. Try again in a moment.")
    return Row(scene, together, run.records).pictures()


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The frames that the page does not have yet, or all of them, and what they cost."""
    together = together_of(scene)
    watch = follow.look(scene.state, PROGRESS, (together,), live)
    row = Row(scene, together, watch.records[0] if watch.records else (), watch.seconds)
    view = {"rail": {"items": _rail(row, watch, live)}} | watch.again("lanes-follow")
    if watch.following:
        view["play"] = {"name": "lanes-stop", "value": None}
    if live and not watch.following:  # a hand drags, or the run is over and the view at rest comes next
        return view
    if watch.complete and not live:
        return view | {"lanes-strip": row.whole(), "see": see(row), "formula": formula(row)}
    new = row.since(watch.have)
    if new:
        view["lanes-strip"] = new
    count = len(together.lanes)
    lanes = "One lane" if count == 1 else f"{count} lanes from the same noise"
    return view | {"see": f"{watch.words} {lanes}, in one batch."}


# ---- controls


def _rail(row: Row, watch: Watch, live: Haste) -> list[dict[str, Any]]:
    state, panes = row.scene.state, row.panes
    presets = [{"value": name, "label": preset.label} for name, preset in PRESETS.items()]
    shows = [{"value": name, "label": words} for name, words in FIELDS.items()]
    letters = [{"value": pane.letter.lower(), "label": pane.letter} for pane in panes]
    items: list[dict[str, Any]] = [
        {"kind": "choice", "name": "lanes_preset", "label": "Compare", "value": state["lanes_preset"]}
        | {"options": [*presets, {"value": OWN, "label": "My own"}]},
        prompting.control(state["prompt"], row.scene.data, brief=bool(live)),
        seed_item(state["seed"], "Noise of all lanes, seed"),
    ]
    if state["lanes_preset"] != "stopped":
        items.append(
            {"kind": "choice", "name": "lanes_show", "label": "Show", "options": shows, "value": state["lanes_show"]}
        )
    if len(panes) > 1:
        reference = row.reference.letter.lower()
        items.append(
            {"kind": "choice", "name": "lanes_reference", "label": "Distances from", "options": letters}
            | {"value": reference}
        )
    items += watch.button(PART.name)
    return [*items, {"kind": "drawer", "name": "lanes-drawer", "label": "The lanes", "items": _drawer(state, panes)}]


def _drawer(state: dict[str, Any], panes: Sequence[Pane]) -> list[dict[str, Any]]:
    lanes = lanes_plan.lanes_of(state)
    items: list[dict[str, Any]] = []
    for number_, lane in enumerate(lanes):
        letter = next(pane.letter for pane in panes if pane.lane == number_)
        heading = {"kind": "heading", "label": f"Lane {letter}"}
        if len(lanes) > 1:
            heading["action"] = {"name": "lane-remove", "value": number_, "label": "remove"}
        items += [heading, *_controls(f"lane-{number_}", lane)]
    if len(lanes) < lanes_plan.MOST:
        items.append({"kind": "button", "name": "lane-add", "label": "Add a lane"})
    return items


def _controls(name: str, lane: Lane) -> list[dict[str, Any]]:
    short = LABELS | {"dpm": "DPM++"}
    options = [{"value": value, "label": short[value]} for value in LABELS]
    items = [
        {"kind": "choice", "name": f"{name}-scheduler", "label": "", "options": options, "value": lane.scheduler},
        _slider(f"{name}-steps", "Steps", lane_rule="steps", value=lane.steps),
        _slider(f"{name}-guidance", "Guidance w", lane_rule="guidance", value=lane.guidance),
    ]
    if lane.scheduler == "ddim":
        items.append(_slider(f"{name}-eta", "Eta", lane_rule="eta", value=lane.eta))
    return items


def _slider(name: str, label: str, lane_rule: str, value: float) -> dict[str, Any]:
    rule = RULES[lane_rule]
    return {"kind": "slider", "name": name, "label": label, "text": f"{value:g}", "value": value} | {
        "min": rule.low,
        "max": rule.high,
        "step": getattr(rule, "step", 1),
    }
