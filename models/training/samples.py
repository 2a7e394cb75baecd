"""What the reports of models that draw share: eyes, real pictures to measure samples against, tables, the replay.

All distances are between features: of VGG16 (mean over the last block, 512 numbers) and of the set's attribute network
(128 numbers).
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models import metrics, zoo
from models.attributes import Attributes
from models.training import data as datasets
from models.training.harness import REPLAY_MOMENTS, device, write_atomically, write_card
from models.training.vae_report import in_batches, markdown_table
from models.training.vgg import VGG16

LIMITS = {
    "portraits": "The set is small and narrow: adults in office, older than the population, mostly in suits and studio "
    "light. The model thinks everybody looks so. Faces it makes are nobody's; never present one as a real person. "
    "Pictures are 64x64.",
    "toons": "It knows one drawing style and nothing else. Its parts are drawn independently; the model does not know "
    "that and may tie some together.",
}
ANY_LIMITS = "It knows one set of pictures and nothing else. What is rare there is rarer here."
REPLAY_COLUMNS = 6  # moments in a row of the replay; a moment is a square of 4 x 4 faces


def rounded(number: Tensor | float) -> float:
    """A number as training.json keeps it."""
    return round(float(number), 4)


# --- looking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Eyes:
    """The networks that look at pictures; None where there is no such network."""

    reader: Attributes | None
    vgg: VGG16 | None

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Pictures (N, 3, 64, 64) -> {"attributes": (N, 128), "vgg": (N, 512)}, as far as there are networks for it."""
        answer = {}
        if self.reader:
            answer["attributes"] = self.reader.features(x)
        if self.vgg:
            answer["vgg"] = self.vgg(x.to(self.vgg.mean.device))[-1].mean((2, 3)).cpu()
        return answer


def open_eyes(data: str) -> Eyes:
    """The eyes for a data set. VGG16 is downloaded once; where that fails, the report goes without it and says so."""
    try:
        vgg = VGG16().to(device())
    except RuntimeError as reason:
        print(f"no VGG features in this report: {reason}", file=sys.stderr)
        vgg = None
    return Eyes(zoo.attributes(data) if data in zoo.DATA_SETS else None, vgg)


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


# --- samples against real pictures -----------------------------------------------------------------------------------


def counted(train: datasets.Pictures, test: datasets.Pictures, **networks: torch.nn.Module | None) -> dict:
    """How many pictures it learnt from and is measured on, and how many parameters each of its networks has."""
    return {
        "training_pictures": len(train),
        "held_out_pictures": len(test),
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in networks.items() if part},
    }


def spread(made: Tensor, real: Tensor) -> dict:
    """The diversity of samples beside that of real pictures, both as attribute features (N, 128)."""
    return {
        "diversity": {
            "what": "mean distance of two pictures, attribute features",
            "samples": rounded(metrics.diversity(made)),
            "real": rounded(metrics.diversity(real)),
        }
    }


