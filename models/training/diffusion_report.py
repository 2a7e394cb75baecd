"""What a trained diffusion model is worth: its samples and its obedience, measured and written beside its weights.

``python -m models.training.diffusion_report --weights assets/weights/diffusion-toons`` measures shipped weights again;
the recipe calls :func:`report` at its end. Everything is computed in float32, as the app computes it. What takes the
time is the network: a full report asks it for about 25,000 pictures, which takes two cores some ten minutes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import conditions, diffusion, metrics, seeding, zoo
from models.attributes import Attributes
from models.diffusion import TRAIN_STEPS, Denoiser
from models.training import data as datasets
from models.training.diffusion_card import sections, summary
from models.training.harness import run_recipe
from models.training.obedience import asked_in_replay, check_vocabulary, drawn_as_asked, look
from models.training.samples import (
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

SAMPLER, STEPS = "dpm", 15  # of the samples that are compared with real pictures
ASKED_STEPS = 12  # of the pictures that are asked for something
SCALES = (0.0, 1.0, 3.0, 8.0)
MEMORY_SCALE = 3.0  # guided pictures whose neighbours are looked up, too
SWEEP = (3, 6, 12, 25)  # steps of DDIM
PARTS = 10  # of 0..999, in which the loss is measured
BATCH = 50
SEEDS = {"samples": 1, "loss": 2}


@dataclass(frozen=True)
class Effort:
    """How many pictures a report makes: samples without a wish, pictures per guidance scale, per number of steps of
    the sweep (0: no sweep), and real pictures that are noised for the loss."""

    samples: int
    asked: int
    swept: int
    noised: int

    @property
    def evaluations(self) -> int:
        """Pictures that the network will have looked at, at most."""
        asked = self.asked * ASKED_STEPS * sum(1 if scale == 1 else 2 for scale in SCALES if scale)
        return self.samples * STEPS + asked + self.swept * sum(SWEEP) + 2 * PARTS * self.noised


FULL = Effort(samples=1000, asked=80, swept=100, noised=24)
QUICK = Effort(samples=200, asked=24, swept=0, noised=24)


def draw(
    denoiser: Denoiser,
    noise: Tensor,
    steps: int,
    scheduler: str = SAMPLER,
    guidance: float = 0.0,
    labels: Sequence[Mapping[str, str]] | None = None,
) -> Tensor:
    """Noise (N, 3, 64, 64) -> the pictures at the end of a walk, as the sampler leaves them: not clamped."""
    ends = []
    for i in range(0, len(noise), BATCH):
        asked = labels[i : i + BATCH] if labels else None
        *_, end = diffusion.denoise(denoiser, noise[i : i + BATCH], steps, scheduler, guidance, asked)
        ends.append(end.x_next)
    return torch.cat(ends)


# --- the numbers -----------------------------------------------------------------------------------------------------


def measure(
    denoiser: Denoiser, data: str, train: datasets.Pictures, test: datasets.Pictures, effort: Effort = FULL
) -> dict:
    """All numbers of the card. Another set than the shipped ones has no reader, and gets fewer of them.

    Raises:
        RecipeError: if the model cannot be asked for the attributes that the set has.
    """
    eyes = open_eyes(data)
    if eyes.reader:
        check_vocabulary(denoiser.conditions, data)
    pair = halves(train, test, effort.samples)
    noise = seeding.normal(SEEDS["samples"], len(pair[0]), (3, denoiser.size, denoiser.size))
    made = draw(denoiser, noise, STEPS)
    others, real = (on_pictures(eyes.features, half) for half in pair)
    drawn = look(eyes.features, made)
    numbers = counted(train, test, unet=denoiser.unet, encoder=denoiser.encoder)
    numbers["sampler"] = {
        "what": "samples without a wish, compared with real pictures; float32",
        "scheduler": SAMPLER,
        "steps": STEPS,
        "nfe": STEPS,
        "samples": len(made),
    }
    numbers |= against_real(drawn, real, others)
    wishes = None
    if eyes.reader:
        wishes = conditions.table(data, test.labels, test.measures)
        numbers |= spread(drawn["attributes"], real["attributes"])
        guided, found = obedience(denoiser, eyes.reader, made, noise, test, wishes, effort.asked)
        numbers |= found
        distance = distance_to_training(eyes.reader, data)
        kinds = {"unconditional": made, "guided": guided}
        numbers["memory"] = memory(data, {name: look(distance, x) for name, x in kinds.items()})
        numbers["memory"]["scale"] = MEMORY_SCALE
        if effort.swept:
            numbers["steps"] = sweep(denoiser, eyes.reader, noise, real, others, effort.swept)
    numbers["loss_by_timestep"] = loss_by_timestep(denoiser, test, wishes, effort.noised)
    return numbers | {"evaluations": denoiser.calls}


def obedience(
    denoiser: Denoiser,
    reader: Attributes,
    made: Tensor,
    noise: Tensor,
    test: datasets.Pictures,
    wishes: np.ndarray,
    count: int,
) -> tuple[Tensor, dict]:
    """Whether pictures show what they were asked for, at every scale, and how many of their values leave [-1, 1].

    Wishes are all that is known of ``count`` held-out pictures. At scale 0 nothing is asked: these are the first
    samples ``made`` from ``noise``. Returns (the pictures at MEMORY_SCALE, numbers).
    """

    def guided(scale: float, labels: list[dict[str, str]]) -> Tensor:
        return draw(denoiser, noise[: len(labels)], ASKED_STEPS, SAMPLER, scale, labels)

    sampled = f"{SAMPLER}, {ASKED_STEPS} steps; at scale 0 the samples without a wish, {STEPS} steps"
    drawn, found = drawn_as_asked(denoiser.conditions, reader, guided, made, test, wishes, count, SCALES, sampled)
    share = [rounded((x.abs() > 1).float().mean()) for x in drawn.values()]
    answer = {
        "factor_accuracy": found | {"nfe": [STEPS, *(ASKED_STEPS * (1 if scale == 1 else 2) for scale in SCALES[1:])]},
        "saturation": {
            "what": f"share of values beyond [-1, 1] in the same pictures ({sampled})",
            "scales": list(SCALES),
            "share": share,
        },
    }
    return drawn[MEMORY_SCALE], answer


def sweep(
    denoiser: Denoiser,
    reader: Attributes,
    noise: Tensor,
    real: Mapping[str, Tensor],
    others: Mapping[str, Tensor],
    count: int,
) -> dict:
    """Frechet distance of ``count`` samples from the same noises after few steps of DDIM and after more."""
    rows = []
    for steps in SWEEP:
        features = look(reader.features, draw(denoiser, noise[:count], steps, "ddim"))
        distance = rounded(metrics.frechet_distance(features, real["attributes"]))
        rows.append({"steps": steps, "nfe": steps, "frechet_attributes": distance})
    here = len(noise[:count])
    return {
        "what": f"Frechet distance, attribute features, of {here} samples without a wish to "
        f"{len(real['attributes']):,} real pictures; ddim; floor: {here} other real pictures",
        "floor": rounded(metrics.frechet_distance(others["attributes"][:count], real["attributes"])),
        "rows": rows,
    }


@torch.inference_mode()
def loss_by_timestep(denoiser: Denoiser, test: datasets.Pictures, wishes: np.ndarray | None, count: int) -> dict:
    """Mean squared error of v on held-out pictures in each tenth of 0..999, without a wish and with all that is known.

    The noise is fixed, and the t of the pictures are spread evenly over the tenth.
    """
    x0 = test.tensor(slice(0, count))
    spread = (torch.arange(len(x0)) + 0.5) / len(x0)
    kinds: dict[str, list[dict[str, str]]] = {"unasked": [{}] * len(x0)}
    if wishes is not None:
        kinds["asked"] = [conditions.named(denoiser.conditions, row) for row in wishes[: len(x0)]]
    answer: dict = {
        "what": f"mean squared error of v, {len(x0)} held-out pictures per tenth of 0..{TRAIN_STEPS - 1}",
        "t": [round((part + 0.5) * TRAIN_STEPS / PARTS) for part in range(PARTS)],
    } | {kind: [] for kind in kinds}
    for part in range(PARTS):
        t = ((part + spread) * TRAIN_STEPS / PARTS).long().clamp_min(1)
        noise = seeding.normal(SEEDS["loss"], len(x0), tuple(x0.shape[1:]), start=part * len(x0))
        x_t, v = diffusion.q_sample(x0, noise, t), diffusion.v_from(x0, noise, t)
        for kind, asked in kinds.items():
            answer[kind].append(rounded((denoiser.predict(x_t, t, asked) - v).square().mean()))
    return answer


def report(
    folder: Path,
    data: str,
    run: Path | None = None,
    pictures: Path | None = None,
    quick: bool = False,
    samples: int | None = None,
) -> None:
    """Measure the weights in ``folder``, which hold a training.json; write replay, training.json and the card there.

    Args:
        folder, data, run, pictures: as for :func:`models.training.gan_report.report`.
        quick: make fewer pictures and leave out the sweep over steps.
        samples: samples that are compared with real pictures, at most; by default 1,000, or 200 where quick.
    """
    folder = Path(folder)
    effort = QUICK if quick else FULL
    if samples:
        effort = replace(effort, samples=samples)
    train, test = (datasets.load(data, pictures, split=split) for split in datasets.SPLITS)
    numbers = measure(Denoiser.load(folder), data, train, test, effort)
    if data in zoo.DATA_SETS:
        numbers["replay_asked"] = asked_in_replay(data, train)
    publish(folder, data, run, numbers, "Diffusion, {}", summary, sections(data, numbers))


def main(argv: list[str] | None = None) -> None:
    """Measure shipped weights again, or those of a run."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, help="samples that are compared with real pictures, at most")
    parser.add_argument("--quick", action="store_true", help="make fewer pictures, for a first look")
    options = parser.parse_args(argv)
    data = json.loads((options.weights / "training.json").read_text())["data"]
    report(options.weights, data, options.run, options.folder, options.quick, options.samples)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
