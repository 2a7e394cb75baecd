"""The named endpoint of the image-token model, for ``gradio_client``, notebooks and agents."""

from typing import Any

from demos.autoregressive_parts.faces_drawing import CODES, missing
from demos.checks import SEED_LIMIT, a_number, an_integer, shown
from demos.widgets.picture import encode
from models import conditions, threads, zoo
from models.image_tokens_drawing import HOTTEST, draw

NOTHING: dict[str, str] = {}


def image_tokens(
    data: str, seed: int, temperature: float, top_k: int, attributes: dict[str, str] = NOTHING
) -> dict[str, Any]:
    """Draw a face token by token: 8x8 places in reading order, at each a rough and a fine stroke from 512 codes.

    Args:
        data: "portraits" or "toons".
        seed: 0 to 2**31 - 1; the dart of a seed at a position is always the same.
        temperature: over 0 to 5; 1 believes the model.
        top_k: 0 to 512, how many of the most probable codes may be chosen; 0 is all.
        attributes: {name: value} of ``describe``'s attributes; what is not named is left to the model.

    Returns:
        image (data URI); tokens, for every place [rough code, fine code]; entropy_bits, for every place the entropies
        of what the model believed before these two, in bits, before temperature and top_k.
    """
    why = missing(zoo.check_data(data))
    if why:
        raise ValueError(why)
    model = zoo.image_tokens(data)
    if a_number("temperature", temperature, 0, HOTTEST) == 0:
        raise ValueError(f"temperature must be over 0 and at most {HOTTEST:g}, not {shown(temperature)}")
    rules = {"temperature": float(temperature), "top_k": an_integer("top_k", top_k, 0, CODES)}
    seeds = [an_integer("seed", seed, 0, SEED_LIMIT)]
    labels = conditions.check(model.conditions, attributes)
    with threads.for_batch(1):
        steps = list(draw(model, seeds, labels, **rules))
        picture = model.decode(steps[-1].codes)[0]
    depth = model.config.depth
    entropies = [float(step.entropy_bits) for step in steps]
    return {
        "image": encode(picture, "png"),
        "tokens": steps[-1].codes.view(-1, depth).tolist(),
        "entropy_bits": [entropies[k : k + depth] for k in range(0, len(entropies), depth)],
    }


ENDPOINTS = (image_tokens,)
