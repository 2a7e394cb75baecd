"""Inversion: the loss falls, a face of the generator's own is found again, and a search can stop and go on anywhere."""

import itertools
import math

import pytest
import torch

from models import inversion, seeding, zoo
from models.attributes import Attributes, AttributesConfig
from models.components import learn
from models.gan import GANConfig, Generator
from models.inversion import Inversion, Objective

TINY = GANConfig(latent_size=8, style_size=16, mapping_layers=2, widths=(16, 12, 8, 8, 4))


@pytest.fixture(scope="module")
def objective() -> Objective:
    """A tiny generator with random weights, and one of its own faces to find."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = Generator(TINY).eval().requires_grad_(False)
        reader = Attributes(AttributesConfig({"a": ["b", "c"]}, widths=(8, 8, 8))).eval().requires_grad_(False)
    for to_rgb in (generator.first_rgb, *(rise.to_rgb for rise in generator.rise)):
        to_rgb.weight.mul_(0.15)  # so that its pictures lie within -1 to 1
    w = generator.style(seeding.normal(0, 200, (8,)))
    generator.w_average.copy_(w.mean(0))
    target = generator.synthesis(generator.style(seeding.normal(1, 1, (8,))))
    assert float(target.abs().max()) < 1
    return Objective(target, generator, reader, learn(w, 4))


def same(a: Inversion, b: Inversion) -> bool:
    """Equal to the bit."""
    return torch.equal(a.pack(), b.pack())


def test_the_loss_falls_and_a_face_of_its_own_is_found(objective):
    records = list(inversion.invert(objective, steps=50))
    steps = records[inversion.STARTS // inversion.BATCH :]
    assert [record.index for record in steps] == list(range(51))
    assert steps[-1].loss < 0.3 * steps[0].loss
    assert steps[-1].pixel + steps[-1].feature < 0.1 * (steps[0].pixel + steps[0].feature)
    assert steps[-1].inversion.lowest <= min(record.loss for record in steps) * (1 + 1e-5)
    w, made, error = inversion.invert_picture(objective, 50)
    assert torch.equal(w, steps[-1].inversion.best) and made.shape == objective.target.shape
    assert error < 0.3 * inversion.rms(objective.target, objective.draw(steps[0].w))


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_the_shipped_generator_finds_its_own_face(data):
    generator = zoo.generator(data)
    target = generator(seeding.normal(99, 1, (generator.config.latent_size,)))
    shipped = Objective(target, generator, zoo.attributes(data), zoo.components(data))
    steps = [record for record in inversion.invert(shipped, steps=40) if record.inversion.losses]
    start, error = (inversion.rms(target, shipped.draw(w)) for w in (steps[0].w, steps[-1].inversion.best))
    assert steps[-1].loss < 0.5 * steps[0].loss and error < 0.6 * start


def test_a_generator_that_was_loaded_in_inference_mode_still_passes_gradients(monkeypatch):
    monkeypatch.setattr(zoo, "_loaded", {})
    with torch.inference_mode():
        loaded = zoo.generator("toons"), zoo.attributes("toons")
    assert not any(weights.is_inference() for model in loaded for weights in model.state_dict().values())


def test_the_start_is_the_nearest_of_the_faces_that_were_tried(objective):
    tried = list(itertools.islice(inversion.invert(objective), inversion.STARTS // inversion.BATCH))
    assert all(record.index == 0 for record in tried)
    assert [record.inversion.tried for record in tried] == list(range(8, inversion.STARTS + 1, 8))
    reached = tried[-1].inversion
    assert reached.steps == 0 and reached.losses == () and torch.equal(reached.w, reached.best)
    nearest = min(tried, key=lambda record: record.loss)
    assert torch.equal(reached.w, nearest.w) and reached.lowest == nearest.loss
    z = seeding.normal(inversion.START_SEED, inversion.STARTS, (8,))
    losses, _ = objective(objective.generator.style(z))
    assert reached.lowest == pytest.approx(float(losses.total.min()), rel=1e-4)


def test_a_search_stops_when_told_and_goes_on_as_if_it_had_not(objective):
    whole = list(inversion.invert(objective, steps=9))
    half = list(itertools.islice(inversion.invert(objective, steps=9), 12))
    assert len(half) == 12 and same(half[-1].inversion, whole[11].inversion)
    back = Inversion.unpack(half[-1].inversion.pack(), 16)
    rest = list(inversion.invert(objective, back, steps=9))
    assert len(half) + len(rest) == len(whole)
    for a, b in zip(rest, whole[12:], strict=True):
        assert a.index == b.index and a.loss == b.loss and torch.equal(a.image, b.image)
    assert same(rest[-1].inversion, whole[-1].inversion)
    assert list(inversion.invert(objective, whole[-1].inversion, steps=9)) == []


def test_a_search_packs_at_every_moment(objective):
    begun = Inversion.begin(objective.generator)
    for reached in (begun, *(record.inversion for record in inversion.invert(objective, steps=3))):
        vector = reached.pack()
        assert vector.dtype == torch.float32 and len(vector) <= inversion.packed_limit(16)
        back = Inversion.unpack(vector, 16)
        assert same(back, reached) and back.steps == reached.steps and back.tried == reached.tried
    assert math.isinf(Inversion.unpack(begun.pack(), 16).lowest)


@pytest.mark.parametrize("harm", ["short", "long", "tried", "nan", "square", "losses"])
def test_a_damaged_state_is_refused(objective, harm):
    vector = Inversion.begin(objective.generator).pack()
    if harm == "short":
        vector = vector[:40]
    elif harm == "long":
        vector = torch.cat([vector, torch.zeros(inversion.STEP_LIMIT + 2)])
    elif harm == "losses":
        vector = torch.cat([vector, torch.tensor([-1.0])])
    else:
        place, value = {"tried": (64, 1.5), "nan": (3, math.nan), "square": (32, -1.0)}[harm]
        vector[place] = value
    with pytest.raises(ValueError, match="inversion"):
        Inversion.unpack(vector, 16)


@pytest.mark.parametrize("steps", [0, -1, 501, 1.5, True, None, "9"])
def test_the_budget_is_one_to_five_hundred(objective, steps):
    with pytest.raises(ValueError, match="from 1 to 500"):
        next(inversion.invert(objective, steps=steps))


def test_the_rate_rises_and_falls():
    rates = [inversion.rate(step, 100) for step in range(101)]
    assert max(rates) == inversion.RATE and rates[0] < inversion.RATE / 2 and rates[-1] == 0
    assert rates[:5] == sorted(rates[:5]) and rates[75:] == sorted(rates[75:], reverse=True)


def test_terms_of_the_objective(objective):
    """Nothing is missing at the style itself; a typical style is 1 from the average, which is 0 from itself."""
    generator = objective.generator
    own = generator.style(seeding.normal(1, 1, (8,)))
    loss, made = objective(own)
    assert float(loss.pixel) < 1e-9 and float(loss.feature) < 1e-9 and torch.allclose(made, objective.target, atol=1e-5)
    assert float(objective.pull(generator.w_average[None])) == 0
    assert float(objective.pull(generator.style(seeding.normal(0, 200, (8,)))).mean()) == pytest.approx(1, abs=0.01)
    levels = inversion.pyramid(objective.target)
    assert [level.shape[-1] for level in levels] == [64, 32, 16, 8]
    assert torch.allclose(levels[3].mean((2, 3)), objective.target.mean((2, 3)), atol=1e-6)
