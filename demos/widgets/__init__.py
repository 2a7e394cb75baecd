"""gr.HTML components shared by all tabs; they know no model."""

from .base import Widget, css, head
from .controls import Controls
from .curves import Curves
from .face_sheet import FaceSheet
from .frame_strip import FrameStrip
from .game_board import GameBoard
from .intervals import Intervals
from .latent_pad import LatentPad
from .mask_pad import MaskPad
from .meter import Meter
from .picture_input import PictureInput
from .point_field import PointField

__all__ = [
    "Controls",
    "Curves",
    "FaceSheet",
    "FrameStrip",
    "GameBoard",
    "Intervals",
    "LatentPad",
    "MaskPad",
    "Meter",
    "PictureInput",
    "PointField",
    "Widget",
    "css",
    "head",
]
