"""Principal components against scikit-learn and against data whose components are known."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from models import components
from models.components import Components


@pytest.fixture(scope="module")
def w():
    random = np.random.default_rng(0)
    return torch.tensor(random.normal(size=(900, 12)) @ random.normal(size=(12, 12)) + 3, dtype=torch.float32)


def test_same_as_scikit_learn(w):
    found, expected = components.learn(w, 5), PCA(5).fit(w.double().numpy())
    cosines = (found.vectors.numpy() * expected.components_).sum(1)
    assert np.allclose(np.abs(cosines), 1, atol=1e-5)
    assert np.allclose(found.stds**2, expected.explained_variance_, rtol=1e-4)
    assert np.allclose(found.shares, expected.explained_variance_ratio_, rtol=1e-4)
    assert len(found) == 5


def test_all_components_explain_everything_at_right_angles(w):
    found = components.learn(w, 12)
    assert float(found.shares.sum()) == pytest.approx(1.0, abs=1e-5)
    assert torch.allclose(found.vectors @ found.vectors.T, torch.eye(12), atol=1e-5)
    assert torch.all(found.stds[:-1] >= found.stds[1:])


def test_signs_do_not_depend_on_the_order_of_the_styles(w):
    found = components.learn(w, 12)
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    again = components.learn(w.flip(0), 12)
    assert torch.allclose(found.vectors, again.vectors, atol=1e-4)
    assert torch.equal(found.vectors, components.learn(w.clone(), 12).vectors)


def test_known_axes_and_flat_data():
    noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.5, 3.0, 1.0])
    found = components.learn(noise, 2)
    assert found.vectors.argmax(1).tolist() == [1, 2] and torch.allclose(
        found.stds, torch.tensor([3.0, 1.0]), rtol=0.05
    )
    flat = components.learn(torch.ones(10, 4), 4)
    assert torch.equal(flat.stds, torch.zeros(4)) and torch.equal(flat.shares, torch.zeros(4))


def test_moving(w):
    found = components.learn(w, 4)
    moved = found.move(w[:7], 2, 1.5)
    along = (moved - w[:7]) @ found.vectors.T / found.stds
    assert torch.allclose(along, torch.tensor([0, 0, 1.5, 0]).expand(7, -1), atol=1e-4)
    assert torch.equal(found.move(w[0], 2, 1.5), moved[0])
    layers = w[:6].view(2, 3, 12)
    assert found.move(layers, 0, -1.0).shape == (2, 3, 12)
    assert torch.equal(found.move(w, 1, 0), w)


@pytest.mark.parametrize("k", [-1, 4, 1.0, True, "0", None])
def test_unknown_components_are_refused(w, k):
    with pytest.raises(ValueError, match="from 0 to 3"):
        components.learn(w, 4).move(w, k, 1.0)


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), "1", None, True])
def test_wrong_strengths_are_refused(w, strength):
    with pytest.raises(ValueError, match="strength"):
        components.learn(w, 4).move(w, 0, strength)


@pytest.mark.parametrize("shape, count", [((1, 4), 1), ((9, 4), 5), ((9, 4), 0), ((9,), 1)])
def test_too_little_to_learn_from_is_refused(shape, count):
    with pytest.raises(ValueError, match="cannot find"):
        components.learn(torch.zeros(shape), count)


def test_saved_and_loaded(w, tmp_path):
    found = components.learn(w, 4)
    found.save(tmp_path)
    again = Components.load(tmp_path)
    assert all(torch.equal(getattr(again, name), getattr(found, name)) for name in ("vectors", "stds", "shares"))
    with pytest.raises(FileNotFoundError):
        Components.load(tmp_path / "nowhere")
