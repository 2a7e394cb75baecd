"""What a trained GAN is worth: its samples measured against real pictures, written beside its weights.

``python -m models.training.gan_report --weights assets/weights/gan-toons`` measures shipped weights again; the recipe
calls :func:`report` at its end. All distances are between features: of VGG16 (mean over the last block, 512 numbers)
and of the set's attribute network (128 numbers).
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from models import components, directions, metrics, modes, seeding, zoo
from models.attributes import Attributes
from models.gan import Discriminator, Generator
from models.training import data as datasets
from models.training.harness import REPLAY_MOMENTS, device, run_recipe, write_atomically, write_card
from models.training.vae_report import directions_table, in_batches, markdown_table, reached
from models.training.vgg import VGG16

HALF = 2500  # pictures on each side of a Frechet distance, at most
CHECKED = 1000  # samples whose neighbours are looked up, whose modes are counted and whose scores are averaged
SWEPT = 200  # samples per psi
PSIS = (0.0, 0.25, 0.5, 0.7, 1.0, 1.25, 1.5)
STYLES = 5000  # styles that directions and components are learnt from; of the directions, a fifth is held out
COMPONENTS = 32
SURE = 0.6  # a label that is read with less probability counts as unknown
RARE = 20  # a class that is read off fewer samples than this gets no direction
SEEDS = {"frechet": 1, "checked": 2, "swept": 3, "styles": 4}
LIMITS = {
    "portraits": "The set is small and narrow: adults in office, older than the population, mostly in suits and studio "
    "light. The generator thinks everybody looks so. Faces it makes are nobody's; never present one as a real person. "
    "Pictures are 64x64.",
    "toons": "It knows one drawing style and nothing else. Its parts are drawn independently; the generator does not "
    "know that and may tie some together.",
}
REPLAY_COLUMNS = 6  # moments in a row of the replay; a moment is a square of 4 x 4 faces


@dataclass(frozen=True)
class Eyes:
    """The networks that look at pictures; None where there is no such network."""

    discriminator: Discriminator
    reader: Attributes | None
    vgg: VGG16 | None

    def score(self, x: Tensor) -> Tensor:
        """The discriminator's logits: pictures (N, 3, 64, 64) -> (N,)."""
        return self.discriminator(x)

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Pictures (N, 3, 64, 64) -> {"attributes": (N, 128), "vgg": (N, 512)}, as far as there are networks for it."""
        answer = {}
        if self.reader:
            answer["attributes"] = self.reader.features(x)
        if self.vgg:
            answer["vgg"] = self.vgg(x.to(self.vgg.mean.device))[-1].mean((2, 3)).cpu()
        return answer


def open_eyes(discriminator: Discriminator, data: str) -> Eyes:
    """The eyes for a data set. VGG16 is downloaded once; where that fails, the report goes without it and says so."""
    try:
        vgg = VGG16().to(device())
    except RuntimeError as reason:
        print(f"no VGG features in this report: {reason}", file=sys.stderr)
        vgg = None
    return Eyes(discriminator, zoo.attributes(data) if data in zoo.DATA_SETS else None, vgg)


@torch.inference_mode()
def on_samples(look: Callable, generator: Generator, count: int, seed: str, psi: float = 1.0):
    """``look`` at ``count`` samples in batches, answers joined; equal ``seed`` names are equal latents."""
    z = seeding.normal(SEEDS[seed], count, (generator.config.latent_size,))
    return in_batches(lambda part: look(generator(part, psi)), z)


@torch.inference_mode()
def on_pictures(look: Callable, pictures: datasets.Pictures, count: int | None = None):
    """``look`` at the first ``count`` real pictures, or all, in batches; answers joined."""
    return in_batches(lambda part: look(pictures.tensor(part)), np.arange(min(count or len(pictures), len(pictures))))


def halves(train: datasets.Pictures, test: datasets.Pictures, most: int) -> list[datasets.Pictures]:
    """Two halves of all real pictures of both splits, shuffled with a fixed seed, of ``most`` pictures each at most."""
    total = len(train) + len(test)
    count = min(total // 2, most)
    order = np.random.default_rng(0).permutation(total)
    answer = []
    for chosen in (order[:count], order[count : 2 * count]):
        images = [train.images[chosen[chosen < len(train)]], test.images[chosen[chosen >= len(train)] - len(train)]]
        answer.append(datasets.Pictures(train.data, "both", np.concatenate(images), np.arange(count)))
    return answer


def is_collapsed(generator: Generator) -> bool:
    """Whether these weights come from the run that is meant to collapse: only that one has no minibatch statistics."""
    return not generator.config.statistics


# --- what samples are like -------------------------------------------------------------------------------------------


def measure(
    generator: Generator,
    eyes: Eyes,
    data: str,
    train: datasets.Pictures,
    test: datasets.Pictures,
    limit: int = HALF,
) -> dict:
    """All numbers of the card; no part looks at more than ``limit`` pictures of a kind (tests have no time)."""
    some = min(CHECKED, limit)
    networks = {"generator": generator, "discriminator": eyes.discriminator}
    numbers: dict = {
        "collapsed": is_collapsed(generator),
        "training_pictures": len(train),
        "held_out_pictures": len(test),
        "parameters": {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()},
        "scores": scores(generator, eyes, test, some),
    }
    pair = halves(train, test, limit)
    a, b = (on_pictures(eyes.features, half) for half in pair)
    drawn = on_samples(eyes.features, generator, len(pair[0]), "frechet")
    for kind, made in drawn.items():
        real = b[kind]
        what = f"{kind} features, {len(real):,} pictures a side; floor: real against real"
        numbers[f"frechet_{kind}"] = {
            "what": f"Frechet distance, {what}; not comparable with published FID",
            "score": _rounded(metrics.frechet_distance(made, real)),
            "floor": _rounded(metrics.frechet_distance(a[kind], real)),
        }
        k = min(3, len(real) - 1)
        numbers[f"precision_recall_{kind}"] = {"what": f"k = {k}, {what}"} | {
            "precision": _rounded(metrics.within(real, made, k)),
            "recall": _rounded(metrics.within(made, real, k)),
            "floor": [_rounded(share) for share in metrics.precision_recall(real, a[kind], k)],
        }
    if eyes.reader:
        real = b["attributes"]
        numbers["diversity"] = {
            "what": "mean distance of two pictures, attribute features",
            "samples": _rounded(metrics.diversity(on_samples(eyes.reader.features, generator, some, "checked"))),
            "real": _rounded(metrics.diversity(real[:some])),
        }
        numbers["psi"] = sweep(generator, eyes, real, min(SWEPT, limit))
        numbers["memory"] = memory(generator, eyes.reader, data, some)
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


def scores(generator: Generator, eyes: Eyes, test: datasets.Pictures, count: int) -> dict:
    """What the discriminator answers: the mean logit, and the share it gets right at threshold 0."""
    real = on_pictures(eyes.score, test, count)
    made = on_samples(eyes.score, generator, count, "checked")
    return {
        "what": "logits of the discriminator, above 0 is real; log_probability: of the right answer; real: held out",
        "real": _answers(real),
        "made": _answers(made, sign=-1),
    }


def _answers(logits: Tensor, sign: int = 1) -> dict[str, float]:
    """``sign`` 1: the right answer is real, log D(x); -1: it is made, log(1 - D(G(z)))."""
    return {
        "mean": _rounded(logits.mean()),
        "right": _rounded((sign * logits > 0).float().mean()),
        "log_probability": _rounded(F.logsigmoid(sign * logits).mean()),
        "pictures": len(logits),
    }


def sweep(generator: Generator, eyes: Eyes, real: Tensor, count: int) -> list[dict[str, float]]:
    """The same samples at every psi: how much they differ, what the discriminator says, how many lie among real ones.

    real: attribute features (M, 128) that precision is measured against.
    """

    def look(x: Tensor) -> dict[str, Tensor]:
        return {"features": eyes.reader.features(x), "scores": eyes.score(x)}

    answer = []
    for psi in PSIS:
        seen = on_samples(look, generator, count, "swept", psi)
        answer.append(
            {
                "psi": psi,
                "diversity": _rounded(metrics.diversity(seen["features"])),
                "score": _rounded(seen["scores"].mean()),
                "precision": _rounded(metrics.within(real, seen["features"], min(3, len(real) - 1))),
            }
        )
    return answer


def memory(generator: Generator, reader: Attributes, data: str, count: int) -> dict:
    """How near samples come to the training pictures, set against how near held-out real pictures come.

    Photographs are also learnt mirrored, so there a sample is as near as the nearer of itself and its mirror image.
    """
    known = zoo.neighbours(data)

    def distance(x: Tensor) -> Tensor:
        views = [x] if data == "toons" else [x, x.flip(3)]
        return torch.stack([known.nearest(reader.features(view))[1][:, 0] for view in views]).amin(0)

    answer: dict = {
        "what": f"distance of {count:,} samples to the nearest training picture, attribute features",
        "nearest_stranger": _rounded(known.baseline[0]),
        "median_stranger": _rounded(known.baseline.median()),
    }
    for psi in (1.0, 0.7):
        distances = on_samples(distance, generator, count, "checked", psi)
        answer[f"psi_{psi:g}"] = {
            "remembered": _rounded(known.is_memorised(distances).float().mean()),
            "nearest": _rounded(distances.min()),
            "median": _rounded(distances.median()),
        }
    return answer


def _rounded(number: Tensor | float) -> float:
    return round(float(number), 4)


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


# --- the replay ------------------------------------------------------------------------------------------------------


def write_replay(run: Path, folder: Path) -> int:
    """Pack ``run``'s replay into ``folder``: the sheets as ``replay.webp``, the numbers as ``replay.json``.

    Every moment becomes one square of 4 x 4 faces, six of them in a row. A finished run has one moment more than is
    shown: the one before the last makes way for the last. Returns the number of moments.
    """
    moments = json.loads((run / "replay" / "replay.json").read_text())
    shown = list(range(len(moments)))
    if len(shown) > REPLAY_MOMENTS:
        shown = shown[: REPLAY_MOMENTS - 1] + shown[-1:]
    squares = []
    for moment in shown:
        with Image.open(run / "replay" / f"{moment:02d}.jpg") as sheet:
            pixels = np.asarray(sheet.convert("RGB"))
        side = pixels.shape[1] // 8  # a sheet is 8 faces wide and 2 high
        faces = pixels.reshape(2, side, 8, side, 3).swapaxes(1, 2).reshape(4, 4, side, side, 3)
        squares.append(faces.swapaxes(1, 2).reshape(4 * side, 4 * side, 3))
    rows = -(-len(squares) // REPLAY_COLUMNS)
    squares += [np.zeros_like(squares[0])] * (rows * REPLAY_COLUMNS - len(squares))
    atlas = np.concatenate(
        [np.concatenate(squares[i : i + REPLAY_COLUMNS], 1) for i in range(0, len(squares), REPLAY_COLUMNS)]
    )
    numbers = [{name: round(value, 4) for name, value in moments[i].items()} for i in shown]

    def save(path: Path) -> None:
        Image.fromarray(atlas).save(path, format="webp", quality=88, method=6)

    write_atomically(folder / "replay.webp", save)
    write_atomically(folder / "replay.json", lambda path: path.write_text(json.dumps(numbers) + "\n"))
    return len(shown)


# --- the card --------------------------------------------------------------------------------------------------------


def _sections(data: str, numbers: dict, learnt: directions.Directions | None) -> dict[str, str]:
    """Headings and Markdown of the card."""
    sections = {
        "Use": "Teaching: draw faces, truncate, steer, walk between two. `Generator.load(folder)` and "
        "`Discriminator.load(folder)` of `models/gan.py` read the weights.",
        "Samples against real pictures": _quality(numbers),
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
        sections["Is it remembered?"] = _memory(numbers["memory"], mirrored=data != "toons")
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
    sections["Limits and bias"] = LIMITS.get(
        data, "It knows one set of pictures and nothing else. What is rare there is rarer here."
    )
    return sections


def _quality(numbers: dict) -> str:
    rows = []
    for kind in ("vgg", "attributes"):
        if f"frechet_{kind}" in numbers:
            distance, share = numbers[f"frechet_{kind}"], numbers[f"precision_recall_{kind}"]
            for of, label in (("score", "samples"), ("floor", "real pictures")):
                precision, recall = share["floor"] if of == "floor" else (share["precision"], share["recall"])
                rows.append([kind, label, distance[of], precision, recall])
    text = markdown_table(["features", "of", "Frechet distance", "precision", "recall"], rows) if rows else ""
    if "diversity" in numbers:
        found = numbers["diversity"]
        text += f"\n\nDiversity ({found['what']}): {found['samples']}, of real pictures {found['real']}."
    return text + (
        "\n\nEvery row compares one half of all real pictures with as many samples, or with the other half: that is "
        "the floor. VGG features are the mean over the last block of VGG16; nothing here is comparable with published "
        "FID."
    )


def _scores(found: dict) -> str:
    return markdown_table(
        ["pictures", "count", "mean logit", "right at threshold 0"],
        [
            ["real, held out", found["real"]["pictures"], found["real"]["mean"], f"{found['real']['right']:.0%}"],
            ["samples", found["made"]["pictures"], found["made"]["mean"], f"{found['made']['right']:.0%}"],
        ],
    )


def _memory(found: dict, mirrored: bool) -> str:
    rows = [
        [f"samples, psi {psi}", found[f"psi_{psi}"]["nearest"], found[f"psi_{psi}"]["median"]]
        + [f"{found[f'psi_{psi}']['remembered']:.1%}"]
        for psi in ("1", "0.7")
    ]
    rows.append(["held-out real pictures", found["nearest_stranger"], found["median_stranger"], "-"])
    return (
        "A sample counts as remembered when it is nearer to a training picture than any held-out real picture is"
        + (", as it is or mirrored" if mirrored else "")
        + f"; {found['what']}.\n\n"
        + markdown_table(["pictures", "nearest of all", "median", "remembered"], rows)
    )


def _summary(name: str, numbers: dict, record: dict) -> str:
    size = numbers["parameters"]
    text = (
        f"A style-based generator ({size['generator']:,} parameters) and a residual discriminator "
        f"({size['discriminator']:,}) on {name} at 64x64, trained against each other from "
        f"{record.get('started_from', 'random weights')}."
    )
    if not numbers["collapsed"]:
        return text
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
    eyes = open_eyes(discriminator, data)
    numbers = measure(generator, eyes, data, train, test, limit or HALF)
    learnt = None
    if not is_collapsed(generator):
        w = styles(generator, limit or STYLES)
        found = components.learn(w, min(COMPONENTS, w.shape[1]))
        found.save(folder)
        numbers["components"] = {"styles": len(w), "shares": [_rounded(share) for share in found.shares]}
        learnt = learn_directions(generator, eyes.reader, w) if eyes.reader else None
        if learnt:
            learnt.save(folder)
            numbers["directions"] = {"styles": len(w), "psi": 1.0, "names": len(learnt.names)}
    if run:
        write_replay(run, folder)
    record = json.loads((folder / "training.json").read_text())
    record.pop("replay", None)  # it is in replay.json
    record["metrics"] = numbers
    name = data if data in zoo.DATA_SETS else "a folder of pictures"
    title = f"GAN, {name}" + (", collapsed" if numbers["collapsed"] else "")
    write_card(folder, title, name, record, _summary(name, numbers, record), _sections(data, numbers, learnt))


def main(argv: list[str] | None = None) -> None:
    """Measure shipped weights again, or those of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="a weights folder of the GAN recipe")
    parser.add_argument("--run", type=Path, help="the recipe's --out folder; the replay is made from it")
    parser.add_argument("--folder", type=Path, help="where the pictures of the data set are")
    options = parser.parse_args(argv)
    report(options.weights, Generator.load(options.weights).config.data, options.run, options.folder)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
