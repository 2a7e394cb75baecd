"""Recipe for image tokens: ``python -m models.training.image_tokens --data toons --minutes 60 --out runs/tokens``.

First the autoencoder learns to say pictures in codes: mean absolute error, plus a perceptual distance, plus a pull of
the encoder towards the entries it chooses (van den Oord et al. 2017, equation 3); gradients pass through the choice as
if it were not there, and the codebooks follow by themselves (:mod:`models.training.codebook`). Some pictures of every
batch are decoded from the rough strokes alone and some from the beginning of the grid alone, so that a drawing looks
right while it is being made. Then the autoencoder is put away as it will ship, and the transformer learns to foresee
the codes of pictures with what is told of them (:mod:`models.training.told`).
"""

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import conditions
from models.image_tokens import OPEN, ImageTokens, ImageTokensConfig
from models.image_tokens_autoencoder import PatchAutoencoder
from models.image_tokens_drawing import draw
from models.image_tokens_transformer import TokenTransformer
from models.training import data as datasets
from models.training.codebook import CodebookLearner
from models.training.harness import RecipeError, Run, arguments, autocast, device, run_recipe
from models.training.image_tokens_report import report
from models.training.samples import prepend_replay
from models.training.told import shown, wishes
from models.training.vgg import VGG16, perceptual_distance

PERCEPTUAL, COMMITMENT = 0.2, 0.25
ROUGH, PARTIAL = 0.15, 0.15
"""Shares of a batch that are decoded from rough strokes alone, and from the beginning of the grid alone."""
REVIVED = 0.8
"""Share of the autoencoder's time in which dead entries are replaced; those that came last need time to settle."""
SHIFT = 2
"""Pixels by which photographs are moved about: there are few, and moved ones have other codes."""
DROPOUT = 0.1
HELD_OUT = 128  # pictures on which the transformer is watched
SHAPE: dict = {}
"""What differs from the defaults of :class:`ImageTokensConfig` (tests make it small)."""


def main(argv: list[str] | None = None) -> None:
    """Train both halves and write weights, training.json, the replay and the card into ``--out``."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=0.45, help="share of the time for the autoencoder; 0 keeps it")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate of the autoencoder (Adam)")
    parser.add_argument("--next-rate", type=float, default=6e-4, help="learning rate of the transformer (AdamW)")
    parser.add_argument("--quick-report", action=argparse.BooleanOptionalAction, default=False, help="fewer samples")
    parser.set_defaults(batch=16)  # more steps in the same minutes
    options = parser.parse_args(argv)
    if not 0 <= options.share < 1:
        raise RecipeError(f"--share is {options.share:g}; it is from 0 to below 1")

    pictures = datasets.load(options.data, options.folder, split="train")
    held_out = datasets.load(options.data, options.folder, split="test")
    vocabulary, known = wishes(pictures)
    config = ImageTokensConfig(vocabulary=vocabulary, data=pictures.data, **SHAPE)
    before = shipped(options.resume)
    if not options.share and not before:
        raise RecipeError("--share 0 keeps an autoencoder; --resume must name the weights it is in")
    torch.manual_seed(options.seed)  # the initial weights; everything later has its own generators
    networks = config.autoencoder(), config.transformer(DROPOUT)
    if before:
        for network, start in zip(networks, (before.autoencoder, before.transformer), strict=True):
            network.load_state_dict(start.state_dict())

    runs, autoencoder = [], networks[0]
    if options.share:
        run = learn_to_say(config, networks[0], pictures, held_out, part(options, "autoencoder", options.share), before)
        if run.progress < 1:
            print("stopped in the first half: --resume goes on from here")
            return
        runs, autoencoder = [run], run.average_of("autoencoder", config.autoencoder())
    folder = options.out / "weights"
    ImageTokens(config, autoencoder, networks[1]).save(folder)
    autoencoder = ImageTokens.load(folder).autoencoder  # as it ships, rounded to float16
    codec = ImageTokens(config, autoencoder, networks[1])
    run = learn_what_follows(codec, pictures, held_out, known, part(options, "transformer", 1 - options.share))
    runs.append(run)
    if before:
        run.origin = origin(options.resume)

    ImageTokens(config, autoencoder, run.average_of("transformer", config.transformer())).save(folder)
    (folder / "training.json").write_text(json.dumps(record(runs, options, pictures)))
    report(folder, options.data, run.out, options.folder, quick=options.quick_report)
    if before:
        prepend_replay(folder, options.resume)


def part(options: argparse.Namespace, name: str, share: float) -> argparse.Namespace:
    """The options of one half of the run: its own folder, and its share of the time (``--steps`` is for each half)."""
    own = {"out": options.out / name, "minutes": share * options.minutes}
    own["resume"] = options.resume / name if options.resume else None
    return argparse.Namespace(**vars(options) | own)


def shipped(folder: Path | None) -> ImageTokens | None:
    """The finished model in ``folder``, or None if that is nothing or a run to be continued exactly."""
    if folder is None or any((folder / name / "state.json").exists() for name in ("autoencoder", "transformer")):
        return None
    return ImageTokens.load(folder)


def origin(folder: Path) -> dict[str, str | float]:
    """What training.json says of the weights in ``folder`` that a run started from."""
    before = json.loads((folder / "training.json").read_text())
    minutes = before["training_minutes"] + before.get("minutes_before", 0.0)
    return {
        "started_from": f"the weights of {folder.name} after {minutes:.0f} minutes",
        "minutes_before": round(minutes, 1),
    }


def record(runs: list[Run], options: argparse.Namespace, pictures: datasets.Pictures) -> dict:
    """training.json: the transformer's run, with times and pictures of both halves added up, and those of each."""
    records = [run.record(pictures.data, pictures.data_hash(), {}) for run in runs]
    counted = ("steps", "images_seen", "training_minutes")
    names = ("autoencoder", "transformer")[-len(runs) :]
    halves = {
        half: {name: one[name] for name in (*counted, "history")} for half, one in zip(names, records, strict=True)
    }
    answer = records[-1] | {name: round(sum(one[name] for one in records), 1) for name in counted}
    answer["arguments"]["minutes"] = options.minutes
    del answer["history"]
    return answer | {"halves": halves}


