"""Parts "Between", "Watch it learn" and "Is it remembered?": what they say is what they show, whatever the numbers."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from demos import gan as tab
from demos import replays
from demos.gan_parts import between, learn, remembered
from demos.gan_parts.scene import Scene
from demos.stage import frame
from demos.stage.state import pack
from demos.training_faces import Match, drawings, matches
from demos.widgets.picture import pixels
from models import modes, seeding, zoo
from models.neighbours import Neighbours

STEP = frame.handlers(tab.TAB)[0]


def state(**changes):
    return tab.SCHEMA.defaults() | changes


def step(at, *actions, live=False):
    """The answer to some actions, given as (name, value)."""
    actions = [{"name": name, "value": value} for name, value in actions]
    answer = STEP({"state": at, "actions": actions, "live": live})
    assert "error" not in answer, answer
    return answer


def view(**changes):
    return step(state(**changes))["view"]


def controls(shown):
    return [item for item in shown["rail"]["items"] if item["kind"] in ("slider", "button", "choice", "number")]


@pytest.fixture(params=zoo.DATA_SETS)
def data(request):
    return request.param


# --- between ---------------------------------------------------------------------------------------------------------


def test_the_strip_holds_every_frame_of_three_paths(data):
    shown = view(part="between", data=data)
    strip = shown["between-strip"]
    assert strip["count"] == between.FRAMES == len(strip["captions"]) and len(strip["panes"]) == 3
    height, width = pixels(strip["atlas"]).shape[:2]
    assert width == strip["columns"] * 64
    assert (height // 64) * strip["columns"] >= 3 * between.FRAMES
    assert strip["captions"][0] == "t = 0.00" and strip["captions"][-1] == "t = 1.00"
    assert len(controls(shown)) <= 6
    for name in ("between-norm", "between-distance"):
        assert shown[name]["follows"] == "between-strip"
        assert all(len(line["y"]) == len(shown[name]["x"]) == between.FRAMES for line in shown[name]["series"])


def test_the_paths_share_their_ends_and_part_in_between(data):
    drawn = between.pictures(Scene(state(part="between", data=data)), [0, between.HALFWAY, between.FRAMES - 1])
    for end in (0, 2):
        assert torch.allclose(drawn[end, 0], drawn[end, 1], atol=1e-4)
        assert torch.allclose(drawn[end, 0], drawn[end, 2], atol=1e-4)
    assert not torch.allclose(drawn[1, 0], drawn[1, 1], atol=1e-2)


def test_face_a_is_the_selected_face_and_b_that_of_its_seed():
    at = state(part="between", face=5, seed_b=31, face_b=2)
    scene = Scene(at)
    drawn = between.pictures(scene, [0, between.FRAMES - 1])
    assert torch.allclose(drawn[0, 0], scene.draw_faces(scene.styles[None])[0], atol=1e-4)
    b = Scene(at | {"seed": 31, "face": 2})
    assert torch.allclose(drawn[1, 2], b.draw_faces(b.styles[None])[0], atol=1e-4)


def test_slerp_keeps_the_length_of_z_and_lerp_does_not(data):
    shown = view(part="between", data=data)
    lerp, slerp = (np.array(line["y"]) for line in shown["between-norm"]["series"])
    assert np.allclose(slerp, np.linspace(slerp[0], slerp[-1], between.FRAMES), atol=1e-3)
    assert lerp[between.HALFWAY] / slerp[between.HALFWAY] == pytest.approx(np.sqrt(0.5), abs=0.12)
    assert shown["between-norm"]["marks"][0]["y"] == pytest.approx(np.sqrt(128), abs=1e-3)


@pytest.mark.parametrize("seed_b", [12, 13, 14, 15])
def test_the_sentence_says_what_the_curves_show(data, seed_b):
    shown = view(part="between", data=data, seed_b=seed_b)
    far = {line["label"]: line["y"][between.HALFWAY] for line in shown["between-distance"]["series"]}
    words = re.fullmatch(
        r"Halfway, lerp's z is ([\d.]+) long and slerp's ([\d.]+); 11\.3 is typical\. "
        r"Against slerp's, lerp's middle face lies (.*) the average in W, that of the W path (.*) it\.",
        shown["see"],
    )
    lengths = [line["y"][between.HALFWAY] for line in shown["between-norm"]["series"]]
    assert [float(words[1]), float(words[2])] == pytest.approx(lengths, abs=0.051)
    for text, path in ((words[3], "lerp"), (words[4], "W")):
        change = 100 * (far[path] / far["slerp"] - 1)
        # the curves are rounded to three decimals: a per cent may be on the other side
        said, expected = (re.findall(r"\d+|\D+", t) for t in (text, between._against(far[path], far["slerp"])))
        assert said[1:] == expected[1:] and abs(int(said[0]) - int(expected[0])) <= 1
        assert ("closer to" in text) == (change <= -0.5) and ("farther from" in text) == (change >= 0.5)


def test_the_sentence_holds_where_nothing_is_to_be_compared():
    same = state(part="between", seed_b=7)
    assert "same face" in step(same)["view"]["see"]
    assert "all of it is the average face" in step(state(part="between", psi=0.0))["view"]["see"]


def test_the_distance_from_the_average_is_in_typical_distances(data):
    scene = Scene(state(part="between", data=data, psi=1.0))
    with torch.inference_mode():
        w = scene.generator.style(seeding.normal(99, 2000, (128,)))
    typical = (w - w.mean(0)).square().sum(1).mean().sqrt()
    far = between._distances(scene)["slerp"][0]
    expected = (scene.base - scene.generator.w_average).norm() / typical
    assert far == pytest.approx(float(expected), rel=0.1)


def test_swap_exchanges_both_faces_and_the_place_between_them():
    at = state(part="between", face=3, at=10)
    after = step(at, ("swap", None))["state"]
    assert (after["seed"], after["face"], after["seed_b"], after["face_b"]) == (12, 0, 7, 3)
    assert after["at"] == between.FRAMES - 1 - 10
    assert step(after, ("swap", None))["state"] == at


def test_scrubbing_ends_in_the_state_and_another_b_repeats():
    after = step(state(part="between"), ("frame", 17))
    assert after["state"]["at"] == 17 and after["view"]["between-strip"]["index"] == 17
    assert "error" in STEP({"state": state(part="between"), "actions": [{"name": "frame", "value": 61}]})
    first = step(state(part="between"), ("new-b", None))["state"]
    assert first["seed_b"] != 12 and step(state(part="between"), ("new-b", None))["state"] == first


def test_a_drag_draws_few_frames_and_the_one_that_is_shown():
    at = state(part="between", at=33, psi=0.9)
    quick, full = (step(at, live=live)["view"]["between-strip"] for live in (True, False))
    columns = full["columns"]

    def tile(strip, number):
        row, column = divmod(number, columns)
        return pixels(strip["atlas"])[row * 64 :, column * 64 :][:64, :64].astype(int)

    for pane in range(3):
        assert np.abs(tile(quick, 33 * 3 + pane) - tile(full, 33 * 3 + pane)).max() < 24  # JPEG blocks
    assert np.array_equal(tile(quick, 3 * 21), tile(quick, 3 * 20))


def test_a_photo_has_only_the_path_through_w():
    own = pack(Scene(state()).w(5, 1)[0].numpy())
    shown = view(part="between", own=own)
    assert len(shown["between-strip"]["panes"]) == 1 and "only the path through W" in shown["see"]
    assert shown["between-norm"]["series"] == [] and len(shown["between-distance"]["series"]) == 1
    answer = STEP({"state": state(part="between", own=own), "actions": [{"name": "swap", "value": None}]})
    assert "stays face A" in answer["error"]


def test_the_gif_of_a_morph(data):
    drawn = tab.frames(state(part="between", data=data))
    assert len(drawn) == between.FRAMES
    assert all(picture.shape == (64, 192, 3) and picture.dtype == np.uint8 for picture in drawn)


# --- watch it learn --------------------------------------------------------------------------------------------------


def test_every_moment_is_shown_with_its_numbers(data):
    shown = view(part="learn", data=data)
    strip = shown["learn-strip"]
    assert strip["count"] == learn.MOMENTS == len(zoo.replay(data).moments)
    assert pixels(strip["atlas"]).shape == (4 * 256, 12 * 256, 3) and strip["columns"] == 12
    assert "recorded during training" in strip["source"]
    assert len(controls(shown)) <= 6
    for i, moment in enumerate(zoo.replay(data).moments):
        assert f"{moment['images_seen']:,.0f}" in strip["captions"][i] and len(strip["notes"][i]) == 2
    for name in ("learn-scores", "learn-curve"):
        curve = shown[name]
        assert curve["follows"] == "learn-strip" and curve["source"] == "recorded during training"
        assert all(len(line["y"]) == len(curve["x"]) == learn.MOMENTS for line in curve["series"])


def test_the_atlas_shows_the_stored_tiles(data):
    """Tile of moment 8, second in the second row of the stored sheet, is at its place for both panes."""
    strip = view(part="learn", data=data)["learn-strip"]
    runs = list(learn.runs(data).values())
    for pane, run in enumerate(runs):
        with Image.open(run.sheet) as image:
            stored = np.asarray(image.convert("RGB"))[256:512, 512:768].astype(int)
        row, column = divmod(8 * 2 + pane, strip["columns"])
        found = pixels(strip["atlas"])[row * 256 :, column * 256 :][:256, :256].astype(int)
        assert np.abs(found - stored).mean() < 4  # compressed once more


def test_toons_show_two_runs_with_their_modes_and_portraits_one():
    shown = view(part="learn", moment=5)
    for pane, collapsed in enumerate((False, True)):
        moment = zoo.replay("toons", collapsed).moments[5]
        assert shown["learn-strip"]["notes"][5][pane] == f"{moment['modes']} of {modes.total()} kinds"
    assert [line["dash"] for line in shown["learn-scores"]["series"]] == [False, False, True, True]
    assert shown["learn-curve"]["marks"][0]["y"] == modes.total() == 168
    portraits = view(part="learn", data="portraits", curve="modes")
    assert len(portraits["learn-scores"]["series"]) == 2 and "modes" not in str(portraits["rail"])
    assert portraits["learn-curve"]["title"] == "Distance from real pictures"


@pytest.mark.parametrize("curve", learn.SHOWS)
def test_every_choice_of_the_second_curve_draws(data, curve):
    series = view(part="learn", data=data, curve=curve)["learn-curve"]["series"]
    assert series and all(line["label"] for line in series)


def test_the_sentence_follows_the_moment():
    for at in (0, 11, 23):
        after = step(state(part="learn"), ("frame", at))
        assert after["state"]["moment"] == at
        healthy, collapsed = (zoo.replay("toons", run).moments[at] for run in (False, True))
        see = after["view"]["see"]
        assert f"After {healthy['images_seen']:,} pictures the healthy run draws {healthy['modes']} of 168" in see
        assert f"the one made to collapse {collapsed['modes']} after {collapsed['images_seen']:,}" in see
    portraits = step(state(part="learn", data="portraits"), ("frame", 0))["view"]["see"]
    assert portraits.startswith("It starts from nothing")


def test_the_collapsed_run_has_fewer_modes_by_the_factor_stated():
    """The caption's numbers, counted again on 1,000 samples of other seeds by the networks that ship."""
    stated = re.search(r"Finished, it is (\d+) against (\d+): ([\d.]+) times as many", view(part="learn")["see"])
    assert stated, "the collapsed run has not collapsed"
    counted = []
    for collapsed in (False, True):
        generator = zoo.generator("toons", collapsed)
        with torch.inference_mode():
            samples = torch.cat([generator(z) for z in seeding.normal(77, 1000, (128,)).split(100)])
        counted.append(modes.count(modes.read(zoo.attributes("toons"), samples)))
    assert counted == pytest.approx([int(stated[1]), int(stated[2])], rel=0.1, abs=4)
    assert float(stated[3]) > 1.5
    assert counted[0] / counted[1] == pytest.approx(float(stated[3]), rel=0.3)


