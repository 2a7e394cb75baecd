"""The renderer of the toons: the same bytes every time, and the pairs that training never sees."""

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from models.training.toons import __main__ as command
from models.training.toons import render

COUNT = 24
PIXELS = "1806c7f242ef1e06fbca0e584441854aaa7e281e09cb86cd8018db403cfe5412"


@pytest.fixture(scope="module")
def toons(tmp_path_factory):
    """A function that renders a number of drawings into a new folder."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("toons not rendered: node or npm is not installed")
    try:
        render.install()
    except render.RenderError as error:
        pytest.skip(f"toons not rendered: the renderer's packages could not be installed ({error})")

    def make(count):
        folder = tmp_path_factory.mktemp("toons")
        return folder, render.render(folder, count)

    return make


@pytest.fixture(scope="module")
def first(toons):
    """The first 24 drawings: (folder, manifest)."""
    return toons(COUNT)


@pytest.fixture(scope="module")
def many(toons):
    """Enough drawings to look at the table: (manifest, rows)."""
    folder, manifest = toons(1500)
    return manifest, rows_of(folder)


def rows_of(folder):
    with (folder / "factors.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def pixels_of(folder, index):
    with Image.open(folder / "images" / f"{index:05d}.png") as picture:
        return picture.convert("RGBA").tobytes()


def is_held_out(manifest, row):
    return any(all(row[name] == value for name, value in pair.items()) for pair in manifest["never_in_train"])


def test_rendering_twice_gives_the_same_bytes(toons, first):
    folder, _ = first
    again, _ = toons(COUNT)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(names) == COUNT + 2
    for name in names:
        assert (folder / name).read_bytes() == (again / name).read_bytes(), name


def test_the_first_drawings_are_those_the_models_learnt_from(first):
    folder, _ = first
    digest = hashlib.sha256()
    for index in range(COUNT):
        digest.update(pixels_of(folder, index))
    assert digest.hexdigest() == PIXELS


def test_the_manifest_hash_covers_pixels_and_table(first):
    folder, manifest = first
    digest = hashlib.sha256()
    for index in range(COUNT):
        digest.update(hashlib.sha256(pixels_of(folder, index)).hexdigest().encode())
    digest.update((folder / "factors.csv").read_bytes())
    assert manifest["sha256"] == digest.hexdigest()


def test_a_drawing_does_not_depend_on_the_count(first, toons):
    folder, _ = first
    fewer, _ = toons(5)
    for index in range(5):
        assert pixels_of(fewer, index) == pixels_of(folder, index)
    for row, same in zip(rows_of(fewer), rows_of(folder), strict=False):
        assert {**row, "split": ""} == {**same, "split": ""}


def test_the_factors_are_the_ones_promised(many):
    manifest, rows = many
    sizes = {name: len(values) for name, values in manifest["values"].items()}
    assert sizes == {
        "skin": 6,
        "hair_style": 4,
        "hair_color": 7,
        "rear_hair": 5,
        "beard": 6,
        "eyes": 5,
        "brows": 5,
        "mouth": 5,
        "clothes_color": 8,
        "background": 7,
    }
    for name, values in manifest["values"].items():
        assert {row[name] for row in rows} == set(values)
    assert 0.45 < np.mean([row["beard"] == "none" for row in rows]) < 0.55


def test_held_out_pairs_never_occur_in_training(many):
    manifest, rows = many
    pairs = manifest["never_in_train"]
    kinds = [tuple(pair) for pair in pairs]
    assert kinds.count(("hair_style", "hair_color")) == 4 and kinds.count(("skin", "background")) == 4
    train = [row for row in rows if row["split"] == "train"]
    test = [row for row in rows if row["split"] == "test"]
    assert len(test) == manifest["test"] == 150 and len(train) == 1350
    assert not any(is_held_out(manifest, row) for row in train)
    for pair in pairs:
        assert any(all(row[name] == value for name, value in pair.items()) for row in test), pair
    ordinary = sum(not is_held_out(manifest, row) for row in test)
    assert ordinary == 150 - manifest["held_out_pairs"] > 0


def test_training_factors_are_independent_apart_from_the_missing_pairs(many):
    manifest, rows = many
    train = [row for row in rows if row["split"] == "train"]
    names = list(manifest["values"])
    table = {name: np.array([manifest["values"][name].index(row[name]) for row in train]) for name in names}
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            counts = np.zeros((len(manifest["values"][a]), len(manifest["values"][b])))
            np.add.at(counts, (table[a], table[b]), 1)
            expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
            chi = ((counts - expected) ** 2 / expected).sum()
            freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
            surprise = (chi - freedom) / np.sqrt(2 * freedom)
            tied = {a, b} in ({"hair_style", "hair_color"}, {"skin", "background"})
            assert (surprise > 10) if tied else (surprise < 4.5), (a, b, surprise)


def test_colours_are_where_the_table_says(first):
    folder, manifest = first
    for row in rows_of(folder):
        with Image.open(folder / "images" / f"{int(row['index']):05d}.png") as picture:
            assert picture.size == (128, 128)
            corner, shoulder = (picture.convert("RGB").getpixel(at) for at in ((2, 70), (40, 126)))
        assert "{:02x}{:02x}{:02x}".format(*corner) == manifest["colors"]["background"][row["background"]]
        assert "{:02x}{:02x}{:02x}".format(*shoulder) == manifest["colors"]["clothes_color"][row["clothes_color"]]


def test_mouths_of_every_kind_can_be_seen_at_64_pixels(toons):
    """Dark pixels where the mouth is, on the lightest skin without a beard."""
    folder, _ = toons(300)
    bare = [row for row in rows_of(folder) if row["beard"] == "none" and row["skin"] == "porcelain"]
    for kind in ("laugh", "angry", "smile", "sad", "agape"):
        row = next(row for row in bare if row["mouth"] == kind)
        with Image.open(folder / "images" / f"{int(row['index']):05d}.png") as picture:
            small = np.asarray(picture.convert("L").reduce(2), dtype=int)[40:48, 20:44]
        dark = np.flatnonzero((small < small.max() - 60).any(axis=0))
        assert dark.size and dark[-1] - dark[0] + 1 >= (4 if kind == "agape" else 8), (kind, dark)


def test_the_lock_file_names_no_host():
    lock = json.loads((render.HERE / "package-lock.json").read_text())
    assert "http" not in (render.HERE / "package-lock.json").read_text()
    assert all("resolved" not in package for package in lock["packages"].values())
    pins = {"@dicebear/core": "9.4.3", "@dicebear/collection": "9.4.3", "@resvg/resvg-js": "2.6.2"}
    assert lock["packages"][""]["dependencies"] == pins
    for name, version in pins.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_without_node_the_message_says_what_is_needed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    monkeypatch.setattr("sys.argv", ["toons", "--out", str(tmp_path / "new")])
    assert command.main() == 1
    assert "needs Node 18" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.png").write_bytes(b"mine")
    with pytest.raises(render.RenderError, match="holds no toons"):
        render.render(tmp_path, 2)
    assert (tmp_path / "images" / "mine.png").read_bytes() == b"mine"


@pytest.mark.parametrize("count", [0, 100_000])
def test_an_impossible_count_is_refused(toons, tmp_path, count):
    with pytest.raises(render.RenderError, match="ended with 1"):
        render.render(tmp_path / "new", count)
    assert not (tmp_path / "new").exists()