def moved(x: Tensor, data: str, source: torch.Generator) -> Tensor:
    """Photographs (N, 3, 64, 64), each moved by up to SHIFT pixels, its edge repeated; drawings stay where they are."""
    if data == "toons":
        return x
    wide = F.pad(x, (SHIFT,) * 4, mode="replicate")
    corners = torch.randint(2 * SHIFT + 1, (len(x), 2), generator=source).tolist()
    return torch.stack([one[:, i : i + 64, j : j + 64] for one, (i, j) in zip(wide, corners, strict=True)])


# --- the first half --------------------------------------------------------------------------------------------------


def learn_to_say(
    config: ImageTokensConfig,
    network: PatchAutoencoder,
    pictures: datasets.Pictures,
    held_out: datasets.Pictures,
    options: argparse.Namespace,
    before: ImageTokens | None,
) -> Run:
    """Train the autoencoder."""
    where = device()
    network = network.to(where, memory_format=torch.channels_last)
    learner = CodebookLearner(network.codebooks).to(where)
    if before:
        learner.go_on_from(network.codebooks)
    optimiser = torch.optim.Adam(network.parameters(), lr=options.rate, betas=(0.9, 0.99))
    networks: dict[str, nn.Module] = {"autoencoder": network, "learner": learner}
    run = Run("image_tokens", options.out, networks, {"adam": optimiser}, options, ("autoencoder",), decay=0.998)
    vgg = VGG16(blocks=3).to(where)
    vocabulary, known = wishes(pictures)

    def step(source: torch.Generator) -> dict[str, float]:
        x, _ = shown(pictures, vocabulary, known, options.batch, source)
        x = moved(x, pictures.data, source).to(where).contiguous(memory_format=torch.channels_last)
        with autocast():
            vectors = network.vectors(x)
        learner.learn(network.codebooks, vectors.detach().flatten(0, 1), source if run.progress < REVIVED else None)
        codes = network.quantise(vectors.detach())
        rough = torch.cat([codes[..., :1], torch.full_like(codes[..., 1:], OPEN)], 2)
        commitment = sum((vectors - network.look_up(c).detach()).square().mean() for c in (rough, codes)) / 2
        told = partly(codes, rough, source)
        # the gradient passes the choice as if it were not there (van den Oord et al. 2017, section 3.2)
        there = (told[..., :1] != OPEN).float()
        with autocast():
            drawn = network.paint(network.look_up(told) + there * (vectors - vectors.detach()))
            mask = network.drawn(told)
            drawn, x = drawn * mask, x * mask
            few = slice(0, max(1, options.batch // 4))  # as in the VAE: enough for the gradient, and it costs most
            perceptual = perceptual_distance(vgg, x[few], drawn[few]).mean()
        error = (drawn - x).abs().mean()
        loss = error + PERCEPTUAL * perceptual + COMMITMENT * commitment
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        numbers = {"error": error, "perceptual": perceptual, "commitment": commitment}
        # the moving average of uses tells how many entries are worth having: exp of its entropy
        share = learner.uses / learner.uses.sum(1, keepdim=True)
        numbers["used"] = (-torch.special.xlogy(share, share).sum(1)).exp().mean()
        return {name: float(value.detach()) for name, value in numbers.items()}

    looked = held_out.tensor(slice(0, 16))
    average = config.autoencoder().to(where, memory_format=torch.channels_last)

    def sheet() -> Tensor:
        """Held-out pictures, what becomes of them, and the same from their rough strokes alone."""
        model = run.average_of("autoencoder", average)
        codes = model.quantise(model.vectors(looked.to(where)))
        rough = torch.cat([codes[..., :1], torch.full_like(codes[..., 1:], OPEN)], 2)
        return torch.cat([looked, model.decode(codes).cpu(), model.decode(rough).cpu()])

    run.train(step, sheet, warm_up=200, hold=0.5)
    return run


def partly(codes: Tensor, rough: Tensor, source: torch.Generator) -> Tensor:
    """Codes (N, places, depth): of the last pictures only the beginning of the grid, of those before only ``rough``."""
    count, places, _ = codes.shape
    ends, roughs = round(PARTIAL * count), round(ROUGH * count)
    stops = torch.randint(1, places, (ends,), generator=source)
    told = codes.clone()
    told[count - ends - roughs : count - ends] = rough[count - ends - roughs : count - ends]
    for i, stop in enumerate(stops.tolist(), start=count - ends):
        told[i, stop:] = OPEN
    return told


# --- the second half -------------------------------------------------------------------------------------------------


def learn_what_follows(
    model: ImageTokens,
    pictures: datasets.Pictures,
    held_out: datasets.Pictures,
    known: Tensor,
    options: argparse.Namespace,
) -> Run:
    """Train the transformer of ``model``, whose autoencoder stays as it is."""
    where = device()
    vocabulary, network = model.config.vocabulary, model.transformer.to(where)
    model.autoencoder.to(where)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.next_rate, betas=(0.9, 0.98), weight_decay=0.05)
    networks: dict[str, nn.Module] = {"transformer": network}
    run = Run("image_tokens", options.out, networks, {"adamw": optimiser}, options, ("transformer",), decay=0.998)

    def step(source: torch.Generator) -> dict[str, float]:
        x, told = shown(pictures, vocabulary, known, options.batch, source)
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=source)))  # dropout asks the global generator
        with autocast():
            codes = model.encode(moved(x, pictures.data, source)).to(where)
            scores = network(codes[:, :-1], network.asked(told.to(where)))
        loss = F.cross_entropy(scores.flatten(0, 1), codes.flatten())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        size = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        return {"bits": float(loss.detach()) / math.log(2), "gradient": float(size)}

    average = ImageTokens(model.config, model.autoencoder, model.config.transformer().to(where))
    unseen = model.encode(held_out.tensor(slice(0, HELD_OUT))).to(where)
    asked = [conditions.named(vocabulary, row) for row in known[:16]]

    @torch.inference_mode()
    def held_out_bits() -> dict[str, float]:
        """Bits a code takes on held-out pictures of which nothing is told."""
        network: TokenTransformer = run.average_of("transformer", average.transformer)
        nothing = torch.full((len(unseen), len(vocabulary)), conditions.NOT_ASKED, device=where)
        scores = network(unseen[:, :-1], network.asked(nothing))
        return {"held_out_bits": float(F.cross_entropy(scores.flatten(0, 1), unseen.flatten())) / math.log(2)}

    def sheet() -> Tensor:
        """Sixteen pictures of the same seeds: the upper eight unasked, the lower with eight pictures' conditions."""
        run.average_of("transformer", average.transformer)
        labels = [{}] * 8 + (asked[8:16] + [{}] * 8)[:8]
        *_, end = draw(average, range(16), labels)
        return average.decode(end.codes)

    run.train(step, sheet, warm_up=200, hold=0.3, measure=held_out_bits)
    return run


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