def test_the_recipes_name_what_the_runs_were_trained_with(data):
    texts = learn.recipes(data)
    assert len(texts) == (2 if data == "toons" else 1)
    assert "R1" in texts[0] and "minibatch statistics" in texts[0]
    if data == "toons":
        assert zoo.generator("toons").config.statistics and not zoo.generator("toons", True).config.statistics
        assert replays.record(zoo.gan_folder("toons", True))["arguments"]["collapse"]


def test_the_gif_of_a_training(data):
    drawn = tab.frames(state(part="learn", data=data))
    assert len(drawn) == learn.MOMENTS and all(picture.shape == (256, 512, 3) for picture in drawn)


# --- is it remembered ------------------------------------------------------------------------------------------------


def test_the_five_nearest_are_told_with_their_distances(data):
    shown = view(part="remembered", data=data, face=4)
    near = shown["remembered-near"]
    distances = [float(note) for note in near["notes"]]
    assert len(distances) == near["cols"] == 5 and distances == sorted(distances)
    assert "autoencoder's drawings" in near["caption"] and "not" in near["caption"]
    assert shown["remembered-row"]["selected"] == 4
    assert shown["remembered-row"]["actions"][9] == {"name": "face", "value": 9}
    assert len(controls(shown)) <= 6


def test_the_verdict_is_that_of_the_baseline(data):
    at = state(part="remembered", data=data)
    scene = Scene(at)
    known = zoo.neighbours(data)
    nearest = matches(data, scene.draw_faces(scene.styles[None]), 5)[0][0].distance
    shown = step(at)["view"]
    assert float(shown["remembered-near"]["notes"][0]) == pytest.approx(nearest, abs=6e-4)
    assert shown["see"].startswith("Closer than any") == known.is_memorised(nearest)
    share = shown["remembered-verdict"]["items"][1]["value"]
    assert share == pytest.approx(float((known.baseline < nearest).float().mean()), abs=1e-6)


