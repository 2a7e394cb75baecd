"""Photographs on this machine, which do not ship: how one becomes a picture of the training set, and which are kept
out of every training.

A photograph is held out by the hash of its file, so the split survives renaming and further pictures.
"""

import hashlib
import io
import os
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
TEST_SHARE = 0.1


def is_held_out(content: bytes) -> bool:
    """Whether the file with this content belongs to the test split: a tenth of all files."""
    return int.from_bytes(hashlib.sha256(content).digest()[:4], "big") / 2**32 < TEST_SHARE


def read(path: Path, size: int = 64) -> tuple[np.ndarray, bool]:
    """One file as (uint8 (size, size, 3), held out or not): upright, on white, centre-cropped, area-averaged.

    Raises:
        ValueError: naming a file that is not a picture.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            picture = ImageOps.exif_transpose(picture)
            if picture.has_transparency_data:
                layer = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
            picture = picture.convert("RGB")
    except Exception as error:  # Pillow's decoders raise nearly every kind of exception on broken files
        raise ValueError(f"{path} is not a picture that can be read: {error}") from error
    side = min(picture.size)
    if picture.size != (side, side):
        picture = ImageOps.fit(picture, (side, side), Image.Resampling.BOX)
    if side != size:
        # The mean over the area is exact for 128 -> 64; enlarging by it would give blocks.
        picture = picture.resize((size, size), Image.Resampling.BOX if side > size else Image.Resampling.BICUBIC)
    return np.array(picture), is_held_out(content)


def files(folder: Path) -> list[Path]:
    """Every picture in a folder and the folders in it, by name; hidden ones are passed over."""
    return [path for path in sorted(folder.rglob("[!.]*")) if path.suffix.lower() in SUFFIXES and path.is_file()]


def folder() -> Path | None:
    """The folder that the environment variable ``PORTRAITS_DIR`` names, if it is there."""
    named = os.environ.get("PORTRAITS_DIR")
    return Path(named) if named and Path(named).is_dir() else None


@cache
def held_out(folder: Path) -> tuple[Path, ...]:
    """The photographs of a folder that no model learnt from; the files are read once and the list is kept."""
    return tuple(path for path in files(folder) if is_held_out(path.read_bytes()))
