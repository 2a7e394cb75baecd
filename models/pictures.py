"""Untrusted bytes become a picture that the models can read.

Three steps, each usable alone: `open_picture` turns the bytes of a file into an RGB array or explains in one
sentence why it cannot; `suggest_crop` finds the square that the portraits' rule would have cut; `apply_crop` cuts it,
small enough for the models. Nothing is written to disk and nothing is remembered between calls.
"""

import contextlib
import functools
import io
import threading
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps

MAX_BYTES = 8 * 2**20
MAX_PIXELS = 60_000_000
LONGEST_SIDE = 1024
SHORTEST_SIDE = 64
NARROWEST = LONGEST_SIDE // SHORTEST_SIDE
PAPER = (244, 243, 240)  # what shows through transparent pixels: a neutral, slightly warm white
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # no format that starts another program

# Where things are in a Haar face box, in units of its width: medians over the portraits.
LEFT_EYE, RIGHT_EYE = np.array([0.30, 0.405]), np.array([0.69, 0.405])
EYES_TO_MOUTH = 0.39
CENTRE_ABOVE_MIDDLE = 0.06
SIDE_OF_FACE = 1.53
BORDER = 1 / 6  # of the longest side, replicated around the picture, so that a face filling it is still found

_detecting = threading.Lock()  # a cv2.CascadeClassifier keeps buffers between calls


@dataclass(frozen=True)
class OpenedPicture:
    """`pixels` (height, width, 3) uint8 RGB, longest side at most 1024; `notes`: sentences on what was changed."""

    pixels: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Crop:
    """A square: its centre `x`, `y` as fractions of width and height, its `side` as a fraction of the shorter side.

    It may reach over the edges of the picture. `method` says how it was found.
    """

    x: float
    y: float
    side: float
    method: str


