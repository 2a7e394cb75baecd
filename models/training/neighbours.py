"""The training pictures as features and codes, so that the app can say whether a made picture is remembered.

``python -m models.training.neighbours --data toons`` writes ``assets/neighbours/toons``. Nothing is learnt here: the
shipped attribute network and the shipped beta = 0 VAE read the training split once.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from models import metrics, zoo
from models.fetch import NEIGHBOURS, sha256, write_sums
from models.neighbours import FILE, Neighbours
from models.training import data as datasets
from models.training.harness import card_text, run_recipe, write_atomically
from models.training.vae_report import in_batches


def new_pictures(held_out: datasets.Pictures, training: datasets.Pictures) -> np.ndarray:
    """Positions of held-out pictures whose pixels are not those of a training picture, (M,).

    Toons are drawn with independent parts, so one may come up twice; its double is no stranger.
    """
    known = {image.tobytes() for image in training.images}
    return np.array([i for i, image in enumerate(held_out.images) if image.tobytes() not in known], dtype=np.int64)


@torch.inference_mode()
def build(data: str, training: datasets.Pictures, held_out: datasets.Pictures) -> Neighbours:
    """Read both splits of a shipped set with its attribute network and its beta = 0 VAE."""
    reader, model = zoo.attributes(data), zoo.vae(data, 0.0)
    features = in_batches(lambda i: reader.features(training.tensor(i)), np.arange(len(training)))
    codes = in_batches(lambda i: model.encode(training.tensor(i)).mean, np.arange(len(training)))
    strangers = in_batches(lambda i: reader.features(held_out.tensor(i)), new_pictures(held_out, training))
    stored = features.half().float()  # the distances that the file will give
    baseline = metrics.baseline(strangers, stored)
    return Neighbours(features, codes, torch.tensor(baseline, dtype=torch.float32))


def write(folder: Path, data: str, found: Neighbours, data_hash: str) -> None:
    """Write the set, what it was made from (``record.json``) and its card into ``folder``."""
    found.save(folder)
    (folder / FILE).chmod(0o644)  # safetensors writes for the owner's eyes only
    nearest, median = float(found.baseline[0]), float(found.baseline.median())
    record = {
        "recipe": "models/training/neighbours.py",
        "data": data,
        "data_hash": data_hash,
        "pictures": len(found),
        "held_out_pictures": len(found.baseline),
        "nearest_stranger": round(nearest, 4),
        "median_stranger": round(median, 4),
        "features_of": _origin(zoo.WEIGHTS / f"attributes-{data}"),
        "codes_of": _origin(zoo.vae_folder(data, 0.0)),
    }
    made_from = f"`{record['features_of']['model']}` (features) and `{record['codes_of']['model']}` (codes)"
    text = card_text(
        f"Neighbours, {data}",
        data,
        f"The {len(found):,} training pictures of {data} as the app knows them: {found.features.shape[1]} features and "
        f"a code of {found.codes.shape[1]} numbers each, without names, rows or pixels. They answer one question: is a "
        "made picture nearer to something in the training set than any real picture that nobody learnt from?",
        {
            "Use": "`Neighbours.load(folder)` of `models/neighbours.py` reads it; `nearest` finds the training "
            "pictures that resemble a picture most, and the beta = 0 VAE draws them from their codes.",
            "What is inside": f"`{FILE}`: `features` and `codes` (float16), computed with {made_from}, and `baseline`, "
            f"the distances of {len(found.baseline):,} held-out pictures to their nearest training picture: "
            f"{nearest:.3f} at least, {median:.3f} in the middle. Held-out pictures that are pixel for pixel a "
            "training picture are not counted.",
            "Limits": "Alike means alike to the attribute network: it looks at what its labels need and is blind to "
            "the rest. The VAE's drawing of a neighbour is softer than the picture it stands for."
            + (
                " The photographs show real, named office holders and are not shipped; neither are their names."
                if data == "portraits"
                else ""
            ),
            "How it was made": "`python -m models.training.neighbours` reads the training split once; which pictures "
            "and which networks is in `record.json`.",
        },
    )
    write_atomically(folder / "record.json", lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))
    write_atomically(folder / "README.md", lambda path: path.write_text(text))


def _origin(folder: Path) -> dict[str, str]:
    return {"model": folder.name, "sha256": sha256(folder / "model.safetensors")}


def main(argv: list[str] | None = None) -> None:
    """Read the pictures of one set and write ``assets/neighbours/<data>``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=zoo.DATA_SETS, default="toons")
    parser.add_argument("--folder", type=Path, help="where the pictures of --data are")
    options = parser.parse_args(argv)
    training = datasets.load(options.data, options.folder, split="train")
    held_out = datasets.load(options.data, options.folder, split="test")
    found = build(options.data, training, held_out)
    write(NEIGHBOURS / options.data, options.data, found, training.data_hash())
    write_sums(NEIGHBOURS)
    size = (NEIGHBOURS / options.data / FILE).stat().st_size / 1e6
    print(f"{len(found):,} pictures in {size:.1f} MB; nearest stranger at {float(found.baseline[0]):.3f}")


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
