"""Beat the discriminator, and the gallery of failures: fair, repeatable, and true in every sentence."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from demos import gan as tab
from demos.gan_parts import quiz, wrong
from demos.gan_parts.scene import Scene
from demos.stage import frame
from demos.uploads import example_atlas
from demos.widgets.picture import pixels
from models import modes, photographs, zoo

STEP = frame.handlers(tab.TAB)[0]


def state(part: str, **changes):
    """The default state of a part with some changes."""
    return tab.SCHEMA.defaults() | {"part": part} | changes


def play(now: dict, *names: str) -> dict:
    """The page's answer after these actions."""
    told = STEP({"state": now, "actions": [{"name": name, "value": None} for name in names]})
    assert "error" not in told, told
    return told


@pytest.fixture
def no_photographs(monkeypatch):
    """A machine without the folder of portraits."""
    monkeypatch.delenv("PORTRAITS_DIR", raising=False)


# ---- the deal


def test_five_to_seven_are_real_at_any_place_and_none_comes_twice():
    deals = [quiz.deal(seed, 500) for seed in range(200)]
    counts = [sum(card is not None for card in deal) for deal in deals]
    assert set(counts) == {5, 6, 7}
    shares = np.mean([[card is not None for card in deal] for deal in deals], axis=0)
    assert shares.min() > 0.45 and shares.max() < 0.75  # no place is safer than another
    for deal in deals:
        real = [card for card in deal if card is not None]
        assert len(set(real)) == len(real) and all(0 <= card < 500 for card in real)
    assert quiz.deal(3, 500) == quiz.deal(3, 500) != quiz.deal(4, 500)


def test_real_faces_are_the_held_out_drawings_and_the_others_are_made_untruncated():
    seed = 5
    told = [play(state("quiz", quiz_seed=seed, answers="r" * i))["view"]["question"] for i in range(10)]
    made = Scene(state("quiz")).w(seed, 10)
    for i, (card, shown) in enumerate(zip(quiz.deal(seed, 500), told, strict=True)):
        if card is None:
            face = zoo.generator("toons").synthesis(made[i : i + 1]).clamp(-1, 1)
            wanted = ((face[0].permute(1, 2, 0).numpy() + 1) * 127.5).round()
            assert np.abs(pixels(shown["image"]).astype(float) - wanted).max() <= 1
        else:
            assert np.array_equal(pixels(shown["image"]), example_atlas()[card])
    assert len({len(shown["image"]) for shown in told}) == 1  # neither kind is told by how it is sent


def test_nothing_that_is_sent_before_the_answer_depends_on_the_truth():
    """Two rounds that differ in the truth of face 1: apart from pixels and seed, the page gets the same bytes."""
    seeds = {quiz.deal(seed, 500)[0] is None: seed for seed in range(20)}
    told = []
    for seed in seeds.values():
        answer = play(state("quiz", quiz_seed=seed))
        view = answer["view"]
        for sheet in ("question", "answered"):
            view[sheet].pop("image")
        view["rail"]["items"][1].pop("value")  # the seed
        told.append(json.dumps(view, sort_keys=True))
        assert {name for name, value in answer["state"].items() if value != tab.SCHEMA.defaults()[name]} <= {
            "part",
            "quiz_seed",
        }
    assert len(told) == 2 and told[0] == told[1]


# ---- the game


def test_a_round_from_the_first_face_to_the_result():
    """Answering by the truth gives ten of ten; the network's score is counted on the same pictures."""
    now = state("quiz", quiz_seed=8)
    truth = "".join("m" if card is None else "r" for card in quiz.deal(8, 500))
    for i, letter in enumerate(truth):
        told = play(now, f"say-{'real' if letter == 'r' else 'made'}")
        assert told["view"]["question"]["notes"] == [f"{quiz.WORDS[letter].capitalize()}. You were right."]
        assert told["view"]["see"].startswith("Right") and told["view"]["play"]["name"] == "next-face"
        assert told["view"]["answered"]["notes"][i] == f"✓ {quiz.WORDS[letter]}"
        told = play(told["state"], "next-face")
        now = told["state"]
    view = told["view"]
    you, network = view["score"]["items"]
    assert you["text"] == "10 of 10"
    shown = [pixels(play(state("quiz", quiz_seed=8, answers="r" * i))["view"]["question"]["image"]) for i in range(10)]
    x = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float() / 127.5 - 1
    said = "".join("r" if logit > 0 else "m" for logit in zoo.discriminator("toons")(x).tolist())
    right = sum(a == b for a, b in zip(said, truth, strict=True))
    assert network["text"] == f"{right} of 10"
    assert view["see"].startswith("A draw" if right == 10 else "You beat")
    again = play(now, "play-again")["state"]
    assert again["answers"] == "" and again["quiz_seed"] != 8
    other = tab.act(now, {"name": "quiz_seed", "value": 9})
    assert other["answers"] == "" and other["quiz_seed"] == 9


def test_a_wrong_answer_is_told_kindly_and_at_once():
    first = "real" if quiz.deal(8, 500)[0] is None else "made"
    view = play(state("quiz", quiz_seed=8), f"say-{first}")["view"]
    assert "fooled you" in view["question"]["notes"][0] and view["see"].startswith("Good try")
    assert view["answered"]["notes"][0].startswith("✗")


def test_a_second_click_changes_nothing():
    once = play(state("quiz"), "say-real")["state"]
    assert play(once, "say-made")["state"] == once
    over = state("quiz", answers="rmrmrmrmrm")
    assert play(over, "say-made")["state"] == over