def open_picture(data: bytes) -> OpenedPicture:
    """Decode an untrusted picture file.

    EXIF rotation is applied; transparency is laid on a neutral white; grey, palette, 16-bit, floating-point and CMYK
    pictures become 8-bit RGB; of an animation or a file with several pages the first picture is taken; the longest
    side is reduced to 1024 pixels, a picture with a shorter side under 64 pixels is enlarged.

    Raises ValueError, with a sentence that can be shown to a visitor, for anything that is empty, over 8 MB, over 60
    megapixels, cut off, damaged or not a picture at all.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError(f"A picture must be given as bytes, not as {type(data).__name__}.")
    if len(data) == 0:
        raise ValueError("The picture file is empty.")
    if len(data) > MAX_BYTES:
        raise ValueError(f"The picture file has {len(data) / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are read.")
    notes: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked here, and damaged metadata is no news to a visitor
            Image.init()  # registers every format, once
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            with image:
                picture = _decode(image, notes)
    except Image.DecompressionBombError as error:
        raise ValueError(f"The picture is too large: at most {MAX_PIXELS // 10**6} megapixels are read.") from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(
            "The file is not a picture that can be read here (JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF), or is damaged."
        ) from error
    except _TooLarge as error:
        raise ValueError(str(error)) from None
    except MemoryError as error:
        raise ValueError("The picture is too large for the memory of this machine.") from error
    except Exception as error:
        # Decoders answer damaged files with OSError, SyntaxError, struct.error, zlib.error, IndexError and more.
        raise ValueError("The picture file is cut off or damaged.") from error
    return OpenedPicture(np.asarray(_fit(picture, notes)).copy(), tuple(notes))


class _TooLarge(Exception):
    pass


def _decode(image: Image.Image, notes: list[str]) -> Image.Image:
    """The first frame as an upright RGB picture, reduced to the longest side while it is still cheap to do so."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _TooLarge(
            f"The picture has {width * height / 1e6:.0f} megapixels; at most {MAX_PIXELS // 10**6} are read."
        )
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        notes.append(f"Only the first of {image.n_frames} pictures in the file was taken.")
    image.draft(image.mode, (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # JPEG: decode at a half, a quarter or an eighth
    image.load()
    orientation = 1
    with contextlib.suppress(Exception):  # unreadable metadata means "not rotated"
        orientation = image.getexif().get(0x0112, 1)
    picture = _eight_bit(image)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
        if picture.getextrema()[3][0] < 255:
            notes.append("Its transparent parts were laid on white.")
        paper = Image.new("RGBA", picture.size, (*PAPER, 255))
        picture = Image.alpha_composite(paper, picture)
    picture = picture.convert("RGB")
    if max(picture.size) > NARROWEST * min(picture.size):
        notes.append(f"It is so narrow ({width}x{height} pixels) that only its middle was taken.")
        sides = [min(side, NARROWEST * min(picture.size)) for side in picture.size]
        picture = ImageOps.fit(picture, sides, Image.Resampling.BOX)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.info["exif"] = exif.tobytes()
        picture = ImageOps.exif_transpose(picture)
    return picture


def _eight_bit(image: Image.Image) -> Image.Image:
    """A picture with 16, 32 or floating-point bits per pixel brought to 8-bit grey; any other as it is."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and values.min() >= 0 and 255 < values.max() < 65536):
        return Image.fromarray((values // 257).astype(np.uint8))
    if image.mode == "I" and values.min() >= 0 and values.max() < 256:
        return Image.fromarray(values.astype(np.uint8))
    values = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    return Image.fromarray(((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8))


def _fit(picture: Image.Image, notes: list[str]) -> Image.Image:
    """Enlarge a picture whose shorter side has fewer pixels than the models read."""
    width, height = picture.size
    if min(width, height) >= SHORTEST_SIDE:
        return picture
    factor = SHORTEST_SIDE / min(width, height)
    notes.append(f"It has only {width}x{height} pixels and was enlarged.")
    size = (max(SHORTEST_SIDE, round(width * factor)), max(SHORTEST_SIDE, round(height * factor)))
    return picture.resize(size, Image.Resampling.BICUBIC)


@functools.cache
def _cascade(name: str):
    import cv2

    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}.xml")


def suggest_crop(pixels: np.ndarray) -> Crop:
    """The square that the portraits' crop rule would cut out of a picture, as far as it can be found.

    The rule: upright; centre = eye midpoint + 0.1 (mouth - eyes); half side = max(2.0 x eye distance,
    1.8 x eyes-to-mouth). Haar cascades (Viola & Jones 2001, as shipped with OpenCV) give the face box and the eyes but
    no mouth: **eyes-to-mouth is estimated as 0.39 of the width of the face box, straight below the eyes**. That is the
    eye distance of a face seen from the front, and it does not shrink when the head is turned. Where the box holds no
    two plausible eyes (about 0.39 of its width apart, level, in its upper half) the crop comes from the box alone;
    where no face is found it is the largest square in the middle.
    """
    pixels = _checked(pixels)
    import cv2

    height, width = pixels.shape[:2]
    scale = 512 / max(height, width)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    border = int(512 * BORDER)
    grey = cv2.copyMakeBorder(grey, border, border, border, border, cv2.BORDER_REPLICATE)
    with _detecting:
        faces = _cascade("frontalface_alt2").detectMultiScale(grey, 1.1, 4, minSize=(48, 48))
        faces = sorted((np.array(face, dtype=float) for face in faces), key=lambda face: -face[2])
        eyes = None
        for face in faces[:4]:
            eyes = _eyes(grey, face)
            if eyes is not None:
                break
    if not faces:
        return Crop(0.5, 0.5, 1.0, "centre crop")
    if eyes is not None:
        left, right = eyes
        below = EYES_TO_MOUTH * face[2]
        centre = (left + right) / 2 + np.array([0.0, 0.1 * below])
        half = max(2.0 * float(np.linalg.norm(right - left)), 1.8 * below)
        method = "face and eyes found (Haar cascades)"
    else:
        face = faces[0]
        centre = face[:2] + face[2:] / 2 - np.array([0.0, CENTRE_ABOVE_MIDDLE * face[2]])
        half = SIDE_OF_FACE * face[2] / 2
        method = "face found, eyes not (Haar cascade)"
    x, y = np.clip((centre - border) / scale / np.array([width, height]), 0.0, 1.0)
    return Crop(float(x), float(y), float(2 * half / scale / min(width, height)), method)


def _eyes(grey: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The most plausible pair of eyes in a face box (x, y, width, height): two points (x, y), or None."""
    import cv2

    x, y, side = (int(value) for value in face[:3])
    upper = cv2.resize(grey[y : y + int(0.6 * side), x : x + side], (200, 120), interpolation=cv2.INTER_AREA)
    found = []
    for name in ("eye_tree_eyeglasses", "eye"):
        boxes = _cascade(name).detectMultiScale(upper, 1.05, 3, minSize=(25, 25), maxSize=(80, 80))
        found += [np.array([left + wide / 2, top + high / 2]) / 200 for left, top, wide, high in boxes]
    best, least = None, 0.012  # mean squared offset of the two eyes from where they usually are, in face widths
    for left in found:
        for right in found:
            apart = right - left
            if not (0.25 < apart[0] < 0.55 and abs(apart[1]) < 0.3 * apart[0]):
                continue
            offset = (np.sum((left - LEFT_EYE) ** 2) + np.sum((right - RIGHT_EYE) ** 2)) / 2
            if offset < least:
                best, least = (face[:2] + left * face[2], face[:2] + right * face[2]), offset
    return best


def crop_for(pixels: np.ndarray) -> Crop:
    """The whole of a small square (at most 128 pixels: it was cropped before), else :func:`suggest_crop`."""
    height, width = pixels.shape[:2]
    if height == width and height <= 128:
        return Crop(0.5, 0.5, 1.0, "the whole square")
    return suggest_crop(pixels)


def apply_crop(pixels: np.ndarray, crop: Crop, size: int = 64) -> torch.Tensor:
    """Cut the square and reduce it: float32 tensor (3, size, size) in [-1, 1].

    Where the square leaves the picture, its edge pixels are repeated. A square with more pixels than `size` goes
    through twice the size (Lanczos) and a 2x2 mean, which is how the pictures of the training sets were made.
    Raises ValueError for a crop that is not finite, centred outside the picture, or not 0.01 to 8 shorter sides wide.
    """
    pixels = _checked(pixels)
    height, width = pixels.shape[:2]
    x, y, side = float(crop.x), float(crop.y), float(crop.side)
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"The crop's centre must lie in the picture (0 to 1 both ways), not at {x:.4g}, {y:.4g}.")
    if not 0.01 <= side <= 8:
        raise ValueError(f"The crop's side must be 0.01 to 8 times the shorter side of the picture, not {side:.4g}.")
    half = side * min(width, height) / 2
    left, top = x * width - half, y * height - half
    # Whole pixels around the square; an index beyond the edge is clipped to it, which repeats the edge.
    first_column, first_row = int(np.floor(left)), int(np.floor(top))
    count = int(np.ceil(2 * half)) + 2
    columns = np.clip(np.arange(first_column, first_column + count), 0, width - 1)
    rows = np.clip(np.arange(first_row, first_row + count), 0, height - 1)
    window = Image.fromarray(np.ascontiguousarray(pixels[rows][:, columns]))
    box = (left - first_column, top - first_row, left - first_column + 2 * half, top - first_row + 2 * half)
    sharp = size if 2 * half <= size else 2 * size
    small = window.resize((sharp, sharp), Image.Resampling.LANCZOS, box=box)
    if sharp != size:
        small = small.reduce(2)
    small = np.array(small)
    return torch.from_numpy(small).permute(2, 0, 1).to(torch.float32).contiguous() / 127.5 - 1


def _checked(pixels: np.ndarray) -> np.ndarray:
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise ValueError(f"pixels must be (height, width, 3) uint8, not {pixels.shape} {pixels.dtype}")
    return pixels
