"""Part "Seeds": blends, pokes and wishes are what they are called, and the words follow from the pictures."""

import math

import pytest
import torch

from demos.diffusion_parts import lanes, seeds
from demos.diffusion_parts.scene import SHAPE, Scene
from demos.diffusion_parts.seeds_batches import STEPS, Blend, Poke, Values
from demos.diffusion_parts.seeds_modes import COUNT, Blending, Poking, Wishing, changed, magnified
from demos.widgets.picture import pixels
from models import conditions, seeding
from tests.demos.diffusion_page import Page, follow_all
from tests.demos.driver import controls


@pytest.fixture
def small(monkeypatch):
    return Page(monkeypatch, seeds, lanes)


def batches(state):
    return seeds.batches(Scene(state))


def noise(seed):
    return seeding.normal(seed, 1, SHAPE)


def mode(state, kind):
    """The complete mode of a state."""
    asked = batches(state)
    runs = [batch.run() for batch in asked]
    assert all(run.wait(60) and not run.failed for run in runs)
    return kind(Scene(state), asked, [run.records for run in runs], True)


# --- noises ----------------------------------------------------------------------------------------------------------


def test_slerp_keeps_the_length_of_the_noise_and_lerp_does_not(small):
    slerp, lerp = batches(small.state(seeds_lerp=True))
    typical = math.sqrt(math.prod(SHAPE))
    norms = [batch.noise().flatten(1).norm(dim=1) for batch in (slerp, lerp)]
    assert (norms[0] - typical).abs().max() < 3
    assert norms[1][COUNT // 2] / typical == pytest.approx(math.sqrt(0.5), abs=0.03)
    for batch in (slerp, lerp):
        assert torch.equal(batch.noise()[0], noise(7)[0]) and torch.equal(batch.noise()[-1], noise(12)[0])


@pytest.mark.parametrize(("x", "y", "size"), [(0.3, 0.3, "16"), (0.0, 1.0, "32"), (1.0, 0.0, "8"), (0.51, 0.49, "8")])
def test_a_poke_changes_its_square_and_nothing_else(small, x, y, size):
    (poke,) = batches(small.state(seeds_mode="poke", poke_x=x, poke_y=y, poke_size=size))
    before, after = poke.noise()
    assert torch.equal(before, noise(7)[0])
    assert int(poke.mask.sum()) == int(size) ** 2
    assert torch.equal(after[:, ~poke.mask], before[:, ~poke.mask])
    assert torch.equal(after[:, poke.mask], noise(12)[0][:, poke.mask])
    assert poke.mask[min(63, int(64 * y)), min(63, int(64 * x))]  # it lies under the finger


def test_wishes_share_one_noise_and_keep_the_rest_of_the_prompt(small):
    (batch,) = batches(small.state(seeds_mode="values", prompt="blond hair, wide eyes"))
    values = conditions.vocabulary("toons")["hair_color"]
    assert all(torch.equal(one, noise(7)[0]) for one in batch.noise())
    assert batch.labels() == [{"eyes": "wide"}, *({"eyes": "wide", "hair_color": value} for value in values)]
    # an attribute that the other set does not have: its first one
    (other,) = batches(small.state(seeds_mode="values", data="portraits", seeds_attribute="skin"))
    assert other.attribute == "smile" and len(other.labels()) == 4


# --- pictures and words ----------------------------------------------------------------------------------------------


def test_a_blend_is_the_pictures_of_its_noises(small):
    state = small.state(seeds_lerp=True)
    view, shown = small.settled(state)["view"], mode(state, Blending)
    value = view["seeds-sheet"]
    assert (value["rows"], value["cols"]) == (3, COUNT) and view["seeds-noise"] == {"hidden": True}
    assert value["row_labels"] == ["noise", "slerp", "lerp"]
    assert value["notes"][COUNT + COUNT // 2] == f"{shown.norms[0][COUNT // 2]:.1f}"
    assert f"{shown.norms[1][COUNT // 2]:.1f}" in view["see"]
    spread = [float(pictures[COUNT // 2].std()) for pictures in shown.pictures]
    assert ("has less contrast" in view["see"]) == (spread[1] < spread[0])
    assert all(f"{one:.2f}" in view["see"] for one in spread)
    # the ends of both ways are the pictures of the two seeds alone
    alone = list(shown.batches[0].request.start())[-1].x_next.clamp(-1, 1)[0]
    for pictures in shown.pictures:
        assert torch.allclose(pictures[0], alone, atol=1e-4)
    assert torch.allclose(shown.pictures[0][-1], shown.pictures[1][-1], atol=1e-4)
    assert shown.calls == 2 * COUNT * 2 * STEPS


def test_the_straight_line_does_not_compute_the_sphere_again(small):
    small.settled(small.state())
    sphere = small.engine.known(batches(small.state())[0])
    assert sphere.finished
    small.settled(small.state(seeds_lerp=True))
    assert small.engine.known(batches(small.state(seeds_lerp=True))[0]) is sphere


def test_between_a_noise_and_itself_there_is_nothing(small):
    view = small.settled(small.state(seeds_b=7))["view"]
    assert "same noise" in view["see"]


def test_a_poke_is_measured(small):
    state = small.state(seeds_mode="poke")
    view, shown = small.settled(state)["view"], mode(state, Poking)
    assert view["seeds-sheet"]["cols"] == 3 and view["seeds-noise"]["mode"] == "poke"
    assert view["seeds-noise"]["brush"] == 16 and view["seeds-noise"]["poke"] == {"x": 0.3, "y": 0.3}
    a, b = shown.pictures[0]
    moved, mask = (a - b).abs().amax(0) > 0.1, shown.poke.mask
    whole, inside, outside = (float(part.float().mean()) for part in (moved, moved[mask], moved[~mask]))
    assert shown.spread == (whole, inside, outside)
    assert (
        f"{100 * whole:.0f} % of the pixels" in view["see"] and f"{100 * outside:.0f} % of those outside" in view["see"]
    )
    mostly = (moved & ~mask).sum() > (moved & mask).sum()
    assert ("most of the change lies outside" in view["see"]) == bool(mostly)
    assert "no pixel" in small.settled(small.state(seeds_mode="poke", seeds_b=7))["view"]["see"]


def test_differences_are_magnified_and_no_difference_is_not():
    a = torch.zeros(3, 64, 64)
    b = a.clone()
    b[1, 5, 6] = 0.5
    assert changed(a, b).nonzero().tolist() == [[5, 6]] and not changed(a, a + 0.09).any()
    picture, factor = magnified((a - b).abs())
    assert factor == 4 and picture.max() == 1 and picture.min() == -1
    picture, factor = magnified((a - a).abs())
    assert factor == 1 and (picture == -1).all()


def test_wishes_are_read_back(small):
    state = small.state(seeds_mode="values", seeds_attribute="mouth")
    view, shown = small.settled(state)["view"], mode(state, Wishing)
    assert view["seeds-noise"] == {"hidden": True}
    value = view["seeds-sheet"]
    assert value["rows"] * value["cols"] == 6 == len(value["notes"])
    true = sum(one > 0.5 for one in shown.read)
    assert f"{true} of 5 are read back as asked" in view["see"]
    assert value["notes"][1] == f"laugh · {100 * shown.read[0]:.0f} %"
    nothing = small.settled(small.state(seeds_mode="values", seeds_attribute="mouth", guidance=0.0))["view"]
    assert "guidance 0" in nothing["see"]


def test_an_odd_sheet_shows_where_the_pictures_differ(small):
    for data, name, cells in (("toons", "skin", 8), ("toons", "hair_style", 6), ("portraits", "eyeglasses", 3)):
        view = small.step(small.state(data=data, seeds_mode="values", seeds_attribute=name))["view"]
        value = view["seeds-sheet"]
        assert len(value["notes"]) == cells == value["rows"] * value["cols"]
        assert pixels(value["image"]).shape == (64 * value["rows"], 64 * value["cols"], 3)


# --- a visitor -------------------------------------------------------------------------------------------------------


def test_moving_the_square_begins_nothing_until_it_rests(small):
    small.slow()
    state = small.state(seeds_mode="poke", poke_size="8")
    live = small.step(state, ("poke", {"x": 0.7512, "y": 0.25}), live=True)
    assert live["view"]["seeds-noise"]["poke"] == {"x": 0.7512, "y": 0.25}
    assert "again" not in live["view"] and "seeds-sheet" not in live["view"]
    assert small.engine.known(batches(live["state"])[0]) is None
    assert "again" in small.step(live["state"])["view"]


@pytest.mark.parametrize(
    "value", [None, 3, {}, {"x": 0.5}, {"x": 0.5, "y": 1.5}, {"x": "a", "y": 0}, {"x": 0, "y": 0, "z": 0}]
)
def test_odd_pokes_are_refused(small, value):
    assert "error" in small.step(small.state(), ("poke", value))


def test_a_poke_is_this_parts_only(small):
    assert seeds.act(small.state(part="lanes"), "poke", {"x": 0.5, "y": 0.5}) is None
    assert seeds.act(small.state(), "anything", 1) is None


@pytest.mark.parametrize(
    "text", ["seeds_mode=magic", "seeds_b=-1", "poke_x=1.5", "poke_size=7", "seeds_attribute=wings", "seeds_lerp=yes"]
)
def test_odd_links_are_told(small, text):
    state, notices = small.schema.read(f"?v=1&{text}")
    assert state == small.state() and len(notices) == 1


def test_a_page_follows_to_the_end_and_two_pages_do_not_mix(small):
    states = [small.state(seeds_mode="poke", seed=seed) for seed in (1, 2)]
    last = follow_all(small, states)
    for answer, state in zip(last, states, strict=True):
        assert answer["state"] == state  # what a page followed leaves nothing behind
        assert answer["view"]["seeds-sheet"] == mode(state, Poking).views()["seeds-sheet"]
    assert last[0]["view"]["seeds-sheet"]["image"] != last[1]["view"]["seeds-sheet"]["image"]


def test_stop_and_go_on(small):
    small.slow()
    answer = small.step(small.state(seeds_lerp=True))
    assert "again" in answer["view"]
    stopped = small.step(answer["state"], ("seeds-stop", None))
    assert "again" not in stopped["view"] and "Stopped" in stopped["view"]["see"]
    assert "formula" in small.settled(small.step(stopped["state"], ("seeds-go-on", None))["state"])["view"]


def test_controls_fit_the_rail_and_few_steps_are_told(small):
    for name in seeds.KINDS:
        view = small.step(small.state(seeds_mode=name, seeds_lerp=True))["view"]
        assert len(controls(view)) <= 6
        assert f"{STEPS} steps of DPM-Solver++" in str(view["rail"])


def test_gifs(small):
    for changes, count, shape in (
        ({"seeds_lerp": True}, COUNT, (64, 128, 3)),
        ({"seeds_mode": "poke"}, STEPS + 1, (64, 192, 3)),
        ({"seeds_mode": "values", "seeds_attribute": "mouth"}, 6, (64, 64, 3)),
    ):
        pictures = seeds.frames(Scene(small.state(**changes)))
        assert len(pictures) == count and all(picture.shape == shape for picture in pictures)


def test_requests_tell_different_things_apart(small):
    request = Scene(small.state()).request
    keys = [Blend(request, 12, "slerp", 7), Blend(request, 12, "lerp", 7), Poke(request, 12, 0, 0, 16)]
    keys += [Poke(request, 12, 0, 1, 16), Values(request, "mouth"), Values(request, "skin")]
    assert len(set(keys)) == len(keys) and Values(request, "mouth") == keys[4]
