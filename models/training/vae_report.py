"""What a trained VAE is worth: measured on held-out pictures, written beside its weights.

``python -m models.training.vae_report --weights assets/weights/vae-toons-beta1`` measures shipped weights again; the
recipe calls :func:`report` at its end.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import directions, metrics, seeding, zoo
from models.attributes import Attributes
from models.training import data as datasets
from models.training.harness import run_recipe, write_card
from models.vae import VAE, Posterior, elbo


@torch.inference_mode()
def encode_all(model: VAE, pictures: datasets.Pictures, batch: int = 250) -> Posterior:
    """q(z|x) of every picture of a split: mean and std (N, L)."""
    parts = [model.encode(pictures.tensor(slice(i, i + batch))) for i in range(0, len(pictures), batch)]
    return Posterior(torch.cat([p.mean for p in parts]), torch.cat([p.std for p in parts]))


def in_batches(function, x: Tensor, batch: int = 250):
    """``function`` over slices of ``x``, answers joined; it may return a tensor or a dictionary of tensors."""
    parts = [function(x[i : i + batch]) for i in range(0, len(x), batch)]
    if isinstance(parts[0], dict):
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return torch.cat(parts)


@torch.inference_mode()
def accuracy(reader: Attributes, x: Tensor, pictures: datasets.Pictures) -> dict[str, float]:
    """Share of pictures ``x`` whose labels the reader reads as they are in ``pictures``, per label."""
    readings = in_batches(reader.read, x)
    answer = {}
    for name, truth in pictures.labels.items():
        if name in readings:
            known = truth >= 0
            answer[name] = round(float((readings[name].argmax(1).numpy() == truth)[known].mean()), 4)
    return answer


@torch.inference_mode()
def measure(model: VAE, data: str, train: datasets.Pictures, test: datasets.Pictures) -> dict:
    """All numbers of the card for one member of the family."""
    x = test.tensor(slice(None))
    learnt, seen = encode_all(model, train), encode_all(model, test)
    reconstruction = in_batches(model.decode, seen.mean)
    errors = (x - reconstruction).square().mean((1, 2, 3)).sqrt().numpy()
    bound = elbo(x, seen, reconstruction, model.config.sigma, model.config.beta)
    active = metrics.active_units(learnt.mean.numpy())
    answer = {
        "training_pictures": len(train),
        "held_out_pictures": len(test),
        "parameters": sum(p.numel() for p in model.parameters()),
        "held_out_error": {
            "unit": "rms per colour value, range [-1, 1]",
            "median": round(float(np.median(errors)), 4),
            "p99": round(float(np.quantile(errors, 0.99)), 4),
        },
        "elbo": {
            "unit": "nats per picture",
            "reconstruction": round(float(bound.reconstruction.mean()), 1),
            "kl": round(float(bound.kl.mean()), 2),
            "total": round(float(bound.total.mean()), 1),
        },
        "kl_per_dimension": [round(float(k), 4) for k in seen.kl().mean(0)],
        "active": [bool(a) for a in active],
        "active_units": int(active.sum()),
        "code_std": round(float(learnt.mean.std()), 4),
    }
    if data in zoo.DATA_SETS:  # another folder of pictures has no attribute network
        reader = zoo.attributes(data)
        prior = model.decode(seeding.normal(0, 1000, (model.config.latent_size,)))
        features = {name: in_batches(reader.features, y).numpy() for name, y in [("real", x), ("prior", prior)]}
        some = in_batches(reader.features, train.tensor(slice(0, len(x)))).numpy()
        answer |= {
            "accuracy_from_reconstructions": accuracy(reader, reconstruction, test),
            "accuracy_from_pictures": accuracy(reader, x, test),
            "frechet_attributes": {
                "what": "Frechet distance of the attribute network's features; not comparable with published FID",
                "prior": round(metrics.frechet_distance(features["prior"], features["real"]), 4),
                "floor": round(metrics.frechet_distance(some, features["real"]), 4),
            },
        }
    if data == "toons":
        codes = seen.mean.numpy()
        gap, parts = metrics.mig(codes, test.labels), metrics.dci(codes, test.labels, samples=2000, trees=24)
        answer["disentanglement"] = {
            "mig": round(gap.score, 4),
            "dci_disentanglement": round(parts.disentanglement, 4),
            "dci_completeness": round(parts.completeness, 4),
            "dci_informativeness": round(parts.informativeness, 4),
        }
    return answer


def learn_directions(model: VAE, data: str, train: datasets.Pictures, test: datasets.Pictures) -> directions.Directions:
    """Labelled directions in this model's code space, with held-out accuracy and leakage."""
    table = directions.columns(train.labels, train.values, train.measures)
    held_out = directions.columns(test.labels, test.values, test.measures)
    codes = encode_all(model, test).mean
    learnt = directions.learn(encode_all(model, train).mean, table, (codes, held_out))
    reader = zoo.attributes(data)
    derived = directions.derive(train.measures)
    matrix = directions.leakage(
        learnt,
        codes[:32],
        model.decode,
        reader.read,
        reader.measure if derived else None,
        {name: float(np.nanstd(values)) for name, values in derived.items()} or None,
    )
    prior = seeding.normal(0, 64, (model.config.latent_size,))
    for name, share in reached(model.decode, prior, reader, learnt).items():
        learnt.facts[name]["reached"] = share
    return directions.Directions(
        learnt.names, learnt.vectors, learnt.means, learnt.stds, facts=learnt.facts, leakage=matrix
    )


