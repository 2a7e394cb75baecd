"""gr.HTML components shared by all tabs; they know no model."""

from .base import Widget, css, head
from .controls import Controls
from .curves import Curves
from .face_sheet import FaceSheet
from .frame_strip import FrameStrip
from .game_board import GameBoard
from .head_grid import HeadGrid
from .intervals import Intervals
from .latent_pad import LatentPad
from .layer_table import LayerTable
from .map_board import MapBoard
from .mask_pad import MaskPad
from .merge_ladder import MergeLadder
from .meter import Meter
from .pair_bars import PairBars
from .patch_board import PatchBoard
from .picture_input import PictureInput
from .point_field import PointField
from .road_tree import RoadTree
from .sampling_board import SamplingBoard
from .table import Table
from .text_strip import TextStrip
from .token_text import TokenText

__all__ = [
    "Controls",
    "Curves",
    "FaceSheet",
    "FrameStrip",
    "GameBoard",
    "HeadGrid",
    "Intervals",
    "LatentPad",
    "LayerTable",
    "MapBoard",
    "MaskPad",
    "MergeLadder",
    "Meter",
    "PairBars",
    "PatchBoard",
    "PictureInput",
    "PointField",
    "RoadTree",
    "SamplingBoard",
    "Table",
    "TextStrip",
    "TokenText",
    "Widget",
    "css",
    "head",
]
