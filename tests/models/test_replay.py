"""The replay of a training that was taken up again: one story from the first noise on."""

import json

import numpy as np
import pytest
from PIL import Image

from models.training import samples
from models.training.harness import REPLAY_MOMENTS

SIDE = 8


def packed(folder, count: int, images: int, shade: int):
    """A replay of ``count`` moments in grey, moment i of brightness shade + i."""
    folder.mkdir()
    squares = [np.full((SIDE, SIDE, 3), shade + i, np.uint8) for i in range(count)]
    moments = [{"step": i, "images_seen": round(images * (i / (count - 1)) ** 2)} for i in range(count)]
    samples._write_replay(folder, squares, moments)
    return folder


@pytest.mark.parametrize(("first", "second"), [(100_000, 50_000), (1_000, 900_000), (500_000, 400)])
def test_a_continued_run_shows_its_whole_history_in_24_moments(tmp_path, first, second):
    before, after = packed(tmp_path / "a", 24, first, 0), packed(tmp_path / "b", 24, second, 100)
    samples.prepend_replay(after, before)
    moments = json.loads((after / "replay.json").read_text())
    seen = [moment["images_seen"] for moment in moments]
    assert len(moments) == REPLAY_MOMENTS
    assert seen[0] == 0 and seen[-1] == first + second
    assert seen == sorted(seen)
    assert moments[-1]["step"] == 23 + 23
    with Image.open(after / "replay.webp") as atlas:
        assert atlas.size == (samples.REPLAY_COLUMNS * SIDE, 4 * SIDE)
        shades = [atlas.convert("RGB").getpixel((SIDE // 2 + SIDE * (i % 6), SIDE // 2 + SIDE * (i // 6)))[0]
                  for i in range(REPLAY_MOMENTS)]  # fmt: skip
    # the picture of a moment stays with its numbers: dark ones are of the first run, and only those
    assert [shade > 60 for shade in shades] == [
        moment["images_seen"] > first or moment["step"] > 23 for moment in moments
    ]


def test_without_an_earlier_replay_nothing_changes(tmp_path):
    after = packed(tmp_path / "b", 5, 1000, 0)
    words = (after / "replay.json").read_text()
    samples.prepend_replay(after, tmp_path)
    assert (after / "replay.json").read_text() == words
