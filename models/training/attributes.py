"""Recipe for the attribute networks: ``python -m models.training.attributes --data toons --minutes 4 --out runs/NAME``.

The loss per picture: the mean over labels of the cross-entropy, and for measures the mean of smooth absolute errors in
standard deviations. Pictures are moved, scaled, blurred, brightened and made noisy, because the network will mostly
read what other networks drew, and they draw blurred.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.attributes import Attributes, AttributesConfig
from models.training import data as datasets
from models.training.harness import Run, arguments, autocast, device, run_recipe, write_card

SMALL = 5000  # a set with fewer pictures needs more restraint
BLUR = 1.0  # pixels: standard deviation of the blur under which accuracy is measured once more


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Pictures (N, C, H, W) blurred by a normal kernel of ``sigma`` pixels, edges repeated."""
    reach = max(1, int(3 * sigma + 0.5))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=x.device) / sigma) ** 2)
    taps = (taps / taps.sum()).view(1, 1, 1, -1).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, reach, reach), mode="replicate"), taps, groups=x.shape[1])
    return F.conv2d(x, taps.transpose(2, 3), groups=x.shape[1])


def augment(
    x: Tensor, measures: Tensor, names: list[str], generator: torch.Generator, flip: bool, light: float
) -> tuple[Tensor, Tensor]:
    """A changed copy of a batch whose labels still hold, and its measures, which follow the change.

    Args:
        x: pictures (N, 3, H, W) in [-1, 1].
        measures: (N, M) in the units of the table; ``yaw`` changes sign when a picture is mirrored and
            ``background_r/g/b`` follow the light.
        names: the M names.
        generator: all randomness comes from it.
        flip: mirror every second picture. Not for drawings: one eye winks and the partings have a side.
        light: largest change of brightness and contrast, as a share.
    """
    count = len(x)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    measures = measures.clone()
    scale, mirrored = uniform(0.92, 1.08), torch.ones(count)
    if flip:
        mirrored = (uniform(0, 1) < 0.5).float() * -2 + 1
        if "yaw" in names:
            measures[:, names.index("yaw")] *= mirrored
    turn = torch.zeros(count, 2, 3)
    turn[:, 0, 0], turn[:, 1, 1] = scale * mirrored, scale
    turn[:, :, 2] = uniform(-0.08, 0.08, 2)
    x = F.grid_sample(x, F.affine_grid(turn, list(x.shape), align_corners=False), "bilinear", "border", False)
    gain, shift = uniform(1 - light, 1 + light, 1), uniform(-light, light, 1)
    x = (x * gain[:, :, None, None] + shift[:, :, None, None]).clamp(-1, 1)
    light_follows = [i for i, name in enumerate(names) if name.startswith("background_")]
    measures[:, light_follows] = (((2 * measures[:, light_follows] - 1) * gain + shift).clamp(-1, 1) + 1) / 2
    third = count // 3  # one third blurred, one third noisy
    x[:third] = gaussian_blur(x[:third], float(torch.rand((), generator=generator)) * 1.6 + 0.2)
    x[-third:] += 0.08 * uniform(0, 1, 1, 1, 1)[-third:] * torch.randn(x[-third:].shape, generator=generator)
    return x, measures


def class_weights(labels: np.ndarray, count: int, power: float) -> Tensor:
    """Weights ~ frequency^-power of ``count`` classes, 1 on average over the known labels; 0 for an absent class."""
    frequency = np.bincount(labels[labels >= 0], minlength=count) / max(1, (labels >= 0).sum())
    weights = np.where(frequency > 0, np.maximum(frequency, 1e-9) ** -power, 0.0)
    return torch.tensor(weights / (weights * frequency).sum(), dtype=torch.float32)


