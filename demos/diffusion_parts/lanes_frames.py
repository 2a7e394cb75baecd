"""The frames of part "Lanes": what every pane shows at every place, as a strip, as a GIF and as the last pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos import follow
from demos.common import LIVE
from demos.diffusion_parts.lanes_plan import Pane, panes_of
from demos.diffusion_parts.scene import Scene, Together
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.picture import encode, raw, sheet
from models.diffusion import DenoiseStep

COLUMNS = 20  # tiles in a row of the atlas
BARE = 8  # new tiles up to which they travel as bare pixels


def rms(a: Tensor, b: Tensor) -> float:
    """Root of the mean squared difference of pictures in [-1, 1]."""
    return float((a - b).square().mean().sqrt())


@dataclass(frozen=True)
class Row:
    """The panes of a state, and the steps of its lanes as far as they are known.

    records: (lane, step) in the order in which they were computed. seconds: what that took, all lanes together.
    """

    scene: Scene
    together: Together
    records: Sequence[tuple[int, DenoiseStep]]
    seconds: float = 0.0

    @cached_property
    def panes(self) -> tuple[Pane, ...]:
        """What stands side by side."""
        return panes_of(self.scene.state, self.together)

    @cached_property
    def steps(self) -> list[list[DenoiseStep]]:
        """The steps of each lane."""
        steps: list[list[DenoiseStep]] = [[] for _ in self.together.lanes]
        for lane, step in self.records:
            steps[lane].append(step)
        return steps

    @cached_property
    def lengths(self) -> list[int]:
        """Frames that each pane will have."""
        return [pane.length(self.together.lanes[pane.lane].steps) for pane in self.panes]

    @property
    def places(self) -> int:
        """Places of the scrubber: one for each frame of the longest pane."""
        return max(self.lengths)

    @property
    def calls(self) -> int:
        """Network evaluations of all lanes so far."""
        return sum(steps[-1].nfe for steps in self.steps if steps)

    @cached_property
    def reference(self) -> Pane:
        """The pane that the others are compared with; the first where the chosen one is not there."""
        wanted = self.scene.state["lanes_reference"].upper()
        return next((pane for pane in self.panes if pane.letter == wanted), self.panes[0])

    @cached_property
    def ends(self) -> dict[str, Tensor]:
        """The last frame of every pane of a complete run, {letter: (3, 64, 64)}."""
        return {pane.letter: self.frame(pane, n - 1) for pane, n in zip(self.panes, self.lengths, strict=True)}

    @cached_property
    def distances(self) -> dict[str, float]:
        """How far each pane ends from the reference, {letter: rms}."""
        return {letter: rms(end, self.ends[self.reference.letter]) for letter, end in self.ends.items()}

    def nfe(self, pane: Pane) -> int:
        """Network evaluations that the last frame of a pane took."""
        return pane.nfe(self.steps[pane.lane])

    def frame(self, pane: Pane, j: int) -> Tensor:
        """Frame j of a pane, (3, 64, 64) in [-1, 1]; the one after the last step is the picture."""
        steps = self.steps[pane.lane]
        shown = steps[-1].x_next if j == steps[-1].of else getattr(steps[j], pane.field)
        return shown[0].clamp(-1, 1)

    def note(self, pane: Pane, j: int) -> str:
        """Where frame j of a pane stands."""
        steps = self.steps[pane.lane]
        if j == steps[-1].of:
            return f"{j} step{'' if j == 1 else 's'} · {steps[-1].nfe} calls"
        return f"step {j} of {steps[j].of} · t = {steps[j].timestep}"

    def cost(self, pane: Pane) -> str:
        """What the last frame of a pane cost, and how far it is from the reference."""
        nfe = self.nfe(pane)
        said = [f"{nfe} call{'' if nfe == 1 else 's'}", f"{self.seconds * nfe / self.calls:.1f} s"]
        if pane is not self.reference:
            said.insert(0, f"{self.distances[pane.letter]:.2f} from {self.reference.letter}")
        return " · ".join(words.replace(" ", "\u00a0") for words in said)  # broken between, not within

    def pictures(self) -> list[np.ndarray]:
        """The panes side by side at every place, (64, 64 panes, 3) uint8 each."""
        last = max(1, self.places - 1)
        return [
            sheet(
                torch.stack(
                    [
                        self.frame(pane, (2 * i * (n - 1) + last) // (2 * last))
                        for pane, n in zip(self.panes, self.lengths, strict=True)
                    ]
                ),
                len(self.panes),
            )
            for i in range(self.places)
        ]

    # ---- values of the strip

    def whole(self) -> dict[str, Any]:
        """Every frame of every pane; under the last ones what they cost."""
        tiles, notes = [], []
        for pane, n in zip(self.panes, self.lengths, strict=True):
            tiles += [self.frame(pane, j) for j in range(n)]
            notes.append([*(self.note(pane, j) for j in range(n - 1)), self.cost(pane)])
        return self._about() | {
            "atlas": encode(sheet(torch.stack(tiles), COLUMNS)),
            "columns": COLUMNS,
            "tile": 64,
            "index": round(self.scene.state["lanes_at"] * (self.places - 1)),
            "captions": self._captions(),
            "notes": notes,
            "source": f"{LIVE} in one batch, {self.seconds:.1f} s; the seconds of a lane are its share by network "
            "calls, its distance is the rms of the difference, values from −1 to 1",
        }

    def since(self, have: int) -> dict[str, Any] | None:
        """The frames that came after the first ``have`` records; None where there is none."""
        before = Row(self.scene, self.together, self.records[:have])
        index, count, tiles, notes = [], [], [], []
        for pane in self.panes:
            of = self.together.lanes[pane.lane].steps
            start, end = (pane.there(len(row.steps[pane.lane]), of) for row in (before, self))
            index.append(start)
            count.append(end - start)
            tiles += [self.frame(pane, j) for j in range(start, end)]
            notes.append([self.note(pane, j) for j in range(start, end)])
        if not tiles:
            return None
        columns, about = min(COLUMNS, len(tiles)), self._about()
        picture = sheet(torch.stack(tiles), columns)
        atlas = raw(picture) if len(tiles) <= BARE else encode(picture)
        run = about.pop("run")
        return FrameStrip.append(run, index, self.places, atlas, columns, 64, count, self._captions(), notes, **about)

    def _about(self) -> dict[str, Any]:
        return {
            "run": follow.mark(self.together, *self.panes),
            "panes": [f"{pane.letter} · {pane.words}" for pane in self.panes],
            "lengths": self.lengths,
            "left": f"the same noise, seed {self.scene.seed}",
            "right": "where each ends",
            "source": LIVE,
        }

    def _captions(self) -> list[str]:
        return [f"{100 * i / max(1, self.places - 1):.0f} % of each lane" for i in range(self.places)]
