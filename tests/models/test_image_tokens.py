"""Image tokens: codes and back, the transformer against itself, and drawing with darts, wishes and given codes."""

import numpy as np
import pytest
import torch
from scipy import stats

from models import conditions, sampling
from models.image_tokens import OPEN, ImageTokens, ImageTokensConfig, keep, take
from models.image_tokens_drawing import chances, draw
from models.image_tokens_transformer import Cache

VOCABULARY = {"smile": ("none", "closed", "teeth"), "eyeglasses": ("no", "yes")}
SMALL = ImageTokensConfig(
    VOCABULARY, "faces", widths=(8, 8, 8), codes=16, depth=2, code_size=4, size=16, layers=2, heads=2
)
LENGTH = 128


def make(config: ImageTokensConfig) -> ImageTokens:
    """A model with random weights that has opinions: its probabilities are far from equal, and wishes change them."""
    torch.manual_seed(0)
    networks = config.autoencoder().eval().requires_grad_(False), config.transformer().eval().requires_grad_(False)
    networks[0].blank.normal_()
    networks[1].head.weight.mul_(30)
    networks[1].asked.null.normal_()
    return ImageTokens(config, *networks)


@pytest.fixture(scope="module")
def model() -> ImageTokens:
    return make(SMALL)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def last(*args, **options):
    *_, end = draw(*args, **options)
    return end


# --- pictures and codes ----------------------------------------------------------------------------------------------


def test_codes_are_the_nearest_entries_of_what_is_left(model, pictures):
    codes = model.encode(pictures)
    assert codes.shape == (3, LENGTH) and 0 <= int(codes.min()) and int(codes.max()) < 16
    rest = model.autoencoder.vectors(pictures)
    for level, codebook in enumerate(model.autoencoder.codebooks):
        best = torch.cdist(rest, codebook.expand(3, -1, -1)).argmin(2)
        assert torch.equal(codes[:, level::2], best)
        rest = rest - codebook[best]
    looked_up = model.autoencoder.look_up(codes.view(3, 64, 2))
    assert torch.allclose(looked_up, model.autoencoder.vectors(pictures) - rest, atol=1e-5)


def test_decoding_is_deterministic_and_picture_by_picture(model, pictures):
    codes = model.encode(pictures)
    drawn = model.decode(codes)
    assert drawn.shape == (3, 3, 64, 64) and drawn.abs().max() <= 1
    assert torch.equal(drawn, model.decode(codes))
    assert torch.allclose(drawn[1:2], model.decode(codes[1]), atol=1e-5)


def test_places_that_are_not_drawn_are_grey_and_rough_strokes_show(model, pictures):
    codes = model.encode(pictures)
    assert (model.decode(model.open()) == 0).all()
    half = model.decode(keep(model, codes, 4))
    assert (half[:, :, 32:] == 0).all() and (half[:, :, :32] != 0).float().mean() > 0.99
    rough = codes.clone()
    rough[:, 1::2] = OPEN
    assert (model.decode(rough) != 0).float().mean() > 0.99
    assert not torch.allclose(model.decode(rough), model.decode(codes), atol=1e-3)
    fine_only = codes.clone()
    fine_only[:, ::2] = OPEN  # a fine stroke without a rough one is nothing
    assert (model.decode(fine_only) == 0).all()


def test_positions_go_in_reading_order_rough_before_fine(model):
    assert [model.position(i) for i in (0, 1, 2, 16, 127)] == [
        (0, 0, 0, 0), (0, 0, 0, 1), (1, 0, 1, 0), (8, 1, 0, 0), (63, 7, 7, 1),
    ]  # fmt: skip


def test_weights_are_small_files_that_come_back_the_same(tmp_path, pictures):
    whole = make(ImageTokensConfig(conditions.vocabulary("portraits"), "portraits"))
    whole.save(tmp_path)
    assert max(file.stat().st_size for file in tmp_path.iterdir()) < 10_000_000
    again = ImageTokens.load(tmp_path)
    assert again.config == whole.config and again.conditions == conditions.vocabulary("portraits")
    assert (again.side, again.patch, again.length) == (8, 8, 128)
    codes = torch.arange(128)[None] * 4
    assert torch.allclose(again.decode(codes), whole.decode(codes), atol=0.02)
    with pytest.raises(FileNotFoundError):
        ImageTokens.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (torch.zeros(1, 5, dtype=torch.int64), "shape"),
        (torch.zeros(1, LENGTH), "whole numbers"),
        (torch.full((LENGTH,), 16), "from 0 to 15"),
        (torch.full((LENGTH,), -2), "from 0 to 15"),
    ],
)
def test_codes_that_mean_nothing_are_refused(model, codes, words):
    with pytest.raises(ValueError, match=words):
        model.decode(codes)


def test_pictures_of_another_size_are_refused(model):
    with pytest.raises(ValueError, match=r"\(N, 3, 64, 64\)"):
        model.encode(torch.zeros(1, 3, 32, 32))


