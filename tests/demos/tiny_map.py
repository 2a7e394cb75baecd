"""A map of 160 invented drawings with two families, every layout of which is a plain projection: there in a moment."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from demos import latent_map as tab
from demos.engine import Engine
from demos.latent_map_parts import background, fits, knobs_live, roads
from models import attributes, zoo
from models.latent_map import LatentMap
from models.latent_map_layouts import REPRESENTATIONS, Key, pack, shipped
from models.latent_map_records import Source
from models.latent_map_trust import distortion
from models.latent_map_warmth import WARMTH
from tests.demos.driver import Driver, end

COUNT, SAMPLES = 160, 60
SIDES = {"latent": 64, "features": 128, "pixels": 20}
SIDE, COLUMNS = 4, 20


def labels(data: str) -> dict[str, list[str]]:
    """Three of the set's labels and their values."""
    return dict(list(attributes.names(data).items())[:3])


@cache
def _vectors(representation: str) -> np.ndarray:
    """Four clouds of real pictures, samples like the real ones, and samples of the first cloud alone."""
    numbers = np.random.default_rng(REPRESENTATIONS.index(representation))
    size = SIDES[representation]
    middles = 3 * numbers.standard_normal((4, size))
    cloud = np.concatenate([np.arange(COUNT) % 4, np.arange(SAMPLES) % 4, np.zeros(SAMPLES, int)])
    return (0.3 * (middles[cloud] + numbers.standard_normal((len(cloud), size)))).astype(np.float32)


def _layout(key: Key) -> np.ndarray:
    """A projection of the vectors: of its own for every key, and the more crooked the fewer n_neighbors there are."""
    numbers = np.random.default_rng([len(key.name), key.n_neighbors, round(10 * key.min_dist), key.seed])
    vectors = _vectors(key.representation)
    turn = numbers.standard_normal((vectors.shape[1], key.dimensions))
    places = vectors @ turn + numbers.standard_normal((len(vectors), key.dimensions)) * 5 / key.n_neighbors
    return (places - places[:COUNT].mean(0)).astype(np.float32)


def make(data: str, folder: Path) -> LatentMap:
    """The map of a set; its thumbnails are written into ``folder``."""
    keys = [key for representation in REPRESENTATIONS for key in shipped(representation)]
    names = labels(data)
    sizes = {"real": COUNT, "gan": SAMPLES, "gan-collapsed": SAMPLES}
    titles = {"real": "real drawings", "gan": "GAN", "gan-collapsed": "GAN that collapsed"}
    sources, tables, start = [], [], 0
    for name, count in sizes.items():
        rows = slice(start, start + count)
        table: dict[str, Any] = {"held_out": np.arange(count) % 10 == 0}
        for representation in REPRESENTATIONS:
            table |= pack(representation, _vectors(representation)[rows], np.uint16)
        table["pixels.mean"], table["pixels.basis"] = np.zeros(3072, np.float32), np.zeros((3072, 20), np.float32)
        for place, (label, values) in enumerate(names.items()):
            table[f"label.{label}"] = (np.arange(rows.start, rows.stop) + place) % len(values)
        for key in keys:
            table |= pack(f"layout.{key.name}", _layout(key)[rows], np.uint16)
        tables.append(table)
        path = folder / f"{data}-{name}.webp"
        rows_of_pictures = -(-count // COLUMNS)
        Image.new("RGB", (COLUMNS * SIDE, rows_of_pictures * SIDE), (90, 140, 60)).save(path)
        sources.append(Source(name, titles[name], start, count, path, COLUMNS, SIDE, ""))
        start += count
    entries = []
    for key in keys:
        seen = distortion(_vectors(key.representation)[:COUNT], _layout(key)[:COUNT])
        numbers = {"trustworthiness": float(seen.trust.mean()), "continuity": float(seen.continuity.mean())}
        entries.append({"key": vars(key), **numbers})
    record = {"values": names, "representations": list(REPRESENTATIONS), "layouts": entries}
    return LatentMap(data, sources, tables, record)


class Page(Driver):
    """The map tab over tiny maps, with engines that know no other runs; driven as a page drives it."""

    def __init__(self, monkeypatch, maps: dict[str, LatentMap]) -> None:
        monkeypatch.setattr(zoo, "latent_map", maps.__getitem__)
        self.maps = maps
        super().__init__(tab.TAB)


def both(tmp_path_factory) -> dict[str, LatentMap]:
    """The maps of both sets."""
    return {data: make(data, tmp_path_factory.mktemp("map")) for data in zoo.DATA_SETS}


def alone(monkeypatch, maps: dict[str, LatentMap]) -> Iterator[Page]:
    """For a fixture: a page whose measures and fits begin anew; after it no thread computes."""
    engines = Engine(slots=1), Engine(slots=1)
    for module in (background, roads):
        monkeypatch.setattr(module, "MEASURES", engines[0])
    for module in (background, fits, knobs_live):
        monkeypatch.setattr(module, "FITS", engines[1])
    yield Page(monkeypatch, maps)
    end(*engines)


def warm() -> None:
    """Wait until umap-learn is compiled."""
    assert WARMTH.wait(), WARMTH.reason
