"""What part "Knobs" says: about a layout of the grid, and about what UMAP minimises."""

from typing import Any

from demos.common import number, source
from demos.latent_map_parts.scene import Scene
from models import latent_map_umap
from models.latent_map_layouts import MIN_DIST, N_NEIGHBORS, Key
from models.latent_map_umap import Objective


def objective_formula(found: Objective | None, min_dist: float) -> dict[str, Any]:
    """The cross-entropy with the numbers of a map; while they are being measured without."""
    lines: list[list[Any]] = [["C = Σ p log(p / q) + (1 − p) log((1 − p) / (1 − q))"]]
    if found is not None:
        a, b = latent_map_umap.curve(min_dist)
        lines.append(["q = 1 / (1 + a d²ᵇ),  a = ", number(a, 2), ",  b = ", number(b, 2)])
        lines.append(
            [
                "C = attraction ",
                number(found.attraction, 0),
                " + repulsion ",
                number(found.repulsion, 0),
                " − ",
                number(found.floor, 0),
                " = ",
                number(found.cross_entropy, 0),
                " nats",
            ]
        )
    return {
        "title": "What UMAP minimises",
        "lines": lines,
        "code": source(latent_map_umap.objective, latent_map_umap.fit, latent_map_umap.curve),
    }


def see(scene: Scene) -> str:
    """What these knobs did, in words that follow from the numbers of the grid."""
    key, layouts = scene.layout.key, scene.atlas.layouts
    here = scene.layout
    sentences = []
    few = layouts.get(Key(n_neighbors=N_NEIGHBORS[0], min_dist=key.min_dist).name)
    many = layouts.get(Key(n_neighbors=N_NEIGHBORS[-1], min_dist=key.min_dist).name)
    if few and many:
        sentences.append(
            f"At min_dist {key.min_dist:g}, going from {N_NEIGHBORS[0]} to {N_NEIGHBORS[-1]} neighbours takes "
            f"trustworthiness from {few.trustworthiness:.3f} to {many.trustworthiness:.3f} and continuity from "
            f"{few.continuity:.3f} to {many.continuity:.3f}."
        )
    loose = layouts.get(Key(n_neighbors=key.n_neighbors, min_dist=MIN_DIST[-1]).name)
    tight = layouts.get(Key(n_neighbors=key.n_neighbors, min_dist=MIN_DIST[0]).name)
    if loose and tight and here:
        sentences.append(
            f"At {key.n_neighbors} neighbours, packing them as loosely as {MIN_DIST[-1]:g} takes trustworthiness from "
            f"{tight.trustworthiness:.3f} to {loose.trustworthiness:.3f}."
        )
    return " ".join(sentences)