def evaluate(model: Attributes, pictures: datasets.Pictures, blur: float = 0.0) -> dict:
    """Held-out numbers of a network.

    Returns {"labels": {label: accuracy, balanced_accuracy (mean recall), majority (share of the most frequent value),
    pictures (with a known label)}, "measures": {measure: r2 (None where all are the same)}}. ``blur`` softens the
    pictures by that many pixels first.
    """
    logits: dict[str, list[Tensor]] = {name: [] for name in model.config.labels}
    measured = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 256):
            x = pictures.tensor(slice(start, start + 256))
            answers = model.read(gaussian_blur(x, blur) if blur else x)
            for name, probabilities in answers.items():
                logits[name].append(probabilities)
            measured.append(torch.stack(list(model.measure(x).values()), 1) if model.config.measures else None)
    labels = {}
    for name, parts in logits.items():
        known = pictures.labels[name] >= 0
        truth, answer = pictures.labels[name][known], torch.cat(parts).argmax(1).numpy()[known]
        present = np.unique(truth)
        labels[name] = {
            "accuracy": round(float((truth == answer).mean()), 4),
            "balanced_accuracy": round(float(np.mean([(answer[truth == k] == k).mean() for k in present])), 4),
            "majority": round(float(np.bincount(truth).max() / len(truth)), 4),
            "pictures": len(truth),
        }
    measures = {}
    for i, name in enumerate(model.config.measures):
        truth = pictures.measures[name]
        known = ~np.isnan(truth)
        answer = torch.cat(measured)[:, i].numpy()[known]
        spread = float(((truth[known] - truth[known].mean()) ** 2).sum()) if known.any() else 0.0
        r2 = 1 - float(((truth[known] - answer) ** 2).sum()) / spread if spread else None
        measures[name] = {"r2": None if r2 is None else round(r2, 4)}
    return {"labels": labels, "measures": measures}


def origin(options: argparse.Namespace) -> dict | None:
    """What the starting weights had learnt already (steps, images_seen, training_minutes); None for random weights.

    Kept beside the checkpoint, so that a run which is stopped and resumed still knows it.
    """
    found = None
    if options.resume and (options.resume / "state.json").exists():
        if (options.resume / "origin.json").exists():
            found = json.loads((options.resume / "origin.json").read_text())
    elif options.resume:
        record = json.loads((options.resume / "training.json").read_text())
        earlier = record.get("started_from") or {}
        found = {k: record[k] + earlier.get(k, 0) for k in ("steps", "images_seen", "training_minutes")}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "origin.json").write_text(json.dumps(found) + "\n")
    return found


