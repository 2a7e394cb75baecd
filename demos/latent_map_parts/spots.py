"""What lives at one spot of a map: a point or a place between, its face, its trust, and the words for both."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos.common import hero, stopwatch
from demos.latent_map_parts import canvas
from demos.latent_map_parts.scene import Scene
from models import prompts, threads
from models.latent_map import LatentMap
from models.latent_map_records import Place, Source

FADED = 0.2  # how strongly a face is shown that deserves no trust at all


@dataclass(frozen=True)
class Spot:
    """One spot.

    Attributes:
        point: index of the point that lies there, or -1.
        at: its place in the units of the board, (d,).
        code: float32 (L,), for the VAE to decode.
        place: what the map knows of that place; its code is mixed from real pictures only.
    """

    point: int
    at: list[float]
    code: Tensor
    place: Place

    @property
    def trust(self) -> float:
        """How far to believe the face, 0 to 1."""
        return self.place.trust.value


def find(scene: Scene, hand: dict[str, Any] | None = None) -> Spot:
    """The spot under the hand, else the chosen one, else the real picture nearest the middle of the map."""
    if hand is None:
        hand = {"point": scene.state["point"], "place": scene.state["at"]}
    point, place = hand["point"], hand["place"]
    layout = scene.layout
    flat = layout.key.dimensions == 2
    if not 0 <= point < len(scene.atlas):
        point = -1
    if point < 0 and (place is None or not flat):
        point = int(np.square(layout.points[: scene.atlas.count]).sum(1).argmin())
    there = layout.points[point].tolist() if point >= 0 else canvas.to_layout(layout, place)
    found = scene.atlas.decode(there[0], there[1], layout.key, *there[2:])
    code = torch.from_numpy(scene.atlas.vectors["latent"][point]) if point >= 0 else found.code
    return Spot(point, canvas.to_board(layout, there), code, found)


def face(scene: Scene, spot: Spot) -> dict[str, Any]:
    """Value of a face sheet: the spot's face, as strongly as it can be trusted."""
    with stopwatch() as spent, threads.for_batch(1), torch.inference_mode():
        picture = scene.vae.decode(spot.code[None])
    what = "given back by the VAE" if spot.point >= 0 else "decoded from this place"
    value = hero(picture, f"{what} in {spent[0]:.0f} ms", "The face of this spot of the map")
    return value | {"fade": round(FADED + (1 - FADED) * (1.0 if spot.point >= 0 else spot.trust), 3)}


def trust(spot: Spot) -> dict[str, Any]:
    """Value of a meter: the trust of the place, and the three shares that it is the product of."""
    found = spot.place.trust
    shares = f"neighbours {found.neighbours:.2f} × agreement {found.agreement:.2f} × reach {found.reach:.2f}"
    text = percent(found.value)
    return {"items": [{"label": "Trust", "value": found.value, "max": 1.0, "text": text, "meaning": shares}]}


def percent(share: float) -> str:
    """A share as a visitor reads it."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def source_of(atlas: LatentMap, point: int) -> Source:
    """Where a point comes from."""
    return next(source for source in atlas.sources if source.start <= point < source.start + source.count)


def title(atlas: LatentMap, point: int) -> str:
    """What a point is: ``A real drawing the models never saw``."""
    source = source_of(atlas, point)
    if source.start:
        return f"A sample of the {source.title}"
    kind = source.title.removesuffix("s").removeprefix("real ")
    unseen = ", held out" if atlas.held_out[point] else ""
    return f"A real {kind}{unseen}"


def labels(atlas: LatentMap, point: int) -> str:
    """The labels of a point in words; of samples, what the attribute network reads."""
    known = {name: atlas.values[name][row[point]] for name, row in atlas.labels.items() if row[point] >= 0}
    return prompts.describe(atlas.data, known)


def card(atlas: LatentMap, point: int) -> dict[str, Any] | None:
    """The card of the point under the hand; None for an empty place."""
    if point < 0:
        return None
    source = source_of(atlas, point)
    read = "as the attribute network reads it: " if source.start else ""
    drawn = [f"The thumbnail is {source.drawn_by}."] if source.drawn_by else []
    return {"point": point, "title": title(atlas, point), "words": [read + labels(atlas, point), *drawn]}