def test_what_is_remembered_is_called_so():
    known = Neighbours(torch.eye(3), torch.zeros(3, 2), torch.tensor([0.2, 0.4, 0.6, 0.8]))
    assert remembered.see(known, 0.1).startswith("Closer than any real stranger: none of 4")
    assert remembered.see(known, 0.5).startswith("Not closer than any real stranger: 2 of 4")
    assert remembered.nearer_strangers(known, 0.1) == 0 and remembered.nearer_strangers(known, 0.9) == 1
    assert remembered._formula(known, 0.1)["lines"][2][1] == {"n": "yes"}


def test_the_mirror_image_of_a_photograph_counts(monkeypatch):
    """A face whose mirror image is a training picture is at distance 0, and is drawn mirrored; a toon is not."""
    scene = Scene(state(data="portraits"))
    face = scene.draw_faces(scene.styles[None])
    for data, mirrored in (("portraits", True), ("toons", False)):
        reader = zoo.attributes(data)
        with torch.inference_mode():
            features = torch.cat([reader.features(face.flip(3)), -reader.features(face)])
        known = Neighbours(features, torch.zeros(2, zoo.vae(data, 0.0).config.latent_size), torch.tensor([0.2]))
        monkeypatch.setattr(zoo, "neighbours", lambda data, known=known: known)
        best = matches(data, face, 1)[0][0]
        assert best.index == 0 and best.mirrored == mirrored
        assert (best.distance < 1e-3) == mirrored
        plain = Match(0, 0.0, False)
        drawn = drawings(data, [Match(0, 0.0, True), plain])
        assert torch.equal(drawn[0].flip(2), drawn[1])


def test_a_drag_shows_the_face_alone_and_the_neighbours_follow():
    at = {"state": state(part="remembered"), "actions": [], "live": True}
    assert set(STEP(at)["view"]) == {"remembered-face", "rail"}
    assert set(STEP(at | {"follow": True})["view"]) == {"remembered-near"}
