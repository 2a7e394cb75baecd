"""The named endpoints of the GAN, for ``gradio_client``, notebooks and agents: the same functions the tab calls.

Face 0 of a seed is the one that `gan_interpolate`, `gan_edit` and `gan_neighbours` speak of, truncated as the page
truncates by default (psi = 0.7).
"""

from typing import Any

import torch

from demos.checks import SEED_LIMIT, a_number, a_picture, an_integer, one_of
from demos.describe import describe
from demos.gan_parts.scene import COMPONENTS, Scene, component_name
from demos.training_faces import matches
from demos.widgets.picture import encode
from models import inversion, paths, pictures, threads, zoo

PSI = 0.7


def _scene(data: str, psi: float = PSI) -> Scene:
    return Scene({"data": zoo.check_data(data), "psi": psi, "own": ""})


def _seed(name: str, value: Any) -> int:
    return an_integer(name, value, 0, SEED_LIMIT)


def gan_faces(data: str, seed: int, count: int = 16, truncation: float = 0.7) -> dict[str, Any]:
    """Draw faces of a seed; face i is the same however many are asked for.

    Args:
        data: "portraits" or "toons".
        seed: 0 to 2**31 - 1.
        count: 1 to 64.
        truncation: psi from 0 (the average face) to 1.5; 1 leaves styles as they are.

    Returns:
        faces (data URIs), realism (the discriminator's logit of each: above 0 it says "real"), diversity (mean distance
        between two of them as a share of that between two real pictures; null for a single face).
    """
    scene = _scene(data, a_number("truncation", truncation, 0, 1.5))
    w = scene.w(_seed("seed", seed), an_integer("count", count, 1, 64))
    made = scene.draw_faces(scene.truncated(w))
    return {
        "faces": [encode(picture, "png") for picture in made],
        "realism": scene.scores(made).tolist(),
        "diversity": scene.diversity(made) if len(made) > 1 else None,
    }


@torch.inference_mode()
def gan_interpolate(data: str, seed_a: int, seed_b: int, frames: int = 16, path: str = "slerp") -> dict[str, Any]:
    """Walk from one face to another.

    Args:
        data: "portraits" or "toons".
        seed_a, seed_b: 0 to 2**31 - 1; the walk starts and ends at their faces 0.
        frames: 2 to 120, both ends included.
        path: "slerp" (on the sphere of z), "lerp" (straight through z) or "w" (straight through W).

    Returns:
        frames: data URIs.
    """
    scene = _scene(data)
    ends = [scene.z(_seed(name, seed), 1)[0] for name, seed in (("seed_a", seed_a), ("seed_b", seed_b))]
    count, way = an_integer("frames", frames, 2, 120), one_of("path", path, paths.PATHS)
    with threads.for_batch(1):
        w = paths.walk(scene.generator, *ends, count, way)
    return {"frames": [encode(picture, "png") for picture in scene.draw_faces(scene.truncated(w))]}


def gan_edit(data: str, seed: int, direction: str, strength: float) -> dict[str, Any]:
    """Push face 0 of a seed along a direction of W.

    Args:
        data: "portraits" or "toons".
        seed: 0 to 2**31 - 1.
        direction: one of ``describe``'s directions, or a principal component, pc1 to pc10.
        strength: -5 to 5, in standard deviations along the direction.

    Returns:
        before and after (data URIs).
    """
    scene = _scene(data)
    item = _seed("seed", seed)
    names = (*scene.directions.names, *map(component_name, range(COMPONENTS)))
    moves = {one_of("direction", direction, names): a_number("strength", strength, -5, 5)}
    styles = scene.truncated(scene.w(item, 1)).expand(scene.generator.layers, -1)
    before, after = (scene.draw_faces(scene.moved(styles, pushes)[None])[0] for pushes in ({}, moves))
    return {"before": encode(before, "png"), "after": encode(after, "png")}


def gan_neighbours(data: str, seed: int, k: int = 5) -> dict[str, Any]:
    """How near face 0 of a seed comes to the pictures that the generator learnt from.

    Args:
        data: "portraits" or "toons".
        seed: 0 to 2**31 - 1.
        k: 1 to 20 nearest training pictures.

    Returns:
        distances (ascending, in attribute features), baseline (ascending: the distance of each held-out real picture to
        its nearest training picture), memorised (nearer than every one of those).
    """
    scene = _scene(data)
    item, count = _seed("seed", seed), an_integer("k", k, 1, 20)
    face = scene.draw_faces(scene.truncated(scene.w(item, 1)))
    known = zoo.neighbours(data)
    distances = [match.distance for match in matches(data, face, count)[0]]
    return {
        "distances": distances,
        "baseline": known.baseline.tolist(),
        "memorised": known.is_memorised(distances[0]),
    }


def gan_invert(data: str, image: str, steps: int) -> dict[str, Any]:
    """Search for the style w whose face comes nearest to a picture, by going downhill through the generator.

    Args:
        data: "portraits" or "toons".
        image: data URI of a picture of at most 8 MB; a square of at most 128 pixels is taken whole, others are
            cropped as the portraits were.
        steps: 1 to 500; the page takes 150.

    Returns:
        image (data URI of the best face found), error (rms in picture units, range [-1, 1]) and latent (its w).
    """
    scene = _scene(data)
    count = an_integer("steps", steps, 1, inversion.STEP_LIMIT)
    pixels = a_picture("image", image).pixels
    x = pictures.apply_crop(pixels, pictures.crop_for(pixels))[None]
    objective = inversion.Objective(x, scene.generator, zoo.attributes(data), scene.components)
    w, found, error = inversion.invert_picture(objective, count)
    return {"image": encode(found[0], "png"), "error": error, "latent": w.tolist()}


ENDPOINTS = (describe, gan_faces, gan_interpolate, gan_edit, gan_neighbours, gan_invert)