# --- the transformer -------------------------------------------------------------------------------------------------


@torch.inference_mode()
def test_cached_scores_are_the_uncached_ones(model, pictures):
    codes, network = model.encode(pictures), model.transformer
    condition = network.asked(torch.tensor([[0, 1], [2, -1], [-1, -1]]))
    whole = network(codes[:, :-1], condition)
    assert whole.shape == (3, LENGTH, 16) and whole.std() > 0.5
    cache = Cache()
    one_by_one = torch.cat([network(codes[:, :i], condition, cache) for i in range(LENGTH)], 1)
    assert torch.allclose(whole, one_by_one, atol=1e-4)
    cache = Cache()
    in_parts = torch.cat([network(codes[:, :i], condition, cache) for i in (0, 39, 40, 127)], 1)
    assert torch.allclose(whole, in_parts, atol=1e-4)


@torch.inference_mode()
def test_nobody_looks_ahead(model, pictures):
    codes, network = model.encode(pictures[:1]), model.transformer
    condition = network.asked(torch.tensor([[0, 0]]))
    before = network(codes[:, :-1], condition)
    codes[:, 50] = (codes[:, 50] + 1) % 16
    after = network(codes[:, :-1], condition)
    assert torch.equal(before[:, :51], after[:, :51])
    assert not torch.allclose(before[:, 51], after[:, 51], atol=1e-3)


# --- choosing --------------------------------------------------------------------------------------------------------


def test_chances_are_a_softmax_of_the_best():
    scores = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(chances(scores), scores.double().softmax(1))
    cold = chances(scores, 0.5, 3)
    assert (cold > 0).sum(1).tolist() == [3] * 4
    best = scores.topk(3, 1)
    assert torch.allclose(cold.gather(1, best.indices), (best.values.double() / 0.5).softmax(1))
    assert torch.equal(chances(scores, 0.0), chances(scores, 1.0, 1))
    assert torch.equal(chances(scores, 1e-310), chances(scores, 0.0))
    assert torch.equal(chances(scores, 0.0).argmax(1), scores.argmax(1))
    assert chances(torch.zeros(1, 4), 0.0).tolist() == [[1, 0, 0, 0]]  # of equals the first


def test_darts_follow_what_is_believed(model):
    """The first code of many seeds against its probabilities: chi-square over the likelier codes and all the rest."""
    step = next(draw(model, range(3000)))
    p = step.chances[0].numpy()
    hits = np.bincount(step.chosen.numpy(), minlength=16)
    rare = 3000 * p < 10
    observed, expected = np.append(hits[~rare], hits[rare].sum()), 3000 * np.append(p[~rare], p[rare].sum())
    seen = expected > 0
    assert len(seen) > 3 and stats.chisquare(observed[seen], expected[seen]).pvalue > 0.001


def test_a_step_tells_what_it_did(model):
    steps = list(draw(model, [7], {"smile": "teeth"}, temperature=0.7, top_k=4))
    assert [step.index for step in steps] == list(range(LENGTH)) and steps[0].of == LENGTH
    for step in steps[::9]:
        p = step.probabilities[0].double()
        assert float(p.sum()) == pytest.approx(1, abs=1e-5)
        assert float(step.chances.sum()) == pytest.approx(1)
        assert float(step.entropy_bits) == pytest.approx(float(-(p * p.log2()).sum()), abs=1e-4)
        order = step.scores[0].argsort(descending=True, stable=True)
        assert int(order[int(step.rank) - 1]) == int(step.chosen) and int(step.rank) <= 4
        assert float(step.darts) == sampling.uniform(7, step.index)
        below = float(step.chances[0, order[: int(step.rank) - 1]].sum())
        assert below <= float(step.darts) <= below + float(step.chances[0, int(step.chosen)]) + 1e-9
        assert int(step.codes[0, step.index]) == int(step.chosen)
        assert (step.codes[0, step.index + 1 :] == OPEN).all()
        assert torch.equal(chances(step.scores, 0.7, 4), step.chances)
    ends = steps[-1].codes
    for step in steps:  # what has been drawn stays, and no record changes afterwards
        assert torch.equal(step.codes[:, : step.index + 1], ends[:, : step.index + 1])


def test_a_seed_draws_the_same_alone_or_in_company(model):
    together = last(model, [5, 6, 7]).codes
    assert torch.equal(last(model, [6]).codes, together[1:2])
    assert torch.equal(last(model, [6]).codes, last(model, [6]).codes)
    assert len({tuple(row) for row in together.tolist()}) == 3
    assert (together != OPEN).all()


def test_temperature_0_takes_the_most_probable(model):
    for step in draw(model, [1, 2], temperature=0):
        assert step.rank.tolist() == [1, 1] and torch.equal(step.chosen, step.scores.argmax(1))
    assert torch.equal(step.codes[0], step.codes[1])


# --- wishes ----------------------------------------------------------------------------------------------------------


