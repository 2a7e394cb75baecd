"""What part "Lanes" says, from what was measured."""

from typing import Any

from demos.common import number, source
from demos.diffusion_parts.lanes_frames import Row, rms
from demos.diffusion_parts.lanes_plan import HALF, LONG, PRESETS
from models import diffusion

SAME = 5e-4  # rms below which two pictures count as the same: less than a tenth of a step of 8 bits


def see(row: Row) -> str:
    """What the lanes of a complete run come to."""
    preset = row.scene.state["lanes_preset"]
    if preset == "stopped":
        return _stopped(row)
    if len(row.panes) == 1:
        return "One lane only: add another one in the drawer to compare them."
    reference = row.reference
    rest = [(row.distances[pane.letter], pane) for pane in row.panes if pane is not reference]
    (near, nearest), (far, farthest) = min(rest, key=lambda pair: pair[0]), max(rest, key=lambda pair: pair[0])
    about = f"{PRESETS[preset].about} " if preset in PRESETS else ""
    if far < SAME:
        why = "" if row.scene.request.labels else " Nothing is asked for, so guidance has nothing to follow."
        return f"{about}From the same noise all lanes end at the same picture.{why}"
    if len(rest) == 1:
        return f"{about}From the same noise {nearest.letter} ends {near:.2f} rms away from {reference.letter}."
    return (
        f"{about}From the same noise, {nearest.letter} ({nearest.words}) ends nearest to {reference.letter}: "
        f"{near:.2f} rms, and {farthest.letter} ({farthest.words}) farthest: {far:.2f}."
    )


def _stopped(row: Row) -> str:
    """What differs between a run stopped half way and one of half as many steps."""
    there = row.steps[0][HALF]
    far = {letter: _to_end(row, letter) for letter in "BCD"}
    snr = f"{there.snr_db:+.0f}".replace("-", "−")
    verdict = "nearer than the guess" if far["D"] < far["C"] else "yet not nearer than the guess"
    return (
        f"Stopping after {HALF} of {LONG} steps is not a run of {HALF} steps. The long run is then at t = "
        f"{there.timestep} (SNR {snr} dB): its xₜ is {far['B']:.2f} rms from where it will end, its guess x̂₀ "
        f"{far['C']:.2f}. The run of {HALF} steps is finished by then and ends {far['D']:.2f} from it, {verdict}."
    )


def _to_end(row: Row, letter: str) -> float:
    """How far a pane ends from pane A, the whole long run, whatever the visitor compares with."""
    return rms(row.ends[letter], row.ends["A"])


def formula(row: Row) -> dict[str, Any]:
    """The distances, the network calls, and what all lanes together took."""
    apart: list[Any] = []
    calls: list[Any] = []
    for pane in row.panes:
        calls += [f"  {pane.letter} ", number(row.nfe(pane), 0)]
        if pane is not row.reference:
            apart += [f"  {pane.letter} ", number(row.distances[pane.letter], 3)]
    noise = row.scene.request.noise()
    lines = [
        ["x_T of all: seed ", {"n": str(row.scene.seed)}, ", ‖x_T‖ = ", number(float(noise.norm()))],
        ["NFE:", *calls],
        ["together: ", number(row.calls, 0), " calls in ", number(row.seconds), " s"],
    ]
    if apart:
        lines.insert(1, [f"rms from {row.reference.letter}:", *apart])
    return {"title": "One noise, several walks", "lines": lines, "code": source(diffusion.denoise_together)}
