"""The named endpoint that says which names and ranges all others accept; every tab of pictures offers it."""

from typing import Any

from models import conditions, diffusion, zoo
from models.latent_map_layouts import METHODS, MIN_DIST, N_NEIGHBORS


def describe(data: str) -> dict[str, Any]:
    """Every legal name and range for one data set.

    Args:
        data: "portraits" or "toons".

    Returns:
        picture_size, attributes {name: [values]}, directions [name], schedulers [name], betas [number], map_grid
        {method, n_neighbors, min_dist: [value]}, language_models [name] (those that can be asked now) and credits.
        Attributes and schedulers are those that ``denoise`` takes. A direction named here is good for ``vae_edit`` and
        for ``gan_edit``, which also takes the principal components pc1 to pc10.
    """
    zoo.check_data(data)
    shared = set(zoo.gan_directions(data).names)
    return {
        "picture_size": 64,
        "attributes": {name: list(values) for name, values in conditions.vocabulary(data).items()},
        "directions": [name for name in zoo.directions(data).names if name in shared],
        "schedulers": list(diffusion.SCHEDULERS),
        "betas": list(zoo.BETAS),
        "map_grid": {"method": list(METHODS), "n_neighbors": list(N_NEIGHBORS), "min_dist": list(MIN_DIST)},
        "language_models": [name for name in zoo.LANGUAGE_MODELS if zoo.language_here(name)],
        "credits": zoo.CREDITS[data],
    }
