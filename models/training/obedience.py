"""Whether pictures show what they were asked for, as the attribute network reads them, in numbers and for a card."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from models import conditions
from models.attributes import Attributes
from models.training import data as datasets
from models.training.harness import RecipeError
from models.training.samples import rounded
from models.training.vae_report import in_batches, markdown_table

CHECKED = 1000  # held-out pictures that the reader is tested on, at most
BATCH = 50
SEED = 3  # of the pictures whose labels are asked for


def look(function, x: Tensor):
    """``function`` of pictures as they are shown, in [-1, 1], in batches."""
    with torch.inference_mode():
        return in_batches(lambda part: function(part.clamp(-1, 1)), x, BATCH)


def readings(reader: Attributes, x: Tensor) -> dict[str, Tensor]:
    """What is read off pictures (N, 3, 64, 64): {attribute: positions (N,)}, -1 where it is none of the values."""

    def decide(part: Tensor) -> dict[str, Tensor]:
        found = conditions.read(reader, part)
        return {name: torch.where(p.amax(1) > 0, p.argmax(1), conditions.NOT_ASKED) for name, p in found.items()}

    return look(decide, x)


def agreement(read: Mapping[str, Tensor], wanted: np.ndarray) -> list[float]:
    """Share of the known ``wanted`` positions (N, A) that were read, per attribute."""
    columns = zip(read.values(), torch.from_numpy(wanted).unbind(1), strict=True)
    return [rounded((found == wish)[wish >= 0].float().mean()) for found, wish in columns]


def check_vocabulary(vocabulary: Mapping[str, Sequence[str]], data: str) -> None:
    """Raises RecipeError if a model that knows ``vocabulary`` cannot be asked for the attributes that the set has."""
    if vocabulary != conditions.vocabulary(data):
        known = ", ".join(vocabulary) or "nothing"
        raise RecipeError(f"the model can be asked for {known}, {data} have {', '.join(conditions.vocabulary(data))}")


def asked_in_replay(data: str, train: datasets.Pictures) -> list[dict[str, str]]:
    """What the recipes ask of the lower eight faces of their replay."""
    rows = conditions.table(data, train.labels, train.measures)[8:16]
    return [conditions.named(conditions.vocabulary(data), row) for row in rows]


def drawn_as_asked(
    vocabulary: Mapping[str, Sequence[str]],
    reader: Attributes,
    draw: Callable[[float, list[dict[str, str]]], Tensor],
    made: Tensor,
    test: datasets.Pictures,
    wishes: np.ndarray,
    count: int,
    scales: Sequence[float],
    sampled: str,
) -> tuple[dict[float, Tensor], dict]:
    """Asks for all that is known of ``count`` held-out pictures, at every guidance scale.

    draw(scale, labels) gives a picture for each of the labels. At scale 0 nothing is asked: these are the first
    samples ``made`` without a wish. Returns (scale -> pictures, what :func:`shown_as_asked` finds in them).
    """
    chosen = np.random.default_rng(SEED).permutation(len(test))[: min(count, len(made))]
    labels = [conditions.named(vocabulary, row) for row in wishes[chosen]]
    drawn = {scale: draw(scale, labels) if scale else made[: len(labels)] for scale in scales}
    return drawn, shown_as_asked(vocabulary, reader, drawn, test, wishes, wishes[chosen], sampled)


def shown_as_asked(
    vocabulary: Mapping[str, Sequence[str]],
    reader: Attributes,
    drawn: Mapping[float, Tensor],
    test: datasets.Pictures,
    wishes: np.ndarray,
    wanted: np.ndarray,
    sampled: str,
) -> dict:
    """Accuracy per attribute and guidance scale, between the ceiling and chance.

    drawn: guidance scale -> pictures (N, 3, 64, 64) for which ``wanted``, positions (N, A), was asked; at scale 0
    nothing was. wishes: what is known of every picture of ``test``, (M, A). sampled: how they were drawn, in words.
    """
    obeyed = np.array([agreement(readings(reader, x), wanted) for x in drawn.values()])
    checked = slice(0, CHECKED)
    ceiling = agreement(readings(reader, test.tensor(checked)), wishes[checked])
    chance = [rounded(np.bincount(column[column >= 0]).max() / (column >= 0).sum()) for column in wishes.T]
    return {
        "what": f"share of {len(wanted)} pictures that show what was asked, as the attribute network reads them; "
        f"{sampled}; ceiling: the same reading of held-out real pictures; chance: their most frequent value",
        "scales": list(drawn),
        "mean": [rounded(row.mean()) for row in obeyed],
        "mean_ceiling": rounded(np.mean(ceiling)),
        "mean_chance": rounded(np.mean(chance)),
        "attributes": {
            name: {"accuracy": obeyed[:, k].tolist(), "ceiling": ceiling[k], "chance": chance[k]}
            for k, name in enumerate(vocabulary)
        },
    }


def obedience_text(found: dict) -> str:
    """What :func:`shown_as_asked` measured, for a card."""

    def row(name: str, shares: Sequence[float], ceiling: float, chance: float) -> list[str]:
        return [name, *(f"{share:.0%}" for share in (*shares, ceiling, chance))]

    rows = [row(name, one["accuracy"], one["ceiling"], one["chance"]) for name, one in found["attributes"].items()] + [
        row("**mean**", found["mean"], found["mean_ceiling"], found["mean_chance"])
    ]
    header = ["attribute", *(f"guidance {scale:g}" for scale in found["scales"]), "ceiling", "chance"]
    return f"{found['what'].capitalize()}.\n\n{markdown_table(header, rows)}"
