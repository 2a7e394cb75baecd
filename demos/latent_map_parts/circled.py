"""The points that were circled: how many, which labels are common among them, their mean face, and a table of them."""

import csv
import io
from typing import Any

import numpy as np
import torch

from demos.common import hero, named_label, stopwatch
from demos.latent_map_parts import canvas, colours
from demos.latent_map_parts.scene import Scene
from demos.latent_map_parts.spots import percent, source_of

SHOWN = 4  # labels in the mix
FEWEST = 5  # a label value that fewer of the circled points have says nothing


def inside(places: np.ndarray, corners: list[list[float]]) -> np.ndarray:
    """Which places (n, 2) lie within a closed line, bool (n,): a ray from them crosses it an odd number of times."""
    x, y = places[:, 0], places[:, 1]
    odd = np.zeros(len(places), bool)
    ends = np.asarray(corners, np.float64)
    for (ax, ay), (bx, by) in zip(ends, np.roll(ends, -1, 0), strict=True):
        if ay == by:
            continue
        crossed = (ay > y) != (by > y)
        odd ^= crossed & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return odd


def points(scene: Scene) -> np.ndarray | None:
    """Which points are circled, of those that are shown, bool (N,); None if no line is drawn."""
    corners, layout = scene.state["circle"], scene.layout
    if corners is None or layout.key.dimensions != 2:
        return None
    return inside(layout.points / layout.scale, corners) & colours.visible(scene)


def mix(scene: Scene, chosen: np.ndarray) -> list[tuple[str, str, float, float]]:
    """What the chosen points have more of than all that are shown: (label, value, share, share in all), clearest first.

    Shares are of the points whose label is known. Clearest: the share's excess in standard errors of a draw by lot.
    """
    found, every = [], colours.visible(scene)
    for name, row in scene.atlas.labels.items():
        known, all_known = row[chosen & (row >= 0)], row[every & (row >= 0)]
        if not len(known):
            continue
        for k, word in enumerate(scene.atlas.values[name]):
            share, usual = float((known == k).mean()), float((all_known == k).mean())
            if (known == k).sum() < FEWEST or share <= usual:
                continue
            excess = (share - usual) / np.sqrt(usual * (1 - usual) / len(known) + 1e-12)
            found.append((excess, name, word, share, usual))
    return [row[1:] for row in sorted(found, key=lambda row: -row[0])]


def mean_face(scene: Scene, chosen: np.ndarray) -> dict[str, Any]:
    """Value of a face sheet: the chosen points' mean code, decoded."""
    code = scene.atlas.mean_code(np.flatnonzero(chosen))
    with stopwatch() as spent, torch.inference_mode():
        picture = scene.vae.decode(code[None])
    count = int(chosen.sum())
    return hero(
        picture, f"mean of {count:,} codes, decoded in {spent[0]:.0f} ms", "The mean face of the circled points"
    )


def meter(scene: Scene, chosen: np.ndarray) -> dict[str, Any]:
    """Value of a meter: the label mix beside the whole map's."""
    return {
        "items": [
            {
                "label": named_label(f"{name}={word.replace('_', ' ')}"),
                "value": share,
                "max": 1.0,
                "text": percent(share),
                "mark": usual,
                "mark_label": f"whole map {percent(usual)}",
            }
            for name, word, share, usual in mix(scene, chosen)[:SHOWN]
        ]
    }


def table(scene: Scene) -> dict[str, str]:
    """The circled points as CSV: source, whether held out, place and labels; nothing that tells who somebody is.

    Returns a file's name and its text; ValueError if nothing is circled.
    """
    chosen = points(scene)
    if chosen is None or not chosen.any():
        raise ValueError("Draw a line around some points first.")
    atlas, places = scene.atlas, canvas.to_board(scene.layout, scene.layout.points)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source", "held_out", "x", "y", *atlas.labels])
    for point in np.flatnonzero(chosen):
        held_out = int(atlas.held_out[point]) if point < atlas.count else ""
        words = [atlas.values[name][row[point]] if row[point] >= 0 else "" for name, row in atlas.labels.items()]
        writer.writerow([source_of(atlas, point).name, held_out, *places[point], *words])
    return {"name": f"map-{scene.data}-{int(chosen.sum())}-points.csv", "csv": text.getvalue()}
