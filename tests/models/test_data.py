"""The loaders: the split, the labels, the numbers handed to a network, and every kind of broken folder."""

import csv
import hashlib
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from models.training import data

FACTORS = {"skin": ["light", "dark"], "hair": ["short", "long"]}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of its own for every test."""
    monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
    monkeypatch.delenv("PORTRAITS_DIR", raising=False)
    return tmp_path / "cache"


def write_picture(path, color, size=(16, 16), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path)


@pytest.fixture
def toons(tmp_path):
    """Ten plain "drawings", the last one held out."""
    folder = tmp_path / "toons"
    rows = ["index,split,skin,hair"]
    for i in range(10):
        write_picture(folder / "images" / f"{i:05d}.png", (i * 20, 0, 0))
        rows.append(f"{i},{'test' if i == 9 else 'train'},{FACTORS['skin'][i % 2]},{FACTORS['hair'][i // 5]}")
    (folder / "factors.csv").write_text("\n".join(rows) + "\n")
    (folder / "manifest.json").write_text(json.dumps({"values": FACTORS}))
    return folder


@pytest.fixture
def photographs(tmp_path):
    """Sixty small pictures of noise without labels, in two folders."""
    folder = tmp_path / "photographs"
    noise = np.random.default_rng(0)
    for i in range(60):
        path = folder / ("a" if i % 2 else "b") / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(path)
    return folder


def labelled(folder, rows):
    """A folder with one picture and one line of metadata.csv for each of the rows."""
    for i, row in enumerate(rows):
        row["file_name"] = f"images/{i}.png"
        write_picture(folder / row["file_name"], (i, i, i))
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def both(name, folder, **kwargs):
    return [data.load(name, folder, split=split, **kwargs) for split in data.SPLITS]


def test_toons_come_with_their_split_and_factors(toons):
    train, test = both("toons", toons, size=16)
    assert (len(train), len(test)) == (9, 1)
    assert train.images.dtype == np.uint8 and train.images.shape == (9, 16, 16, 3)
    assert [image[0, 0, 0] for image in train.images] == [i * 20 for i in range(9)]
    assert train.indices.tolist() == list(range(9)) and test.indices.tolist() == [9]
    assert train.values == FACTORS and train.measures == {}
    assert train.labels["skin"].dtype == np.int64
    assert train.labels["skin"].tolist() == [i % 2 for i in range(9)]
    assert test.labels["hair"].tolist() == [1]


def test_tensors_are_floats_from_minus_one_to_one(tmp_path):
    for i, color in enumerate([(0, 0, 0), (255, 255, 255), (255, 0, 51)]):
        write_picture(tmp_path / "set" / f"{i}.png", color)
    found = torch.cat([part.tensor(range(len(part))) for part in both("portraits", tmp_path / "set", size=8)])
    assert found.shape == (3, 3, 8, 8) and found.dtype == torch.float32
    expected = {(-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), (1.0, -1.0, -0.6)}
    assert {tuple(round(v, 5) for v in picture[:, 0, 0].tolist()) for picture in found} == expected


def test_a_tensor_holds_the_pictures_asked_for_in_that_order(toons):
    train = data.load("toons", toons, size=16)
    picked = train.tensor([5, 0])
    assert torch.equal(picked[0], train.tensor(np.array([5]))[0])
    assert torch.equal(picked, train.tensor(slice(0, 6))[[5, 0]])
    assert train.tensor([]).shape == (0, 3, 16, 16)


def test_shrinking_by_two_is_the_mean_of_four_pixels(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (tmp_path / "set").mkdir()
    Image.fromarray(pixels).save(tmp_path / "set" / "a.png")
    train, test = both("portraits", tmp_path / "set", size=8)
    image = np.concatenate([train.images, test.images])[0].astype(float)
    mean = pixels.reshape(8, 2, 8, 2, 3).mean(axis=(1, 3))
    assert np.abs(image - mean).max() <= 1  # Pillow rounds rows and columns in turn


def test_one_tenth_of_the_photographs_is_held_out_by_the_hash_of_their_bytes(photographs):
    train, test = both("portraits", photographs, size=8)
    files = sorted(photographs.rglob("*.png"))
    held = [int(hashlib.sha256(path.read_bytes()).hexdigest()[:8], 16) / 2**32 < 0.1 for path in files]
    assert test.indices.tolist() == np.flatnonzero(held).tolist() and 0 < len(test) < 20
    assert sorted([*train.indices, *test.indices]) == list(range(60))
    assert train.labels == {} and train.measures == {} and train.values == {}


def test_the_split_survives_renaming_and_further_pictures(photographs):
    before = data.load("portraits", photographs, size=8, split="test").images
    for path in list(photographs.rglob("*.png")):
        path.rename(path.with_name("new-" + path.name))
    write_picture(photographs / "zzz.png", (1, 2, 3))
    after = data.load("portraits", photographs, size=8, split="test").images
    held = {image.tobytes() for image in after}
    assert {image.tobytes() for image in before} <= held and len(held) <= len(before) + 1


def test_labels_of_portraits_are_merged_as_their_readme_says(tmp_path):
    plain = {
        "smile": "2",
        "eyeglasses": "1",
        "facial_hair": "0",
        "hair_length": "3",
        "hair_color": "grey",
        "apparent_age": "3",
        "headwear": "0",
        "mouth_width": "0.9",
        "yaw": "-0.25",
    }
    rows = [
        dict(plain),
        {**plain, "facial_hair": "1", "hair_color": "red"},
        {**plain, "facial_hair": "2", "hair_length": "0", "hair_color": "none"},
        {**plain, "headwear": "1"},
        {**plain, "smile": "", "yaw": ""},
    ]
    parts = both("portraits", labelled(tmp_path / "set", rows), size=8)
    order = np.argsort(np.concatenate([part.indices for part in parts]))
    labels = {k: np.concatenate([part.labels[k] for part in parts])[order].tolist() for k in parts[0].labels}
    assert labels == {
        "smile": [2, 2, 2, 2, -1],
        "eyeglasses": [1] * 5,
        "facial_hair": [0, 1, 1, 0, 0],
        "hair_length": [3, 3, 0, -1, 3],
        "hair_color": [3, -1, -1, -1, 3],
        "apparent_age": [3] * 5,
    }
    assert parts[0].values["hair_color"][3] == "grey" and len(parts[0].values["smile"]) == 3
    yaw = np.concatenate([part.measures["yaw"] for part in parts])[order]
    assert yaw.dtype == np.float32 and yaw[:4].tolist() == [-0.25] * 4 and np.isnan(yaw[4])
    assert sorted(parts[0].measures) == ["mouth_width", "yaw"]


def test_any_folder_may_be_named_in_place_of_a_set(photographs):
    named = data.load(str(photographs), size=8)
    assert named.data == "photographs"
    assert named.data_hash() == data.load("portraits", photographs, size=8).data_hash()


def test_the_environment_names_the_folder_of_portraits(photographs, monkeypatch):
    monkeypatch.setenv("PORTRAITS_DIR", str(photographs))
    assert len(data.load("portraits", size=8)) == len(data.load("portraits", photographs, size=8))


def test_grey_transparent_turned_and_oblong_pictures_become_upright_squares(tmp_path):
    folder = tmp_path / "set"
    write_picture(folder / "0-grey.png", 100, mode="L")
    write_picture(folder / "1-clear.png", (255, 0, 0, 0), mode="RGBA")
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = (0, 255, 0)
    Image.fromarray(wide).save(folder / "2-wide.png")
    turned = Image.new("RGB", (16, 16))
    turned.paste((255, 255, 255), (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(folder / "3-turned.png", exif=exif)
    parts = both("portraits", folder, size=8)
    images = np.concatenate([part.images for part in parts])[np.argsort(np.concatenate([p.indices for p in parts]))]
    assert (images[0] == 100).all() and (images[1] == 255).all()
    assert (images[2] == (0, 255, 0)).all()
    assert (images[3][:4] == 0).all() and (images[3][4:] == 255).all()


def test_the_second_load_reads_the_cache_alone(photographs, cache, monkeypatch):
    first = data.load("portraits", photographs, size=8)
    assert len(list(cache.glob("*.npz"))) == 1
    monkeypatch.setattr(data.photographs, "read", lambda *_: pytest.fail("a picture was decoded again"))
    assert data.load("portraits", photographs, size=8).data_hash() == first.data_hash()


def test_a_changed_picture_is_read_again(photographs):
    first = data.load("portraits", photographs, size=8)
    write_picture(photographs / "a" / "01.png", (9, 9, 9), size=(20, 20))
    assert data.load("portraits", photographs, size=8).data_hash() != first.data_hash()


def test_a_damaged_cache_is_made_again(photographs, cache):
    first = data.load("portraits", photographs, size=8)
    (file,) = cache.glob("*.npz")
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not an archive"):
        file.write_bytes(damaged)
        assert data.load("portraits", photographs, size=8).data_hash() == first.data_hash()
        assert file.read_bytes() != damaged


def test_a_full_disk_costs_only_the_cache(photographs, cache, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data.np, "savez", full)
    assert len(data.load("portraits", photographs, size=8)) > 40
    assert list(cache.iterdir()) == []


def test_the_hash_changes_with_pixels_labels_and_split(toons):
    train, test = both("toons", toons, size=16)
    assert train.data_hash() == data.load("toons", toons, size=16).data_hash()
    table = (toons / "factors.csv").read_text()
    (toons / "factors.csv").write_text(table.replace("0,train,light,short", "0,train,dark,short"))
    relabelled = data.load("toons", toons, size=16)
    write_picture(toons / "images" / "00000.png", (1, 1, 1), size=(32, 32))
    redrawn = data.load("toons", toons, size=16)
    assert len({part.data_hash() for part in (train, test, relabelled, redrawn)}) == 4


def test_no_portraits_says_where_to_get_some(tmp_path):
    for attempt in (lambda: data.load("portraits"), lambda: data.load("portraits", tmp_path / "nowhere")):
        with pytest.raises(data.DataMissing, match="--data path/to/folder") as caught:
            attempt()
        for word in ("PORTRAITS_DIR", "members.parliament.uk", "public domain"):
            assert word in str(caught.value)
    assert issubclass(data.DataMissing, ValueError)


def test_no_toons_says_how_to_render_them(tmp_path):
    with pytest.raises(data.DataMissing, match="make toons"):
        data.load("toons", tmp_path / "nowhere")


def jpeg(cut=None):
    buffer = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()[:cut]


@pytest.mark.parametrize("content", [b"", b"hello, I am a text", jpeg(cut=900), b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_file_that_is_not_a_picture_is_named(photographs, content):
    (photographs / "a" / "broken.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.jpg is not a picture"):
        data.load("portraits", photographs, size=8)


def test_files_that_are_no_pictures_by_name_are_passed_over(photographs):
    count = sum(map(len, both("portraits", photographs, size=8)))
    (photographs / "README.md").write_text("about these pictures")
    (photographs / "a" / "._01.png").write_bytes(b"what some systems leave beside a file")
    assert sum(map(len, both("portraits", photographs, size=8))) == count


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no pictures"):
        data.load("portraits", tmp_path / "empty")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "no column file_name"),
        ("file_name,smile\n", "has no rows"),
        ("name,smile\na.png,1\n", "no column file_name"),
        ("file_name,smile\na.png\n", "line 2"),
        ("file_name,smile\na.png,1,2\n", "line 2"),
        ("file_name,smile\nmissing.png,1\n", r"missing\.png cannot be read"),
        ("file_name,smile\n\xff\xfe,1\n", "cannot be read"),
    ],
)
def test_a_broken_table_is_named(tmp_path, table, message):
    write_picture(tmp_path / "set" / "a.png", (1, 2, 3))
    (tmp_path / "set" / "metadata.csv").write_bytes(table.encode("latin-1"))
    with pytest.raises(ValueError, match=message) as caught:
        data.load("portraits", tmp_path / "set")
    assert str(tmp_path / "set") in str(caught.value)


def test_incomplete_toons_are_named(toons):
    (toons / "images" / "00004.png").unlink()
    with pytest.raises(ValueError, match=r"00004\.png cannot be read"):
        data.load("toons", toons)
    table = (toons / "factors.csv").read_text()
    (toons / "factors.csv").write_text(table.replace("3,train,dark", "3,train,green"))
    with pytest.raises(ValueError, match=r"factors\.csv, line 5"):
        data.load("toons", toons)
    (toons / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"manifest\.json cannot be read"):
        data.load("toons", toons)
    (toons / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"manifest\.json is missing"):
        data.load("toons", toons)


@pytest.mark.parametrize(("kwargs", "message"), [({"split": "validation"}, "train, test"), ({"size": 4}, "8 to 1024")])
def test_impossible_arguments_are_refused(toons, kwargs, message):
    with pytest.raises(ValueError, match=message):
        data.load("toons", toons, **kwargs)


def test_the_labelled_portraits_load_with_every_class_large_enough_to_learn(portraits_dir):
    if not (portraits_dir / "metadata.csv").is_file():
        pytest.skip("no labels: these portraits have no metadata.csv")
    train, test = both("portraits", portraits_dir, size=8)
    assert 0.06 < len(test) / (len(train) + len(test)) < 0.14
    assert set(train.labels) == set(data.PORTRAIT_LABELS)
    assert set(train.measures) == set(data.PORTRAIT_MEASURES)
    for name, names in train.values.items():
        every = np.concatenate([train.labels[name], test.labels[name]])
        counts = [int((every == i).sum()) for i in range(len(names))]
        assert min(counts) >= 60, (name, counts)
    assert all(np.isfinite(values).all() for values in train.measures.values())