def against_real(made: Mapping[str, Tensor], real: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> dict:
    """Frechet distance, precision and recall for every kind of features.

    made: features (N, D) of samples; real: (N, D) of the real pictures they are compared with; others: (N, D) of as
    many other real pictures, whose numbers are the floor.
    """
    numbers = {}
    for kind, samples in made.items():
        what = f"{kind} features, {len(real[kind]):,} pictures a side; floor: real against real"
        k = min(3, len(real[kind]) - 1)
        numbers[f"frechet_{kind}"] = {
            "what": f"Frechet distance, {what}; not comparable with published FID",
            "score": rounded(metrics.frechet_distance(samples, real[kind])),
            "floor": rounded(metrics.frechet_distance(others[kind], real[kind])),
        }
        numbers[f"precision_recall_{kind}"] = {"what": f"k = {k}, {what}"} | {
            "precision": rounded(metrics.within(real[kind], samples, k)),
            "recall": rounded(metrics.within(samples, real[kind], k)),
            "floor": [rounded(share) for share in metrics.precision_recall(real[kind], others[kind], k)],
        }
    return numbers


def quality_text(numbers: dict) -> str:
    """What :func:`against_real` measured, and the diversity where there is one, for a card."""
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


# --- is it remembered ------------------------------------------------------------------------------------------------


def distance_to_training(reader: Attributes, data: str) -> Callable[[Tensor], Tensor]:
    """The function pictures (N, 3, 64, 64) -> distance (N,) to the nearest training picture, attribute features.

    Photographs are also learnt mirrored, so there a picture is as near as the nearer of itself and its mirror image.
    """
    known = zoo.neighbours(data)

    def distance(x: Tensor) -> Tensor:
        views = [x] if data == "toons" else [x, x.flip(3)]
        return torch.stack([known.nearest(reader.features(view))[1][:, 0] for view in views]).amin(0)

    return distance


def memory(data: str, distances: Mapping[str, Tensor]) -> dict:
    """How near samples come to the training pictures, set against how near held-out real pictures come.

    distances: name of a kind of samples -> their distances (N,).
    """
    known = zoo.neighbours(data)
    most = max(len(found) for found in distances.values())
    answer: dict = {
        "what": f"distance of {most:,} samples to the nearest training picture, attribute features",
        "nearest_stranger": rounded(known.baseline[0]),
        "median_stranger": rounded(known.baseline.median()),
    }
    for name, found in distances.items():
        answer[name] = {
            "remembered": rounded(known.is_memorised(found).float().mean()),
            "nearest": rounded(found.min()),
            "median": rounded(found.median()),
        }
    return answer


def memory_text(found: dict, kinds: Mapping[str, str], mirrored: bool) -> str:
    """What :func:`memory` measured, for a card. kinds: name of a kind of samples -> its words."""
    rows = [
        [words, found[name]["nearest"], found[name]["median"], f"{found[name]['remembered']:.1%}"]
        for name, words in kinds.items()
    ]
    rows.append(["held-out real pictures", found["nearest_stranger"], found["median_stranger"], "-"])
    return (
        "A sample counts as remembered when it is nearer to a training picture than any held-out real picture is"
        + (", as it is or mirrored" if mirrored else "")
        + f"; {found['what']}.\n\n"
        + markdown_table(["pictures", "nearest of all", "median", "remembered"], rows)
    )


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
    _write_replay(folder, squares, [{name: round(value, 4) for name, value in moments[i].items()} for i in shown])
    return len(shown)


def prepend_replay(folder: Path, before: Path) -> None:
    """Let the replay in ``folder`` begin with that in ``before``, whose weights its run started from.

    Of the moments of both, 24 are kept, as near as they come to squares of the share of all pictures seen; steps and
    pictures of the later run are counted on from the earlier one. Without an earlier replay nothing changes.
    """
    if not (before / "replay.json").is_file():
        return
    (old, first), (new, second) = _read_replay(before), _read_replay(folder)
    counted = {name: old[-1][name] for name in ("step", "images_seen")}
    moments = old + [moment | {name: moment[name] + more for name, more in counted.items()} for moment in new]
    squares = first + second
    seen = np.array([moment["images_seen"] for moment in moments], float)
    wanted = seen[-1] * (np.arange(REPLAY_MOMENTS) / (REPLAY_MOMENTS - 1)) ** 2
    kept = sorted({int(np.abs(seen - target).argmin()) for target in wanted} | {0, len(moments) - 1})
    spare = [i for i in range(len(moments)) if i not in kept]
    while len(kept) < min(REPLAY_MOMENTS, len(moments)):  # two targets met in one moment: fill where the gap is widest
        best = max(spare, key=lambda i: min(abs(seen[i] - seen[k]) for k in kept))
        spare.remove(best)
        kept = sorted([*kept, best])
    kept = kept[: REPLAY_MOMENTS - 1] + kept[-1:]
    _write_replay(folder, [squares[i] for i in kept], [moments[i] for i in kept])


def _read_replay(folder: Path) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """The numbers and squares of a packed replay."""
    moments = json.loads((folder / "replay.json").read_text())
    with Image.open(folder / "replay.webp") as atlas:
        pixels = np.asarray(atlas.convert("RGB"))
    side = pixels.shape[1] // REPLAY_COLUMNS
    squares = [
        pixels[y * side : (y + 1) * side, x * side : (x + 1) * side]
        for y, x in (divmod(i, REPLAY_COLUMNS) for i in range(len(moments)))
    ]
    return moments, squares


def _write_replay(folder: Path, squares: list[np.ndarray], moments: list[dict[str, float]]) -> None:
    rows = -(-len(squares) // REPLAY_COLUMNS)
    squares = squares + [np.zeros_like(squares[0])] * (rows * REPLAY_COLUMNS - len(squares))
    atlas = np.concatenate(
        [np.concatenate(squares[i : i + REPLAY_COLUMNS], 1) for i in range(0, len(squares), REPLAY_COLUMNS)]
    )

    def save(path: Path) -> None:
        Image.fromarray(atlas).save(path, format="webp", quality=88, method=6)

    write_atomically(folder / "replay.webp", save)
    write_atomically(folder / "replay.json", lambda path: path.write_text(json.dumps(moments) + "\n"))


# --- writing it down -------------------------------------------------------------------------------------------------


def arguments(description: str) -> argparse.ArgumentParser:
    """The options of every report that is called by itself; reports add their own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--weights", type=Path, required=True, help="a weights folder that the recipe wrote")
    parser.add_argument("--run", type=Path, help="the recipe's --out folder; the replay is made from it")
    parser.add_argument("--folder", type=Path, help="where the pictures of the data set are")
    return parser


def publish(
    folder: Path,
    data: str,
    run: Path | None,
    numbers: dict,
    title: str,
    summary: Callable[[str, dict, dict], str],
    sections: dict[str, str],
) -> None:
    """Write the replay of ``run``, if one is given, ``numbers`` into training.json, and the card.

    title: of the card, with {} for the name of the set. summary(name, numbers, record): its first paragraph.
    """
    if run:
        write_replay(run, folder)
    record = json.loads((folder / "training.json").read_text())
    record.pop("replay", None)  # it is in replay.json
    record["metrics"] = numbers
    name = data if data in zoo.DATA_SETS else "a folder of pictures"
    write_card(folder, title.format(name), name, record, summary(name, numbers, record), sections)
