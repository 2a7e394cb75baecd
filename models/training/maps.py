"""The maps of latent space: ``python -m models.training.maps --data toons`` writes ``assets/maps/toons``.

Nothing is learnt by a network here. Real pictures are read by the shipped VAE and attribute network, laid out in the
plane by UMAP, t-SNE and PCA, and every layout is measured. Then samples of every generative family that has weights
are put on the layouts, which do not change for them: ``--families diffusion --keep`` adds one later.

The layouts are made from what is stored, not from what was measured before rounding, so that the app, which has only
the stored numbers, finds the same neighbours.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from torch import Tensor

from models import latent_map_umap, zoo
from models.fetch import write_sums
from models.latent_map import REAL, LatentMap, raw_pixels
from models.latent_map_layouts import PERPLEXITY, REPRESENTATIONS, Key, Layout, align, pack, shipped, unpack
from models.latent_map_trust import NEIGHBOURS, distortion, knn
from models.training import data as datasets
from models.training.harness import RecipeError, run_recipe, write_atomically
from models.training.map_card import card
from models.training.map_samples import SEED, Family, families
from models.training.vae_report import in_batches

COUNT, SAMPLES = 6000, 500
SIDE, COLUMNS, QUALITY = 28, 80, 80  # of the atlases
COMPONENTS = 50  # of the pixels
LARGEST = 10_000_000  # bytes of one file


# --- what is mapped --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Real:
    """Real pictures: images uint8 (n, 64, 64, 3), labels {name: (n,)}, values, held_out bool (n,)."""

    images: np.ndarray
    labels: dict[str, np.ndarray]
    values: dict[str, list[str]]
    held_out: np.ndarray

    def tensor(self) -> Tensor:
        """Float32 (n, 3, 64, 64) in [-1, 1]."""
        return torch.from_numpy(self.images.transpose(0, 3, 1, 2).copy()).float().div_(127.5).sub_(1.0)


def gather(splits: Sequence[datasets.Pictures], count: int) -> Real:
    """The first ``count`` pictures of both splits by their place in the set's table.

    Photographs are shuffled besides: their place in the table would tell who they show.
    """
    indices = np.concatenate([split.indices for split in splits])
    order = indices.argsort(kind="stable")[:count]
    if splits[0].data != "toons":
        order = np.random.default_rng(0).permutation(order)
    labels = {name: np.concatenate([split.labels[name] for split in splits])[order] for name in splits[0].labels}
    held_out = np.concatenate([np.full(len(split), split.split == "test") for split in splits])[order]
    return Real(np.concatenate([split.images for split in splits])[order], labels, splits[0].values, held_out)


def represent(data: str, pictures: Tensor) -> dict[str, np.ndarray]:
    """Pictures (N, 3, 64, 64) -> VAE means, features of the attribute network, and raw pixels, float32 (N, D)."""
    vae, reader = zoo.vae(data), zoo.attributes(data)
    with torch.inference_mode():
        latent = in_batches(lambda part: vae.encode(part).mean, pictures)
        features = in_batches(reader.features, pictures)
        pixels = in_batches(lambda part: torch.from_numpy(raw_pixels(part)), pictures)
    return {"latent": latent.numpy(), "features": features.numpy(), "pixels": pixels.numpy()}


def components(pixels: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    """The principal components that pixels (n, 3072) are reduced to, as stored; their share of the variance."""
    mean = pixels.mean(0)
    values, vectors = np.linalg.eigh(np.cov(pixels - mean, rowvar=False))
    kept = min(COMPONENTS, len(pixels) - 1)
    share = float(values[::-1][:kept].sum() / values.sum())
    return {
        "pixels.mean": mean.astype(np.float32),
        "pixels.basis": vectors[:, ::-1][:, :kept].astype(np.float16),
    }, share


def stored(vectors: dict[str, np.ndarray], basis: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is kept of :func:`represent`: one byte for every number, pixels reduced."""
    reduced = (vectors["pixels"] - basis["pixels.mean"]) @ basis["pixels.basis"].astype(np.float32)
    tables = {**vectors, "pixels": reduced}
    return {k: v for name in REPRESENTATIONS for k, v in pack(name, tables[name], np.uint8).items()}