def main(argv: list[str] | None = None) -> None:
    """Train one network and write weights, training.json and the card into ``--out/weights``."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate of AdamW")
    parser.add_argument("--balance", type=float, default=0.5, help="class weights ~ frequency^-balance")
    options = parser.parse_args(argv)

    pictures = datasets.load(options.data, options.folder, split="train")
    held_out = datasets.load(options.data, options.folder, split="test")
    if not pictures.labels:
        raise ValueError(f"{options.data} has no labels: a metadata.csv with label columns is needed")
    small = len(pictures) < SMALL
    scales = {n: (float(np.nanmean(v)), max(float(np.nanstd(v)), 1e-6)) for n, v in pictures.measures.items()}
    config = AttributesConfig(pictures.values, scales, dropout=0.4 if small else 0.0, data=pictures.data)
    where = device()
    torch.manual_seed(options.seed)  # the initial weights and dropout; everything else has its own generators
    model = Attributes(config)
    if options.resume and not (options.resume / "state.json").exists():
        model.load_state_dict(Attributes.load(options.resume).state_dict())
    model = model.to(where, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.1 if small else 0.02)
    started_from = origin(options)
    run = Run("attributes", options.out, {"attributes": model}, {"adam": optimiser}, options, averaged=("attributes",))

    labels = {name: torch.from_numpy(column) for name, column in pictures.labels.items()}
    weights = {
        n: class_weights(c, len(pictures.values[n]), options.balance).to(where) for n, c in pictures.labels.items()
    }
    measure_names = list(scales)
    table = torch.from_numpy(
        np.stack([pictures.measures[n] for n in scales], 1) if scales else np.zeros((len(pictures), 0))
    )
    mean, std = (torch.tensor([s[k] for s in scales.values()]) for k in (0, 1))

    def step(generator: torch.Generator) -> dict[str, float]:
        chosen = torch.randint(len(pictures), (options.batch,), generator=generator)
        x, measured = augment(
            pictures.tensor(chosen.numpy()),
            table[chosen],
            measure_names,
            generator,
            flip=options.data != "toons",
            light=0.15 if small else 0.06,
        )
        with autocast():
            logits, estimate = model(x.to(where).to(memory_format=torch.channels_last))
        losses = []
        for name, answer in logits.items():
            truth = labels[name][chosen].to(where)
            if (truth >= 0).any():
                smoothing = 0.1 if small else 0.0
                losses.append(F.cross_entropy(answer, truth, weights[name], ignore_index=-1, label_smoothing=smoothing))
        loss = torch.stack(losses).mean()
        target = ((measured - mean) / std).to(where)
        known = ~target.isnan()
        off = F.smooth_l1_loss(estimate[known], target[known]) if known.any() else torch.zeros((), device=where)
        optimiser.zero_grad()
        (loss + off).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        return {"labels": loss.item(), "measures": off.item()}

    run.train(step)
    final = run.average_of("attributes", Attributes(config))
    folder = Path(options.out) / "weights"
    final.save(folder)
    final = Attributes.load(folder)  # what is measured is what ships: float16 weights, run as float32
    blurred = evaluate(final, held_out, BLUR)["labels"]
    metrics = evaluate(final, held_out)
    for name, numbers in metrics["labels"].items():
        numbers["accuracy_blurred"] = blurred[name]["accuracy"]
    metrics["parameters"] = sum(p.numel() for p in final.parameters())
    record = run.record(pictures.data, pictures.data_hash(), metrics)
    record["arguments"]["data"] = pictures.data  # its name: the path tells nobody else anything
    record["started_from"] = started_from
    title = f"Attributes of {pictures.data}"
    write_card(folder, title, pictures.data, record, _summary(config, started_from), _sections(record, small))
    print(_tables(metrics))


def _summary(config: AttributesConfig, started_from: dict | None) -> str:
    read = f"{len(config.labels)} labels" + (f" and {len(config.measures)} measures" if config.measures else "")
    start = "random weights"
    if started_from:
        seen, minutes = started_from["images_seen"], started_from["training_minutes"]
        start = f"weights that had seen {seen:,} pictures in {minutes} minutes"
    return (
        f"Reads {read} off a 64x64 picture and gives a feature vector of length {config.features} by which pictures "
        "are compared (neighbours, trust, modes). Its accuracy on held-out pictures is the ceiling for everything "
        f"that is read from generated ones. Training started from {start}."
    )


def _tables(metrics: dict) -> str:
    lines = [
        f"| label | accuracy | balanced | blurred {BLUR:g} px | majority | pictures |",
        "|---|---|---|---|---|---|",
    ]
    for name, m in metrics["labels"].items():
        shares = " | ".join(f"{m[k]:.1%}" for k in ("accuracy", "balanced_accuracy", "accuracy_blurred", "majority"))
        lines.append(f"| {name} | {shares} | {m['pictures']} |")
    if metrics["measures"]:
        lines += ["", "| measure | R² |", "|---|---|"]
        lines += [f"| {n} | {'-' if m['r2'] is None else round(m['r2'], 3)} |" for n, m in metrics["measures"].items()]
    return "\n".join(lines)


def _sections(record: dict, small: bool) -> dict[str, str]:
    limits = "It knows nothing outside its set: any picture gets an answer, however little it looks like a face."
    if small:
        limits += (
            " The set is small, the held-out part smaller: every accuracy is uncertain by some percent. The labels "
            "were given by eye, and describe how somebody looks in one photograph, never who they are."
        )
    return {
        "Held-out accuracy": _tables(record["metrics"])
        + "\n\nBalanced accuracy is the mean recall of the classes; majority is what always answering the most "
        f"frequent value would score; blurred: pictures softened by {BLUR:g} pixel, as generated ones are.",
        "Intended use": "Measuring generated pictures and naming directions in a latent space. Not for judging people.",
        "Limits and bias": limits,
    }


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