@torch.inference_mode()
def reached(
    decode: Callable[[Tensor], Tensor], codes: Tensor, reader: Attributes, learnt: directions.Directions
) -> dict[str, float]:
    """Share of ``codes`` (N, L) that are read as a direction's class (ordered: its highest) once placed at +3 on it.

    A class that lies between others cannot be reached along a straight line: that slider overshoots, and says so.
    """
    answer = {}
    for name in learnt.names:
        label, _, value = name.partition("=")
        if label in reader.config.labels:
            values = reader.config.labels[label]
            wanted = values.index(value) if value else len(values) - 1
            readings = reader.read(decode(learnt.place(codes, name, 3.0)))[label]
            answer[name] = round(float((readings.argmax(1) == wanted).float().mean()), 2)
    return answer


def markdown_table(header: list[str], rows: list[list]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def directions_table(learnt: directions.Directions) -> str:
    """What was measured of every labelled direction, for a card."""
    rows = []
    for name in learnt.names:
        fact, row = learnt.facts[name], learnt.leakage[name]
        own = fact["label"]
        others = sorted(((v, k) for k, v in row.items() if k != own), reverse=True)
        most = f"{others[0][1]} {others[0][0]:.2f}" if others else ""
        scores = ["-" if fact[key] is None else f"{fact[key]:.2f}" for key in ("from_direction", "from_code")]
        score = f"{scores[0]} / {scores[1]} ({fact['score']}, chance {fact['chance']:.2f})"
        arrives = f"{fact['reached']:.0%}" if "reached" in fact else ""
        rows.append([name, score, arrives, f"{row.get(own, float('nan')):.2f}", most])
    return markdown_table(["direction", "held-out score", "reached at +3", "moves itself", "moves most besides"], rows)


def _sections(model: VAE, data: str, numbers: dict, learnt: directions.Directions | None) -> dict[str, str]:
    beta = model.config.beta
    order = sorted(range(len(numbers["active"])), key=lambda i: -numbers["kl_per_dimension"][i])
    kls = ", ".join(f"z{i} {numbers['kl_per_dimension'][i]:.2f}" for i in order if numbers["active"][i])
    bound = numbers["elbo"]
    sections = {
        "Use": "Teaching: drag a latent, encode a picture, blend two faces. "
        "`VAE.load(folder)` of `models/vae.py` reads it; `decode` takes codes of 64 numbers.",
        "Held-out numbers": "\n".join(
            [
                f"- reconstruction error (rms per colour value, range [-1, 1]): "
                f"median {numbers['held_out_error']['median']}, 99 % below {numbers['held_out_error']['p99']}, "
                f"over {numbers['held_out_pictures']} pictures",
                f"- ELBO at the mean of q(z|x): {bound['reconstruction']} - {beta:g} x {bound['kl']} = "
                f"{bound['total']} nats, sigma = {model.config.sigma:g}",
                f"- active units: {numbers['active_units']} of {len(numbers['active'])} (variance of the mean > 0.01)",
            ]
        ),
        "KL per active dimension, nats": kls or "none",
    }
    if "frechet_attributes" in numbers:
        read, ceiling = numbers["accuracy_from_reconstructions"], numbers["accuracy_from_pictures"]
        distance = numbers["frechet_attributes"]
        sections["Samples of the prior"] = (
            f"Frechet distance of 1,000 prior samples in attribute features: {distance['prior']} (real against real: "
            f"{distance['floor']}); not comparable with published FID."
        )
        sections["Labels read back from reconstructions"] = markdown_table(
            ["label", "from reconstructions", "ceiling (from the pictures)"],
            [[name, f"{read[name]:.3f}", f"{ceiling[name]:.3f}"] for name in read],
        )
    if "disentanglement" in numbers:
        sections["Disentanglement against the true factors"] = markdown_table(
            ["score", "value"], [[name, value] for name, value in numbers["disentanglement"].items()]
        )
    if learnt:
        sections["Labelled directions"] = (
            "Held-out score from the position along the direction / from the whole code; what -2 to +2 standard "
            "deviations change in the attribute network's reading of the label itself, and of the other label that "
            "moves most. Reached: prior samples that are read as the class at +3; one between others is overshot.\n\n"
            + directions_table(learnt)
        )
    sections["Limits and bias"] = (
        "The set is narrow: adults in office, older than the population, mostly in suits and studio light. The model "
        "thinks everybody looks so. Faces it makes are nobody's; never present one as a real person. Pictures are "
        "64x64 and softer than photographs."
        if data == "portraits"
        else "It knows one drawing style and nothing else; everything it is shown becomes that style. "
        "Small features (mouth, brows) are the first to blur."
    )
    return sections


def report(folder: Path, data: str, pictures: Path | None = None) -> None:
    """Measure the weights in ``folder``, learn directions if beta = 1, and write training.json and the card."""
    folder = Path(folder)
    model = VAE.load(folder)
    train = datasets.load(data, pictures, split="train")
    test = datasets.load(data, pictures, split="test")
    numbers = measure(model, data, train, test)
    learnt = None
    if model.config.beta == 1.0 and data in zoo.DATA_SETS:
        learnt = learn_directions(model, data, train, test)
        learnt.save(folder)
    record = json.loads((folder / "training.json").read_text())
    record["metrics"] = numbers
    name = data if data in zoo.DATA_SETS else "a folder of pictures"
    kind = "plain autoencoder" if model.config.beta == 0 else f"beta = {model.config.beta:g} VAE"
    start = record.get("started_from", "random weights")
    summary = (
        f"A convolutional {kind} on {name} at 64x64: {numbers['parameters']:,} parameters, 64 latent dimensions, "
        f"p(x|z) = N(decoder(z), {model.config.sigma:g}^2). One of a family of five with the same architecture "
        f"(beta 0, 0.5, 1, 4, 16). Training started from {start}."
    )
    write_card(
        folder,
        f"VAE, {name}, beta {model.config.beta:g}",
        name,
        record,
        summary,
        _sections(model, data, numbers, learnt),
    )


def main(argv: list[str] | None = None) -> None:
    """Measure shipped weights again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="a weights folder of the VAE recipe")
    parser.add_argument("--folder", type=Path, help="where the pictures of the data set are")
    options = parser.parse_args(argv)
    report(options.weights, VAE.load(options.weights).config.data, options.folder)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