def thumbnails(pictures: Tensor, path: Path) -> None:
    """An atlas of pictures (N, 3, 64, 64), SIDE pixels each, COLUMNS to a row."""
    pixels = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    atlas = Image.new("RGB", (COLUMNS * SIDE, -(-len(pixels) // COLUMNS) * SIDE))
    for i, picture in enumerate(pixels):
        small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        atlas.paste(small, (i % COLUMNS * SIDE, i // COLUMNS * SIDE))
    write_atomically(path, lambda part: atlas.save(part, format="webp", quality=QUALITY, method=6))


# --- layouts ---------------------------------------------------------------------------------------------------------


def lay(key: Key, vectors: np.ndarray, neighbours: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """One layout of vectors (n, D), float32 (n, dimensions), as its method leaves it."""
    if key.method == "umap":
        knobs = (key.n_neighbors, key.min_dist, key.seed, key.dimensions)
        return latent_map_umap.lay(vectors, neighbours, *knobs)
    if key.method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
        return TSNE(key.dimensions, perplexity=perplexity, init="pca", random_state=key.seed).fit_transform(vectors)
    centred = vectors - vectors.mean(0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, : key.dimensions]
    return centred @ directions


def layouts(tables: dict[str, np.ndarray], keys: Sequence[Key]) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Every layout of stored vectors, turned towards the one before it, as stored; and the numbers of each.

    All are turned towards the default of ``latent`` with as many dimensions, and that one towards PCA, so that hardly
    anything jumps when one becomes another.
    """
    arrays: dict[str, np.ndarray] = {}
    entries: list[dict] = []
    reference = {d: lay(Key(method="pca", dimensions=d), unpack("latent", tables), ()) for d in (2, 3)}
    known: dict[str, tuple] = {}
    for key in keys:
        vectors = unpack(key.representation, tables)
        if key.representation not in known:
            most = max(k.n_neighbors for k in keys if k.representation == key.representation)
            known = {key.representation: knn(vectors, most)}
        points = align(lay(key, vectors, known[key.representation]), reference[key.dimensions])
        if key == Key(dimensions=key.dimensions):
            reference[key.dimensions] = points
        arrays |= pack(f"layout.{key.name}", points, np.uint16)
        seen = distortion(vectors, unpack(f"layout.{key.name}", arrays), min(NEIGHBOURS, (len(vectors) - 1) // 2))
        numbers = {"trustworthiness": seen.trust, "continuity": seen.continuity}
        entries.append({"key": asdict(key)} | {name: round(float(v.mean()), 4) for name, v in numbers.items()})
        print("  ".join([key.name, *(f"{name} {entries[-1][name]:.3f}" for name in numbers)]), flush=True)
    return arrays, entries


# --- writing ---------------------------------------------------------------------------------------------------------


def write_real(data: str, real: Real, data_hash: str, out: Path, keys: Sequence[Key]) -> dict:
    """Map real pictures and write them; returns the record, which :func:`write_family` goes on with."""
    pictures = real.tensor()
    vectors = represent(data, pictures)
    basis, share = components(vectors["pixels"])
    tables = stored(vectors, basis) | basis | {"held_out": real.held_out.astype(np.uint8)}
    tables |= {f"label.{name}": values.astype(np.int8) for name, values in real.labels.items()}
    arrays, entries = layouts(tables, [key for key in keys if key.n_neighbors < len(pictures)])
    write_arrays(out / f"{REAL}.safetensors", tables | arrays)
    ours = data == "toons"
    if not ours:  # photographs do not ship; what the VAE draws of their codes does
        with torch.inference_mode():
            pictures = in_batches(zoo.vae(data).decode, torch.from_numpy(unpack("latent", tables)))
    thumbnails(pictures, out / f"{REAL}.webp")
    title = "real drawings" if ours else "real photographs"
    record = {
        "recipe": "models/training/maps.py",
        "data": data,
        "data_hash": data_hash,
        "representations": list(REPRESENTATIONS),
        "pixel_variance_kept": round(share, 4),
        "neighbours_compared": NEIGHBOURS,
        "umap_learn": version("umap-learn"),
        "values": real.values,
        "sources": [_source(REAL, title, len(pictures), "" if ours else "the VAE's drawing of each photograph's code")],
        "layouts": entries,
        "families": {},
    }
    _write_record(out, record)
    return record


def write_family(data: str, name: str, family: Family, samples: int, out: Path, record: dict) -> dict:
    """Draw samples of a family, put them on every layout in ``out``, write them; the record with this family."""
    print(f"{family.title}: {samples} samples", flush=True)
    pictures = family.draw(samples)
    sources = [source for source in record["sources"] if source["name"] != name]
    atlas = LatentMap.load(out, families=False)
    basis = load_file(out / f"{REAL}.safetensors")
    tables = stored(represent(data, pictures), basis)
    with torch.inference_mode():
        readings = in_batches(zoo.attributes(data).read, pictures)
    for label in record["values"]:
        found = readings[label].argmax(1).numpy() if label in readings else np.full(len(pictures), -1)
        tables[f"label.{label}"] = found.astype(np.int8)
    for layout in atlas.layouts.values():
        tables |= pack(*_placed(atlas, layout, tables), np.uint16)
    write_arrays(out / f"{name}.safetensors", tables)
    thumbnails(pictures, out / f"{name}.webp")
    return record | {"sources": [*sources, _source(name, family.title, len(pictures), "")]}


def _placed(atlas: LatentMap, layout: Layout, tables: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    name = f"layout.{layout.key.name}"
    return name, atlas.put(unpack(layout.key.representation, tables), layout)


def finish(out: Path, record: dict) -> dict:
    """Count what every family visits, write the record and the card; returns the finished record."""
    record = record | {"samples_seed": SEED}
    _write_record(out, record)
    atlas = LatentMap.load(out)
    numbers = {}
    for source in atlas.sources:
        numbers[source.name] = {}
        for representation in ("features", "latent"):
            visit = atlas.visit(source.name, representation)
            shares = {name: getattr(visit, name) for name in ("precision", "recall", "never_visited")}
            numbers[source.name][representation] = {name: round(share, 4) for name, share in shares.items()}
    found = atlas.survival()
    survived = {"kept": round(float(found.kept.mean()), 4), "always": round(float(found.always.mean()), 4)}
    record = record | {"families": numbers, "survival": survived}
    _write_record(out, record)
    write_atomically(out / "README.md", lambda path: path.write_text(card(record)))
    return record


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a .safetensors file that everybody may read; RecipeError if it is larger than a file may be here."""
    size = sum(array.nbytes for array in arrays.values())
    if size > LARGEST:
        raise RecipeError(f"{path.name} would have {size / 1e6:.1f} MB, more than {LARGEST // 1_000_000}")
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, lambda part: save_file(arrays, part))
    path.chmod(0o644)  # safetensors writes for the owner's eyes only


def _write_record(out: Path, record: dict) -> None:
    write_atomically(out / "map.json", lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))


def _source(name: str, title: str, count: int, drawn_by: str) -> dict:
    return {"name": name, "title": title, "count": count, "columns": COLUMNS, "side": SIDE, "drawn_by": drawn_by}


def main(argv: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=zoo.DATA_SETS, default="toons")
    parser.add_argument("--folder", type=Path, help="where the pictures of --data are")
    parser.add_argument("--out", type=Path, help="where to write; assets/maps/DATA if left out")
    parser.add_argument("--count", type=int, default=COUNT, help="real pictures, at most")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of every family")
    parser.add_argument("--families", help="only these, with commas between; all that have weights if left out")
    parser.add_argument("--keep", action="store_true", help="keep the layouts and other families that are in --out")
    parser.add_argument("--few", action="store_true", help="only the default layouts, for a trial")
    options = parser.parse_args(argv)
    out = options.out or zoo.map_folder(options.data)
    there = families(options.data)
    named = options.families.split(",") if options.families else list(there)
    unknown = [name for name in named if name not in there]
    if unknown:
        raise RecipeError(f"no weights for {', '.join(unknown)}; there are {', '.join(there)}")
    if options.keep:
        record = json.loads((out / "map.json").read_text())
    else:
        splits = [datasets.load(options.data, options.folder, split=split) for split in datasets.SPLITS]
        keys = [key for representation in REPRESENTATIONS for key in shipped(representation)]
        if options.few:
            keys = [key for key in keys if replace(key, seed=0) == Key(key.representation, key.method)]
        real = gather(splits, options.count)
        print(f"{len(real.images):,} real pictures, {len(keys)} layouts", flush=True)
        record = write_real(options.data, real, splits[0].data_hash(), out, keys)
    for name in named:
        record = write_family(options.data, name, there[name], options.samples, out, record)
    record = finish(out, record)
    if out == zoo.map_folder(options.data):
        write_sums(out.parent)
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    print(f"{len(record['layouts'])} layouts of {sum(s['count'] for s in record['sources']):,} points in {size:.1f} MB")


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
