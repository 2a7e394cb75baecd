"""What a trained image-token model is worth: its codes, its foresight and its samples, measured beside its weights.

``python -m models.training.image_tokens_report --weights assets/weights/image-tokens-toons`` measures shipped weights
again; the recipe calls :func:`report` at its end. Everything is computed in float32, as the app computes it.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models import conditions, metrics, zoo
from models.image_tokens import ImageTokens
from models.image_tokens_drawing import draw
from models.training import data as datasets
from models.training.harness import run_recipe
from models.training.image_tokens_card import sections, summary
from models.training.obedience import asked_in_replay, check_vocabulary, drawn_as_asked, look
from models.training.samples import (
    Eyes,
    against_real,
    arguments,
    counted,
    distance_to_training,
    halves,
    memory,
    on_pictures,
    open_eyes,
    publish,
    rounded,
    spread,
)

SCALES = (0.0, 1.0, 2.0, 4.0)
MEMORY_SCALE = 2.0  # guided pictures whose neighbours are looked up, too
TEMPERATURES = (0.7, 0.85, 1.0)
COUNTED = 2000  # pictures whose codes are counted, at most
BATCH = 50
SEED = 100_000  # the first of the samples


@dataclass(frozen=True)
class Effort:
    """How many pictures a report draws: without a wish, per guidance scale, and per temperature (0: no sweep)."""

    samples: int
    asked: int
    swept: int


FULL = Effort(samples=1000, asked=80, swept=200)
QUICK = Effort(samples=200, asked=24, swept=0)


def drawn(
    model: ImageTokens,
    count: int,
    temperature: float = 1.0,
    guidance: float = 1.0,
    labels: Sequence[Mapping[str, str]] | None = None,
) -> Tensor:
    """``count`` pictures of fixed seeds, (count, 3, 64, 64)."""
    pictures = []
    for i in range(0, count, BATCH):
        seeds = range(SEED + i, SEED + min(i + BATCH, count))
        asked = labels[i : i + BATCH] if labels else None
        *_, end = draw(model, seeds, asked, temperature, guidance=guidance)
        pictures.append(model.decode(end.codes))
    return torch.cat(pictures)


# --- the numbers -----------------------------------------------------------------------------------------------------


def measure(
    model: ImageTokens, data: str, train: datasets.Pictures, test: datasets.Pictures, effort: Effort = FULL
) -> dict:
    """All numbers of the card. Another set than the shipped ones has no reader, and gets fewer of them.

    Raises:
        RecipeError: if the model cannot be asked for the attributes that the set has.
    """
    eyes = open_eyes(data)
    if eyes.reader:
        check_vocabulary(model.conditions, data)
    pair = halves(train, test, effort.samples)
    made = drawn(model, len(pair[0]))
    others, real = (on_pictures(eyes.features, half) for half in pair)
    features = look(eyes.features, made)
    numbers = counted(train, test, autoencoder=model.autoencoder, transformer=model.transformer)
    numbers["sampler"] = {
        "what": "samples without a wish, compared with real pictures; float32",
        "temperature": 1.0,
        "top_k": 0,
        "nfe": model.length,
        "samples": len(made),
    }
    numbers |= against_real(features, real, others)
    numbers["reconstruction"] = reconstruction(model, eyes, test, pair[0], real)
    numbers["codes"] = usage(model, train)
    wishes = None
    if eyes.reader:
        wishes = conditions.table(data, test.labels, test.measures)
        numbers |= spread(features["attributes"], real["attributes"])
        pictures, found = drawn_as_asked(
            model.conditions,
            eyes.reader,
            lambda scale, labels: drawn(model, len(labels), guidance=scale, labels=labels),
            made,
            test,
            wishes,
            effort.asked,
            SCALES,
            "temperature 1; at scale 0 no wish",
        )
        nfe = [model.length * (1 if scale in (0, 1) else 2) for scale in SCALES]
        numbers["factor_accuracy"] = found | {"nfe": nfe}
        distance = distance_to_training(eyes.reader, data)
        kinds = {"unconditional": made, "guided": pictures[MEMORY_SCALE]}
        numbers["memory"] = memory(data, {name: look(distance, x) for name, x in kinds.items()})
        numbers["memory"]["scale"] = MEMORY_SCALE
        if effort.swept:
            numbers["temperatures"] = sweep(model, eyes, real, others, effort.swept)
    numbers["bits"] = bits(model, train, test, wishes)
    return numbers


def reconstruction(
    model: ImageTokens, eyes: Eyes, test: datasets.Pictures, others: datasets.Pictures, real: Mapping[str, Tensor]
) -> dict:
    """What is lost on the way to codes and back: error on held-out pictures, and the Frechet distance of pictures that
    were only encoded and decoded, which no sample can be expected to beat."""

    def again(x: Tensor) -> Tensor:
        return model.decode(model.encode(x))

    errors = on_pictures(lambda x: (again(x) - x).square().mean((1, 2, 3)).sqrt(), test).numpy()
    features = on_pictures(lambda x: eyes.features(again(x)), others)
    return {
        "unit": "rms per colour value of held-out pictures, range [-1, 1]",
        "median": rounded(np.median(errors)),
        "p99": rounded(np.quantile(errors, 0.99)),
        "frechet": {kind: rounded(metrics.frechet_distance(found, real[kind])) for kind, found in features.items()},
    }


def usage(model: ImageTokens, train: datasets.Pictures) -> dict:
    """How much of the codebooks is used, per level, by up to COUNTED training pictures."""
    codes = on_pictures(model.encode, train, COUNTED)
    levels = codes.view(len(codes), -1, model.config.depth)
    counts = [
        torch.bincount(levels[..., d].flatten(), minlength=model.config.codes).double() for d in range(levels.shape[2])
    ]
    shares = [count / count.sum() for count in counts]
    return {
        "what": f"codes of {len(codes):,} training pictures, rough and fine; perplexity: 2 to the entropy of their use",
        "entries": model.config.codes,
        "used": [int((count > 0).sum()) for count in counts],
        "perplexity": [rounded((-torch.special.xlogy(s, s).sum()).exp()) for s in shares],
    }


@torch.inference_mode()
def surprise(model: ImageTokens, codes: Tensor, labels: Sequence[Mapping[str, str]]) -> Tensor:
    """-log2 p of every code of whole pictures, (N, length), given those before it and one condition each."""
    found = []
    for i in range(0, len(codes), BATCH):
        part = codes[i : i + BATCH]
        condition = model.transformer.asked(conditions.positions(model.conditions, labels[i : i + BATCH]))
        scores = model.transformer(part[:, :-1], condition)
        found.append(F.cross_entropy(scores.transpose(1, 2), part, reduction="none") / math.log(2))
    return torch.cat(found)


def bits(model: ImageTokens, train: datasets.Pictures, test: datasets.Pictures, wishes: np.ndarray | None) -> dict:
    """Mean bits per code of held-out pictures, beside those of simpler guessers and of training pictures.

    by_place is the mean bits of both strokes together, row by row: where in the grid it is hard to foresee what comes.
    """
    seen, unseen = (on_pictures(model.encode, split, COUNTED) for split in (train, test))
    level = torch.arange(model.length) % model.config.depth
    counted = torch.ones(model.config.depth, model.config.codes).index_put_(
        (level.expand_as(seen), seen), torch.ones(()), accumulate=True
    )
    frequencies = (counted / counted.sum(1, keepdim=True)).log2()
    nothing = surprise(model, unseen, [{}] * len(unseen))
    answer = {
        "what": f"mean bits per code, {len(unseen):,} held-out pictures; frequencies: how often each code occurs",
        "uniform": rounded(math.log2(model.config.codes)),
        "frequencies": rounded(-frequencies[level.expand_as(unseen), unseen].mean()),
        "unasked": rounded(nothing.mean()),
        "training": rounded(surprise(model, seen[: len(unseen)], [{}] * len(unseen)).mean()),
        "levels": [rounded(nothing[:, level == d].mean()) for d in range(model.config.depth)],
        "by_place": [
            [round(x, 2) for x in row]
            for row in nothing.mean(0).view(model.side, model.side, -1).sum(2).tolist()
        ],
    }  # fmt: skip
    if wishes is not None:
        told = [conditions.named(model.conditions, row) for row in wishes[: len(unseen)]]
        answer["asked"] = rounded(surprise(model, unseen, told).mean())
    return answer


def sweep(model: ImageTokens, eyes: Eyes, real: Mapping[str, Tensor], others: Mapping[str, Tensor], count: int) -> dict:
    """Frechet distance and diversity of ``count`` samples of the same seeds at several temperatures."""
    rows = []
    for temperature in TEMPERATURES:
        features = look(eyes.reader.features, drawn(model, count, temperature))
        distance = rounded(metrics.frechet_distance(features, real["attributes"]))
        spread = rounded(metrics.diversity(features))
        rows.append({"temperature": temperature, "frechet_attributes": distance, "diversity": spread})
    return {
        "what": f"Frechet distance and diversity, attribute features, of {count} samples without a wish against "
        f"{len(real['attributes']):,} real pictures; floor: {count} other real pictures",
        "floor": rounded(metrics.frechet_distance(others["attributes"][:count], real["attributes"])),
        "rows": rows,
    }


def report(folder: Path, data: str, run: Path | None = None, pictures: Path | None = None, quick: bool = False) -> None:
    """Measure the weights in ``folder``, which hold a training.json; write replay, training.json and the card there.

    Args:
        folder, data, pictures: as for :func:`models.training.gan_report.report`.
        run: the folder of the transformer's half of the run, whose replay is packed.
        quick: draw fewer pictures and leave out the sweep over temperatures.
    """
    folder = Path(folder)
    train, test = (datasets.load(data, pictures, split=split) for split in datasets.SPLITS)
    numbers = measure(ImageTokens.load(folder), data, train, test, QUICK if quick else FULL)
    if data in zoo.DATA_SETS:
        numbers["replay_asked"] = asked_in_replay(data, train)
    publish(folder, data, run, numbers, "Image tokens, {}", summary, sections(data, numbers))


def main(argv: list[str] | None = None) -> None:
    """Measure shipped weights again, or those of a run."""
    parser: argparse.ArgumentParser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="draw fewer pictures, for a first look")
    options = parser.parse_args(argv)
    data = json.loads((options.weights / "training.json").read_text())["data"]
    report(options.weights, data, options.run, options.folder, options.quick)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