def test_the_link_keeps_the_round():
    told = play(state("quiz", quiz_seed=4), "say-real", "next-face", "say-made")
    restored, notices = tab.SCHEMA.read(told["query"])
    assert notices == [] and restored == told["state"]


@pytest.mark.parametrize("answers", ["x", "rmr ", "r" * 11, None, 3, ["r"]])
def test_odd_answers_are_refused(answers):
    assert "error" in STEP({"state": state("quiz", answers=answers), "actions": []})


def test_another_set_begins_a_new_round():
    told = tab.act(state("quiz", answers="rmr", reveal=True), {"name": "data", "value": "portraits"})
    assert told["answers"] == "" and told["reveal"] is False


# ---- photographs


def test_without_photographs_it_says_so_and_leads_to_the_toons(no_photographs):
    told = play(state("quiz", data="portraits"))
    assert "do not ship" in told["view"]["see"]
    assert "say-real" not in json.dumps(told["view"]["say"])
    assert play(told["state"], "say-real")["state"] == told["state"]
    assert play(told["state"], "play-toons")["state"]["data"] == "toons"


def test_photographs_join_where_their_folder_is(tmp_path, monkeypatch):
    """Only held-out ones, cut and reduced like the training pictures."""
    rng = np.random.default_rng(0)
    for i in range(120):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3), np.uint8)).save(tmp_path / f"{i}.png")
    monkeypatch.setenv("PORTRAITS_DIR", str(tmp_path))
    pool = photographs.held_out(tmp_path)
    assert 7 <= len(pool) <= 30
    assert all(photographs.read(path)[1] for path in pool)
    place = next(i for i, card in enumerate(quiz.deal(2, len(pool))) if card is not None)
    shown = play(state("quiz", data="portraits", quiz_seed=2, answers="r" * place))["view"]["question"]["image"]
    wanted, _ = photographs.read(pool[quiz.deal(2, len(pool))[place]])
    assert np.array_equal(pixels(shown), wanted)


def test_too_few_photographs_are_no_quiz(tmp_path, monkeypatch):
    Image.new("RGB", (64, 64)).save(tmp_path / "one.png")
    monkeypatch.setenv("PORTRAITS_DIR", str(tmp_path))
    assert not quiz.playable("portraits")


# ---- what goes wrong


def test_the_count_runs_in_steps_and_ends():
    told = play(state("wrong", counted=wrong.COUNTED - 2 * wrong.STEP), "count")
    assert told["state"]["running"] and told["view"]["again"]["action"]["name"] == "count-on"
    told = play(told["state"], "count-on")
    assert told["state"]["running"]
    told = play(told["state"], "count-on")
    assert told["state"]["counted"] == wrong.COUNTED and not told["state"]["running"]
    assert "again" not in told["view"]
    again = play(told["state"], "count")["state"]
    assert again["counted"] == 0 and again["running"]
    assert not play(again, "stop-counting")["state"]["running"]


def test_the_count_is_that_of_all_pictures_at_once():
    pictures = zoo.generator("toons")(Scene({"data": "toons"}).z(wrong.COUNT_SEED, 20))
    kinds = modes.read(zoo.attributes("toons"), pictures)
    assert wrong.found("healthy", 20) == [modes.count(kinds[:n]) for n in (5, 10, 15, 20)]
    assert wrong.found("real", 0) == []


def test_the_collapsed_run_is_told_in_the_numbers_of_its_card():
    view = play(state("wrong"))["view"]
    healthy, collapsed = (
        zoo.metrics(zoo.gan_folder("toons", collapsed=run))["modes"]["samples"] for run in (False, True)
    )
    assert f"draws {healthy} kinds" in view["see"]
    assert [item["value"] for item in view["wrong-measured"]["items"]] == [healthy, collapsed]
    if collapsed < healthy:
        assert f"{healthy / collapsed:.1f} times" in view["see"]


def test_at_psi_0_everybody_is_the_average():
    view = play(state("wrong", failure="truncation"))["view"]
    sheet = pixels(view["wrong-sheet"]["image"]).astype(int)
    column = sheet.reshape(wrong.ROWS, 64, -1, 3)[:, :, :64]
    assert np.abs(column - column[0]).max() <= 3  # a JPEG
    notes = view["wrong-sheet"]["notes"]
    assert len(notes) == wrong.ROWS * len(wrong.PSIS) and len(set(notes[:: len(wrong.PSIS)])) == 1


def test_far_from_the_prior_is_far():
    view = play(state("wrong", failure="far"))["view"]
    lengths = [float(note.split()[1]) for note in view["wrong-sheet"]["notes"]]
    rows = np.reshape(lengths, (wrong.ROWS, len(wrong.SCALES)))
    assert np.allclose(rows / rows[:, :1], wrong.SCALES, rtol=0.1)
    low, high = view["wrong-curve"]["series"][0]["y"][0], view["wrong-curve"]["series"][0]["y"][-1]
    assert ("less real" in view["see"]) is (high < low)


@pytest.mark.parametrize("failure", wrong.FAILURES)
@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_every_failure_draws_for_both_sets(failure, data):
    view = play(state("wrong", failure=failure, data=data))["view"]
    assert {"wrong-sheet", "wrong-measured", "wrong-curve", "see", "formula", "rail"} <= view.keys()
    live = STEP({"state": state("wrong", failure=failure, data=data), "actions": [], "live": True})["view"]
    assert live.keys() <= view.keys()
