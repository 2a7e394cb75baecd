"""The two sets of pictures that every image model learns from, at one size, with one fixed split.

``toons`` are the drawings of :mod:`models.training.toons` (folder ``data/toons``), whose factors are known exactly.
``portraits`` are photographs of your own: an ImageFolder, that is any folder of pictures, with a ``metadata.csv``
(``file_name`` first, then columns of labels) where there are labels. Any other name is taken for the path of such a
folder. Photographs should be upright faces cropped as squares: centre = eye midpoint + 0.1 (mouth - eye midpoint),
half side = max(2.0 x distance of the eyes, 1.8 x distance from eyes to mouth).

Pictures are decoded once and kept as plain arrays in ``data/cache``; the file's name is a hash of the names, sizes and
times of the pictures, so a changed folder is read again.
"""

import csv
import hashlib
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from models import photographs

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "data" / "cache"
SPLITS = ("train", "test")

_YES_NO = {"0": 0, "1": 1}
# Column -> (names of the values, what is written in the table -> position of the value). What is not listed is unknown:
# red hair is too rare to learn (under 60 pictures), and stubble joins the beards for the same reason.
PORTRAIT_LABELS: dict[str, tuple[list[str], dict[str, int]]] = {
    "smile": (["none", "closed", "teeth"], {"0": 0, "1": 1, "2": 2}),
    "eyeglasses": (["no", "yes"], _YES_NO),
    "facial_hair": (["no", "yes"], {"0": 0, "1": 1, "2": 1}),
    "hair_length": (["bald", "short", "medium", "long"], {"0": 0, "1": 1, "2": 2, "3": 3}),
    "hair_color": (
        ["dark", "brown", "blond", "grey", "white"],
        {"dark": 0, "brown": 1, "blond": 2, "grey": 3, "white": 4},
    ),
    "apparent_age": (["under 35", "35 to 49", "50 to 64", "65 or more"], {"0": 0, "1": 1, "2": 2, "3": 3}),
}
HAIR_LABELS = ("hair_length", "hair_color")
PORTRAIT_MEASURES = ("mouth_width", "mouth_open", "yaw", "pitch", "background_r", "background_g", "background_b")


class DataMissing(ValueError):
    """The folder of a set is not there; the message says how to get one."""


@dataclass(frozen=True)
class Pictures:
    """One split of one set.

    ``images`` uint8 (N, size, size, 3); ``indices`` int64 (N,), each picture's row in the set's table;
    ``labels`` name -> int64 (N,), positions in ``values[name]``, -1 where unknown; ``measures`` name -> float32 (N,),
    NaN where unknown.
    """

    data: str
    split: str
    images: np.ndarray
    indices: np.ndarray
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    measures: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def tensor(self, indices: Sequence[int] | np.ndarray | slice) -> torch.Tensor:
        """The pictures at these positions of this split as float32 (n, 3, size, size) in [-1, 1]."""
        if not isinstance(indices, slice):
            indices = np.asarray(indices, dtype=np.int64)
        chosen = np.ascontiguousarray(self.images[indices].transpose(0, 3, 1, 2))
        return torch.from_numpy(chosen).float().div_(127.5).sub_(1.0)

    def data_hash(self) -> str:
        """SHA-256 of pixels, rows, labels and measures: two equal hashes are the same training data."""
        digest = hashlib.sha256(f"{self.images.shape}".encode())
        digest.update(np.ascontiguousarray(self.images))
        digest.update(np.ascontiguousarray(self.indices))
        for table in (self.labels, self.measures):
            for name in sorted(table):
                digest.update(f"{name}:{self.values.get(name)}".encode())
                digest.update(np.ascontiguousarray(table[name]))
        return digest.hexdigest()


