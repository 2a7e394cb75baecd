"""What a trained GAN is worth: its samples measured against real pictures, written beside its weights.

``python -m models.training.gan_report --weights assets/weights/gan-toons`` measures shipped weights again; the recipe
calls :func:`report` at its end.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models import components, directions, metrics, modes, seeding
from models.attributes import Attributes
from models.gan import Discriminator, Generator
from models.training import data as datasets
from models.training.harness import run_recipe
from models.training.samples import (
    ANY_LIMITS,
    LIMITS,
    Eyes,
    against_real,
    arguments,
    counted,
    distance_to_training,
    halves,
    memory,
    memory_text,
    on_pictures,
    open_eyes,
    publish,
    quality_text,
    rounded,
    spread,
)
from models.training.vae_report import directions_table, in_batches, markdown_table, reached

HALF = 2500  # pictures on each side of a Frechet distance, at most
CHECKED = 1000  # samples whose neighbours are looked up, whose modes are counted and whose scores are averaged
SWEPT = 200  # samples per psi
PSIS = (0.0, 0.25, 0.5, 0.7, 1.0, 1.25, 1.5)
STYLES = 5000  # styles that directions and components are learnt from; of the directions, a fifth is held out
COMPONENTS = 32
SURE = 0.6  # a label that is read with less probability counts as unknown
RARE = 20  # a class that is read off fewer samples than this gets no direction
SEEDS = {"frechet": 1, "checked": 2, "swept": 3, "styles": 4}


@torch.inference_mode()
def on_samples(look: Callable, generator: Generator, count: int, seed: str, psi: float = 1.0):
    """``look`` at ``count`` samples in batches, answers joined; equal ``seed`` names are equal latents."""
    z = seeding.normal(SEEDS[seed], count, (generator.config.latent_size,))
    return in_batches(lambda part: look(generator(part, psi)), z)


def is_collapsed(generator: Generator) -> bool:
    """Whether these weights come from the run that is meant to collapse: only that one has no minibatch statistics."""
    return not generator.config.statistics


# --- what samples are like -------------------------------------------------------------------------------------------


def measure(
    generator: Generator,
    discriminator: Discriminator,
    eyes: Eyes,
    data: str,
    train: datasets.Pictures,
    test: datasets.Pictures,
    limit: int = HALF,
) -> dict:
    """All numbers of the card; no part looks at more than ``limit`` pictures of a kind (tests have no time)."""
    some = min(CHECKED, limit)
    numbers = counted(train, test, generator=generator, discriminator=discriminator)
    numbers |= {
        "collapsed": is_collapsed(generator),
        "scores": scores(generator, discriminator, test, some),
    }
    pair = halves(train, test, limit)
    a, b = (on_pictures(eyes.features, half) for half in pair)
    drawn = on_samples(eyes.features, generator, len(pair[0]), "frechet")
    numbers |= against_real(drawn, b, a)
    if eyes.reader:
        real = b["attributes"]
        numbers |= spread(on_samples(eyes.reader.features, generator, some, "checked"), real[:some])
        numbers["psi"] = sweep(generator, discriminator, eyes.reader, real, min(SWEPT, limit))
        distance = distance_to_training(eyes.reader, data)
        numbers["memory"] = memory(
            data, {f"psi_{psi:g}": on_samples(distance, generator, some, "checked", psi) for psi in (1.0, 0.7)}
        )
    if data == "toons":

        def read(x: Tensor) -> Tensor:
            return modes.read(eyes.reader, x)

        shown = on_samples(read, generator, some, "checked")
        learnt = modes.number(train.labels)
        numbers["modes"] = {
            "what": f"kinds of drawings (skin, hair style, hair colour) among {some:,}",
            "samples": modes.count(shown),
            "real": modes.count(on_pictures(read, train, some)),
            "training": modes.count(learnt),
            "new": modes.count(shown[~torch.isin(shown, learnt)]),
            "total": modes.total(),
        }
    return numbers


def scores(generator: Generator, discriminator: Discriminator, test: datasets.Pictures, count: int) -> dict:
    """What the discriminator answers: the mean logit, and the share it gets right at threshold 0."""
    real = on_pictures(discriminator, test, count)
    made = on_samples(discriminator, generator, count, "checked")
    return {
        "what": "logits of the discriminator, above 0 is real; log_probability: of the right answer; real: held out",
        "real": _answers(real),
        "made": _answers(made, sign=-1),
    }


def _answers(logits: Tensor, sign: int = 1) -> dict[str, float]:
    """``sign`` 1: the right answer is real, log D(x); -1: it is made, log(1 - D(G(z)))."""
    return {
        "mean": rounded(logits.mean()),
        "right": rounded((sign * logits > 0).float().mean()),
        "log_probability": rounded(F.logsigmoid(sign * logits).mean()),
        "pictures": len(logits),
    }


def sweep(
    generator: Generator, discriminator: Discriminator, reader: Attributes, real: Tensor, count: int
) -> list[dict[str, float]]:
    """The same samples at every psi: how much they differ, what the discriminator says, how many lie among real ones.

    real: attribute features (M, 128) that precision is measured against.
    """

    def look(x: Tensor) -> dict[str, Tensor]:
        return {"features": reader.features(x), "scores": discriminator(x)}

    answer = []
    for psi in PSIS:
        seen = on_samples(look, generator, count, "swept", psi)
        answer.append(
            {
                "psi": psi,
                "diversity": rounded(metrics.diversity(seen["features"])),
                "score": rounded(seen["scores"].mean()),
                "precision": rounded(metrics.within(real, seen["features"], min(3, len(real) - 1))),
            }
        )
    return answer


# --- what W means ----------------------------------------------------------------------------------------------------


@torch.inference_mode()
def styles(generator: Generator, count: int) -> Tensor:
    """w of ``count`` latents at psi = 1, float32 (count, W): what directions and components are learnt from."""
    return generator.style(seeding.normal(SEEDS["styles"], count, (generator.config.latent_size,)))


@torch.inference_mode()
def learn_directions(generator: Generator, reader: Attributes, w: Tensor) -> directions.Directions | None:
    """Labelled directions in W, from what the attribute network reads off the pictures of styles w (N, W).

    The last fifth of them is held out. None if the pictures differ in nothing that has a name.
    """

    def decode(w: Tensor) -> Tensor:
        return generator.synthesis(w).clamp(-1, 1)

    def look(w: Tensor) -> dict[str, Tensor]:
        x = decode(w)
        return {name: sure(p) for name, p in reader.read(x).items()} | reader.measure(x)

    read = {name: column.numpy() for name, column in in_batches(look, w).items()}
    labels = {name: frequent(read[name]) for name in reader.config.labels}
    measures = {name: read[name] for name in reader.config.measures}

    def rows(part: slice) -> dict[str, directions.Column]:
        here = [{name: column[part] for name, column in columns.items()} for columns in (labels, measures)]
        return directions.columns(here[0], reader.config.labels, here[1])

    fifth = len(w) // 5
    table = {name: column for name, column in rows(slice(None, -fifth)).items() if _differs(column)}
    if not table:
        return None
    learnt = directions.learn(w[:-fifth], table, (w[-fifth:], rows(slice(-fifth, None))))
    derived = directions.derive(measures)
    matrix = directions.leakage(
        learnt,
        w[-fifth:][:32],
        decode,
        reader.read,
        reader.measure if derived else None,
        {name: max(float(column.std()), 1e-6) for name, column in derived.items()} or None,
    )
    for name, share in reached(decode, w[-fifth:][:64], reader, learnt).items():
        learnt.facts[name]["reached"] = share
    return directions.Directions(
        learnt.names, learnt.vectors, learnt.means, learnt.stds, facts=learnt.facts, leakage=matrix
    )


def sure(probabilities: Tensor) -> Tensor:
    """The most probable value where it has at least the probability SURE, else -1: (N, K) -> int64 (N,)."""
    most, value = probabilities.max(1)
    return torch.where(most >= SURE, value, -1)


def frequent(values: np.ndarray) -> np.ndarray:
    """Positions (N,) with those that occur fewer than RARE times replaced by -1, unknown."""
    found, counts = np.unique(values, return_counts=True)
    return np.where(np.isin(values, found[counts < RARE]), -1, values)


def _differs(column: directions.Column) -> bool:
    return len(np.unique(column.numbers[~np.isnan(column.numbers)])) > 1


# --- the card --------------------------------------------------------------------------------------------------------


def _sections(data: str, numbers: dict, learnt: directions.Directions | None) -> dict[str, str]:
    """Headings and Markdown of the card."""
    sections = {
        "Use": "Teaching: draw faces, truncate, steer, walk between two. `Generator.load(folder)` and "
        "`Discriminator.load(folder)` of `models/gan.py` read the weights.",
        "Samples against real pictures": quality_text(numbers),
        "What the discriminator says": _scores(numbers["scores"]),
    }
    if "modes" in numbers:
        counted = numbers["modes"]
        sections["Modes"] = (
            f"{counted['what'].capitalize()}: {counted['samples']} in samples, {counted['real']} in training drawings, "
            f"read by the attribute network. {counted['total']} are possible, {counted['training']} occur in training "
            f"at all (the others are held out on purpose); {counted['new']} of those in the samples never do."
        )
    if "psi" in numbers:
        sections["Truncation"] = (
            "The same samples at every psi. Diversity: mean distance of two pictures in attribute features; precision: "
            "share within the real pictures' balls (k = 3).\n\n"
            + markdown_table(
                ["psi", "diversity", "discriminator's logit", "precision"],
                [[f"{row['psi']:g}", row["diversity"], row["score"], row["precision"]] for row in numbers["psi"]],
            )
        )
    if "memory" in numbers:
        kinds = {f"psi_{psi}": f"samples, psi {psi}" for psi in ("1", "0.7")}
        sections["Is it remembered?"] = memory_text(numbers["memory"], kinds, mirrored=data != "toons")
    if "components" in numbers:
        shares = numbers["components"]["shares"]
        sections["Principal components of W"] = (
            f"`components.safetensors` holds the first {len(shares)}; they explain {sum(shares):.0%} of the variance, "
            f"the first five {', '.join(f'{share:.0%}' for share in shares[:5])}."
        )
    if learnt:
        sections["Labelled directions"] = (
            f"Learnt in W from {numbers['directions']['styles']:,} samples at psi = 1 and what the attribute network "
            f"read off them (labels below a probability of {SURE:g} were left out), a fifth held out. Held-out score "
            "from the position along the direction / from the whole w; what -2 to +2 standard deviations change in the "
            "reading of the label itself, and of the other label that moves most. Reached: samples that are read as "
            "the class at +3; one between others is overshot.\n\n" + directions_table(learnt)
        )
    sections["Limits and bias"] = LIMITS.get(data, ANY_LIMITS)
    return sections


def _scores(found: dict) -> str:
    return markdown_table(
        ["pictures", "count", "mean logit", "right at threshold 0"],
        [
            ["real, held out", found["real"]["pictures"], found["real"]["mean"], f"{found['real']['right']:.0%}"],
            ["samples", found["made"]["pictures"], found["made"]["mean"], f"{found['made']['right']:.0%}"],
        ],
    )


def _summary(name: str, numbers: dict, record: dict) -> str:
    size = numbers["parameters"]
    text = (
        f"A style-based generator ({size['generator']:,} parameters) and a residual discriminator "
        f"({size['discriminator']:,}) on {name} at 64x64, trained against each other from "
        f"{record.get('started_from', 'random weights')}."
    )
    if not numbers["collapsed"]:
        return text + _helped(record.get("arguments", {}))
    left = ""
    if "modes" in numbers:
        counted = numbers["modes"]
        left = (
            f" Of the {counted['training']} kinds of drawings in training, its samples show {counted['samples']}; as "
            f"many training drawings show {counted['real']}."
        )
    return (
        "**Broken on purpose.** This run was trained without augmentation, R1, style mixing and minibatch statistics, "
        f"and with a generator that learns much faster than the discriminator, to show what a collapse is.{left} {text}"
    )


def _helped(arguments: dict) -> str:
    """What else taught the generator, and which of the numbers that flatters."""
    text = ""
    if arguments.get("redraw"):
        text += (
            " The generator began by redrawing training pictures from the codes of the VAE"
            " (`models/training/redraw.py`) and went on with it beside the game, less and less."
        )
    if arguments.get("eyes"):
        text += (
            " A second critic, which is not shipped, judged features of the first blocks of VGG16"
            " (`models/training/eyes.py`): the numbers in VGG features below were trained towards and flatter, those in"
            " attribute features were not."
        )
    return text


def report(
    folder: Path, data: str, run: Path | None = None, pictures: Path | None = None, limit: int | None = None
) -> None:
    """Measure the weights in ``folder``; write directions, components, replay, training.json and the card beside them.

    Args:
        folder: the weights folder, with a training.json of the recipe.
        data: name of the data set, or the path of a folder of pictures.
        run: the recipe's ``--out`` folder, for the replay; without it, a replay that is there already stays.
        pictures: where the pictures of ``data`` are, if not in the usual place.
        limit: most pictures of a kind to look at, for tests.
    """
    folder = Path(folder)
    generator, discriminator = Generator.load(folder), Discriminator.load(folder)
    train, test = (datasets.load(data, pictures, split=split) for split in datasets.SPLITS)
    eyes = open_eyes(data)
    numbers = measure(generator, discriminator, eyes, data, train, test, limit or HALF)
    learnt = None
    if not is_collapsed(generator):
        w = styles(generator, limit or STYLES)
        found = components.learn(w, min(COMPONENTS, w.shape[1]))
        found.save(folder)
        numbers["components"] = {"styles": len(w), "shares": [rounded(share) for share in found.shares]}
        learnt = learn_directions(generator, eyes.reader, w) if eyes.reader else None
        if learnt:
            learnt.save(folder)
            numbers["directions"] = {"styles": len(w), "psi": 1.0, "names": len(learnt.names)}
    title = "GAN, {}, collapsed" if numbers["collapsed"] else "GAN, {}"
    publish(folder, data, run, numbers, title, _summary, _sections(data, numbers, learnt))


def main(argv: list[str] | None = None) -> None:
    """Measure shipped weights again, or those of a run."""
    options = arguments(__doc__.splitlines()[0]).parse_args(argv)
    report(options.weights, Generator.load(options.weights).config.data, options.run, options.folder)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
