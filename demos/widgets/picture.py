"""Pictures on their way to and from the page: data URIs of their own size; the browser enlarges them."""

import base64
import binascii
import io
import re
from typing import Any

import numpy as np
from PIL import Image

LIMIT_BYTES = 8 * 2**20
SCALE_LIMIT = 16.0  # floats are in [-1, 1]; a network may overshoot a little, never this much
FORMATS = ("jpeg", "png", "webp")
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*);base64,", re.ASCII)


def to_uint8(picture: Any) -> np.ndarray:
    """One picture as (H, W, 3) uint8.

    picture: an array or tensor, either (H, W, 3) uint8, or floats in [-1, 1] of shape (3, H, W) or (H, W, 3) (channels
    first when both fit). Floats are clipped to [-1, 1]. Raises ValueError for another shape or type, for NaN or
    infinity, and for floats that are plainly on another scale.
    """
    array = _array(picture)
    if array.ndim != 3 or array.size == 0 or 3 not in (array.shape[0], array.shape[2]):
        raise ValueError(f"a picture has the shape (H, W, 3) or (3, H, W), not {array.shape}")
    if array.dtype == np.uint8:
        if array.shape[2] != 3:
            raise ValueError(f"a picture of uint8 has the shape (H, W, 3), not {array.shape}")
        return np.ascontiguousarray(array)
    array = _unit_to_uint8(array)
    return np.ascontiguousarray(array.transpose(1, 2, 0) if array.shape[0] == 3 else array)


def encode(picture: Any, format: str = "jpeg", quality: int = 92) -> str:
    """One picture as a data URI of its own size.

    picture: what `to_uint8` takes. format: "jpeg" (full colour resolution, about 1 ms), "png" (exact) or "webp".
    quality: 1 to 100, for JPEG and WebP. Raises ValueError for a bad picture, format or quality.
    """
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}, not {format!r}")
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise ValueError(f"quality is a whole number from 1 to 100, not {quality!r}")
    settings: dict[str, Any] = {
        # 4:4:4: a 64-pixel face has no colour resolution to give away
        "jpeg": {"quality": quality, "subsampling": 0},
        "png": {"compress_level": 6},
        "webp": {"quality": quality, "method": 4},
    }[format]
    buffer = io.BytesIO()
    Image.fromarray(to_uint8(picture)).save(buffer, format, **settings)
    return f"data:image/{format};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def raw(picture: Any) -> str:
    """One small picture as a data URI of bare RGB bytes, which only our widgets read: nothing to encode or decode.

    For a 64x64 face under a moving slider: 16 kB instead of 8 as PNG, but drawn in the very next frame, while a browser
    takes some 10 ms to decode even the smallest PNG or JPEG. picture: what `to_uint8` takes.
    """
    array = to_uint8(picture)
    height, width = array.shape[:2]
    return f"data:image/x-rgb;size={width}x{height};base64,{base64.b64encode(array.tobytes()).decode('ascii')}"


def pixels(uri: str) -> np.ndarray:
    """The picture in one of our data URIs, of any of our formats, as (H, W, 3) uint8; ValueError if it is not one."""
    data = decode_uri(uri)
    size = re.match(r"data:image/x-rgb;size=(\d+)x(\d+);", uri)
    if size is None:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    width, height = map(int, size.groups())
    if len(data) != 3 * width * height:
        raise ValueError(f"a raw picture of {width}x{height} has {3 * width * height} bytes, not {len(data)}")
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def sheet(pictures: Any, columns: int) -> np.ndarray:
    """Pictures side by side, row by row, without gaps.

    pictures: (N, 3, H, W) floats in [-1, 1], N at least 1. Returns (ceil(N / columns) * H, columns * W, 3) uint8; cells
    without a picture are black. Raises ValueError for another shape, NaN, or fewer than one column.
    """
    if isinstance(columns, bool) or not isinstance(columns, int) or columns < 1:
        raise ValueError(f"columns is a whole number of at least 1, not {columns!r}")
    array = _array(pictures)
    if array.ndim != 4 or array.shape[1] != 3 or array.size == 0:
        raise ValueError(f"pictures of a sheet have the shape (N, 3, H, W), not {array.shape}")
    count, _, height, width = array.shape
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, 3), np.uint8)
    cells[:count] = _unit_to_uint8(array).transpose(0, 2, 3, 1)
    grid = cells.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(grid.reshape(rows * height, columns * width, 3))


def decode_uri(uri: Any) -> bytes:
    """The bytes in a base64 data URI; what they are is for the caller to find out.

    Raises ValueError for anything else, for broken base64, and for more than 8 MB.
    """
    if not isinstance(uri, str):
        raise ValueError("a picture is sent as a data URI (text that begins with data:image/...;base64,)")
    start = _DATA_URI.match(uri)
    if start is None:
        raise ValueError("that is not a base64 data URI")
    # checked before decoding, so that a huge text costs nothing
    if (len(uri) - start.end()) * 3 // 4 > LIMIT_BYTES + 2:
        raise ValueError("the picture is larger than the limit of 8 MB")
    try:
        data = base64.b64decode(uri[start.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the data URI is damaged: its base64 does not decode") from error
    if not data:
        raise ValueError("the data URI is empty")
    if len(data) > LIMIT_BYTES:
        raise ValueError("the picture is larger than the limit of 8 MB")
    return data


def _array(value: Any) -> np.ndarray:
    """A tensor of any device or an array-like as a NumPy array; torch itself is not needed for that."""
    if hasattr(value, "detach"):
        value = value.detach().float().cpu().numpy() if value.is_floating_point() else value.detach().cpu().numpy()
    return np.asarray(value)


def _unit_to_uint8(array: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1] to 0..255, rounded; refuses what cannot be meant so."""
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"a picture is uint8 or floats in [-1, 1], not {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError("a picture holds NaN or infinity")
    if np.abs(array).max() > SCALE_LIMIT:
        raise ValueError(f"a picture of floats is in [-1, 1]; this one reaches {np.abs(array).max():.0f}")
    return np.rint((np.clip(array, -1, 1) + 1) * 127.5).astype(np.uint8)