def test_asking_for_nothing_is_unconditional(model):
    free = last(model, [3, 4])
    for labels, guidance in ((None, 1.0), ({}, 3.0), ([{}, {}], 1.0), ({"smile": "teeth"}, 0.0)):
        assert torch.equal(last(model, [3, 4], labels, guidance=guidance).codes, free.codes)
    assert not torch.equal(last(model, [3, 4], {"smile": "teeth"}).codes, free.codes)
    mixed = last(model, [3, 4], [{"smile": "teeth"}, {}]).codes
    assert not torch.equal(mixed[0], free.codes[0]) and torch.equal(mixed[1], free.codes[1])


def test_guidance_goes_on_from_unconditional_through_conditional(model):
    wish = {"eyeglasses": "yes"}
    free, asked, far = (next(draw(model, [0], wish, guidance=w)).scores for w in (0.0, 1.0, 3.0))
    assert not torch.allclose(free, asked, atol=1e-3)
    assert torch.allclose(far, free + 3.0 * (asked - free), atol=1e-4)


# --- given codes -----------------------------------------------------------------------------------------------------


def test_the_lower_half_of_a_face_is_completed(model, pictures):
    codes = model.encode(pictures)
    given = keep(model, codes, 4)
    steps = list(draw(model, [1, 2, 3], given=given, start=64))
    assert [step.index for step in steps] == list(range(64, LENGTH))
    assert torch.equal(steps[-1].codes[:, :64], codes[:, :64]) and (steps[-1].codes != OPEN).all()
    slowly = list(draw(model, [1, 2, 3], given=given))
    assert len(slowly) == LENGTH and torch.equal(slowly[-1].codes, steps[-1].codes)
    assert torch.allclose(slowly[64].scores, steps[0].scores, atol=1e-4)
    assert slowly[63].darts.isnan().all() and not slowly[64].darts.isnan().any()


def test_what_is_given_further_down_stays(model, pictures):
    given = model.encode(pictures[:1])
    given[:, 10:90] = OPEN
    drawn = last(model, [1], given=given).codes
    kept = given != OPEN
    assert torch.equal(drawn[kept], given[kept]) and (drawn != OPEN).all()


def test_the_other_road_goes_on_with_the_same_darts(model):
    first = list(draw(model, [9]))
    step = first[40]
    other = int(step.scores[0].topk(2).indices[1])
    other = other if other != int(step.chosen) else int(step.scores[0].argmax())
    given = take(model, first[-1].codes, 40, other)
    assert torch.equal(given[:, :40], first[-1].codes[:, :40]) and (given[:, 41:] == OPEN).all()
    road = list(draw(model, [9], given=given, start=40))
    assert int(road[0].chosen) == other and int(road[-1].codes[0, 40]) == other
    assert torch.allclose(road[0].scores, step.scores, atol=1e-4)
    assert [float(s.darts) for s in road[1:]] == [float(s.darts) for s in first[41:]]
    same = take(model, first[-1].codes, 40, int(step.chosen))
    assert torch.equal(last(model, [9], given=same, start=40).codes, first[-1].codes)


def test_candidates_are_shown_as_they_would_look(model):
    for step in draw(model, [1, 2], temperature=0, candidates=3):
        assert step.patches.shape == (2, 3, 3, 8, 8)
        assert torch.equal(step.candidates, step.scores.topk(3, 1).indices)
        assert torch.equal(step.candidates[:, 0], step.chosen)
        now = model.decode(step.codes)
        y, x = 8 * step.row, 8 * step.column
        assert torch.allclose(step.patches[:, 0], now[:, :, y : y + 8, x : x + 8], atol=1e-5)
        if step.index == 21:
            break
    assert not torch.allclose(step.patches[:, 0], step.patches[:, 1], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seeds": [-1]}, "seeds must be whole numbers from 0 to 4294967295, not -1"),
        ({"seeds": [1.5]}, "seeds must be whole numbers"),
        ({"seeds": []}, "at least one"),
        ({"labels": {"hat": "small"}}, "'hat' is unknown; known are smile, eyeglasses"),
        ({"labels": {"smile": "huge"}}, "smile is one of none, closed, teeth, not 'huge'"),
        ({"labels": [{}, {}]}, "labels must be one condition or 1, not 2"),
        ({"temperature": float("nan")}, "temperature must be a number from 0 to 5"),
        ({"temperature": -1}, "temperature must be a number"),
        ({"guidance": 31}, "guidance must be a number from 0 to 30"),
        ({"top_k": 17}, "top_k must be a whole number from 0 to 16"),
        ({"candidates": True}, "candidates must be a whole number"),
        ({"start": 3}, "not all codes before it are given"),
        ({"given": torch.zeros(2, LENGTH, dtype=torch.int64)}, "of one picture or of 1"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(model, options, words):
    with pytest.raises(ValueError, match=words):
        next(draw(model, **({"seeds": [0]} | options)))
