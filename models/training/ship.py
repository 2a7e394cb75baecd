"""Move a finished run's weights into the repository, if they beat what is there.

``python -m models.training.ship runs/vae-toons`` compares the headline number of the run's training.json with that of
the shipped model of the same name and replaces it only when the new one is better; ``--anyway`` replaces regardless
(after a change of architecture, say). ``--small`` stores them with a byte each (:mod:`models.packing`), which the card
then says.
"""

import argparse
import json
import shutil
from pathlib import Path

from models import fetch, packing
from models.training.harness import RecipeError, run_recipe

WEIGHTS = Path(__file__).resolve().parents[2] / "assets" / "weights"
PACKED = "The weights are stored with a byte each, multiples of a scale per row; what stands above was measured before."
LARGEST = 10_000_000  # bytes of one file in the repository


def headline(folder: Path) -> tuple[str, float, bool]:
    """Name and value of the number a model is judged by, and whether higher is better."""
    numbers = json.loads((folder / "training.json").read_text())["metrics"]
    if numbers.get("collapsed"):
        return "modes that are left", numbers["modes"]["samples"], False
    if "frechet_vgg" in numbers:
        return "Frechet distance, VGG features", numbers["frechet_vgg"]["score"], False
    if "bits_per_character" in numbers:
        return "held-out bits per character", numbers["bits_per_character"]["score"], False
    if "elbo" in numbers:
        return "held-out ELBO, nats", numbers["elbo"]["total"], True
    if "labels" in numbers:
        values = [label["balanced_accuracy"] for label in numbers["labels"].values()]
        return "mean held-out balanced accuracy", sum(values) / len(values), True
    raise RecipeError(f"{folder} has no headline number in training.json")


def pack(folder: Path) -> None:
    """Store the weights of a shipped folder with a byte each, and say so on its card."""
    for file in folder.glob("*.safetensors"):
        packing.repack(file)
    card = folder / "README.md"
    if PACKED not in card.read_text():
        card.write_text(f"{card.read_text().rstrip()}\n\n{PACKED}\n")


def ship(run: Path, name: str, anyway: bool = False, small: bool = False) -> bool:
    """Copy ``run``'s weights folder to ``assets/weights/<name>``; returns whether it was better and is there now."""
    source = run / "weights" if (run / "weights").is_dir() else run
    target = WEIGHTS / name
    label, value, higher = headline(source)
    large = [file.name for file in source.rglob("*") if file.stat().st_size >= LARGEST]
    if large:
        raise RecipeError(f"{', '.join(large)} of {source} is larger than {LARGEST // 1_000_000} MB")
    if target.exists():
        if not anyway:
            _, before, _ = headline(target)
            print(f"{label}: {value:g}, shipped {before:g}")
            if value <= before if higher else value >= before:
                print("not better: nothing replaced")
                return False
        shutil.rmtree(target)
    shutil.copytree(source, target)
    for file in target.rglob("*"):
        if file.is_file():
            file.chmod(0o644)  # safetensors writes for the owner's eyes only
    if small:
        pack(target)
    fetch.write_sums()
    print(f"{name}: {label} {value:g} is in {target.relative_to(WEIGHTS.parents[1])}")
    return True


def main(argv: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the --out folder of a recipe")
    parser.add_argument("--name", help="folder name under assets/weights; the run's own name if left out")
    parser.add_argument("--anyway", action="store_true", help="replace even if the headline number is no better")
    parser.add_argument("--small", action="store_true", help="store the weights with a byte each")
    options = parser.parse_args(argv)
    ship(options.run, options.name or options.run.name, options.anyway, options.small)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