def load(data: str, folder: str | Path | None = None, size: int = 64, split: str = "train") -> Pictures:
    """One split ("train" or "test") of "toons", "portraits" or the folder of pictures that ``data`` is the path of.

    ``folder`` replaces ``data/toons`` for toons and the environment variable ``PORTRAITS_DIR`` for portraits.
    Raises DataMissing (a ValueError) without a folder, and ValueError naming the file where one is broken.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it is one of {', '.join(SPLITS)}")
    if not 8 <= size <= 1024:
        raise ValueError(f"size is {size}; it is 8 to 1024 pixels")
    if data == "toons":
        return _toons(Path(folder) if folder else ROOT / "data" / "toons", size, split)
    if data == "portraits":
        place = folder or os.environ.get("PORTRAITS_DIR")
        if not place:
            raise DataMissing(_how_to_get_portraits("no folder of portraits is given"))
        return _photographs(data, Path(place), size, split)
    return _photographs(Path(data).name, Path(folder or data), size, split)


def _how_to_get_portraits(problem: str) -> str:
    return (
        f"{problem}. Give a folder of aligned, square face pictures with --data path/to/folder or in the environment "
        "variable PORTRAITS_DIR; a metadata.csv with labels is optional. Free ones: the official portraits of the UK "
        "Parliament (members.parliament.uk, CC BY 3.0) and of the US Congress (bioguide.congress.gov, public domain). "
        "How to crop them is written at the top of models/training/data.py."
    )


def _toons(folder: Path, size: int, split: str) -> Pictures:
    if not folder.is_dir():
        raise DataMissing(f"there are no toons in {folder}. Render them with: make toons (needs Node 18 or newer, npm)")
    if not (folder / "manifest.json").is_file():
        raise ValueError(f"{folder / 'manifest.json'} is missing: the toons are not complete. Run make toons again")
    try:
        values = json.loads((folder / "manifest.json").read_text())["values"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / 'manifest.json'} cannot be read ({error}). Run make toons again") from error
    rows = _table(folder / "factors.csv", ["index", "split", *values])
    for line, row in enumerate(rows, start=2):
        if row["index"] != str(line - 2) or row["split"] not in SPLITS or any(row[k] not in values[k] for k in values):
            raise ValueError(
                f"{folder / 'factors.csv'}, line {line}: unknown index, split or value. Run make toons again"
            )
    images, _ = _decode([folder / "images" / f"{i:05d}.png" for i in range(len(rows))], size)
    chosen = np.flatnonzero([row["split"] == split for row in rows])
    labels = {}
    for name, names in values.items():
        labels[name] = np.array([names.index(rows[i][name]) for i in chosen], dtype=np.int64)
    return Pictures("toons", split, images[chosen], chosen.astype(np.int64), labels, values)


def _photographs(name: str, folder: Path, size: int, split: str) -> Pictures:
    if not folder.is_dir():
        raise DataMissing(_how_to_get_portraits(f"there is no folder {folder}"))
    rows: list[dict[str, str]] = []
    if (folder / "metadata.csv").is_file():
        rows = _table(folder / "metadata.csv", ["file_name"])
        files = [folder / row["file_name"] for row in rows]
    else:
        files = photographs.files(folder)
    if not files:
        raise ValueError(f"{folder} holds no pictures ({', '.join(sorted(photographs.SUFFIXES))})")
    images, in_test = _decode(files, size)
    chosen = np.flatnonzero(in_test == (split == "test"))
    labels: dict[str, np.ndarray] = {}
    values: dict[str, list[str]] = {}
    measures: dict[str, np.ndarray] = {}
    if rows:
        hidden = np.array([row.get("headwear") == "1" for row in rows])
        for column, (names, meaning) in PORTRAIT_LABELS.items():
            if column in rows[0]:
                found = np.array([meaning.get(row[column], -1) for row in rows], dtype=np.int64)
                if column in HAIR_LABELS:
                    found[hidden] = -1
                labels[column] = found[chosen]
                values[column] = list(names)
        for column in PORTRAIT_MEASURES:
            if column in rows[0]:
                measures[column] = np.array([_number(rows[i][column]) for i in chosen], dtype=np.float32)
    return Pictures(name, split, images[chosen], chosen.astype(np.int64), labels, values, measures)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table, each with these columns at least; ValueError names the file and the line."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            header = reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    missing = [column for column in columns if column not in header]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}")
    for line, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{path}, line {line}: {len(header)} values are expected")
    if not rows:
        raise ValueError(f"{path} has no rows")
    return rows


def _decode(files: list[Path], size: int) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 (N, size, size, 3), bool (N,): held out by the hash of the file's bytes), from the cache where it can."""
    listing = hashlib.sha256(f"1 {size}".encode())
    for path in files:
        try:
            facts = path.stat()
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from error
        listing.update(f"\n{path.resolve()} {facts.st_size} {facts.st_mtime_ns}".encode())
    cached = CACHE / f"{listing.hexdigest()[:32]}.npz"
    if cached.is_file():
        try:
            with np.load(cached, allow_pickle=False) as arrays:
                return arrays["images"], arrays["in_test"]
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            cached.unlink(missing_ok=True)  # a damaged cache is only worth reading the pictures once more
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda path: photographs.read(path, size), files))
    images = np.stack([image for image, _ in answers])
    in_test = np.array([held for _, held in answers])
    _keep(cached, lambda file: np.savez(file, images=images, in_test=in_test))
    return images, in_test


def _keep(path: Path, write: Callable) -> None:
    """Writes a cache file completely or not at all; a full or read-only disk costs only the next start some time."""
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            write(file)
        part.replace(path)
    except OSError:
        if part is not None:
            part.unlink(missing_ok=True)
