"""gr.HTML components shared by all tabs; they know no model."""

from .base import Widget, css, head
from .controls import Controls
from .face_sheet import FaceSheet
from .frame_strip import FrameStrip
from .intervals import Intervals
from .latent_pad import LatentPad
from .meter import Meter
from .picture_input import PictureInput

__all__ = [
    "Controls",
    "FaceSheet",
    "FrameStrip",
    "Intervals",
    "LatentPad",
    "Meter",
    "PictureInput",
    "Widget",
    "css",
    "head",
]
