"""Weights with a byte each: how far they are from what they were, and that both kinds of file are read."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from models import packing, vae


def network(seed: int = 0) -> vae.VAE:
    torch.manual_seed(seed)
    return vae.VAE(vae.VAEConfig(widths=(16, 16, 16, 16, 16), latent_size=8)).eval()


def test_a_byte_is_off_by_half_a_step_at_most():
    state = {"weight": torch.randn(64, 128) * torch.logspace(-3, 1, 64)[:, None], "bias": torch.randn(64)}
    read = packing.opened(packing.packed(state))
    step = state["weight"].half().float().abs().amax(1, keepdim=True) / 127
    assert ((read["weight"] - state["weight"].half().float()).abs() <= 0.5001 * step).all()
    assert torch.equal(read["bias"], state["bias"].half().float())


def test_what_is_small_or_no_number_stays_as_it_is():
    state = {"table": torch.arange(9000).view(90, 100), "kernel": torch.randn(4, 4), "zero": torch.zeros(100, 100)}
    read = packing.opened(packing.packed(state))
    assert torch.equal(read["table"], state["table"])
    assert torch.equal(read["kernel"], state["kernel"].half().float())
    assert torch.equal(read["zero"], state["zero"])


@pytest.mark.parametrize("store", [packing.halves, packing.packed])
def test_a_network_draws_nearly_the_same_from_either_kind_of_file(tmp_path, store):
    model = network()
    model.save(tmp_path)
    save_file(store(model.state_dict()), tmp_path / "model.safetensors")
    codes = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        difference = (vae.VAE.load(tmp_path).decode(codes) - model.decode(codes)).abs().max()
    assert float(difference) < 0.02


def test_repacking_halves_a_file_once(tmp_path):
    model = network()
    model.save(tmp_path)
    file = tmp_path / "model.safetensors"
    before = file.stat().st_size
    after = packing.repack(file)
    assert after < 0.8 * before  # what is small stays, and most of this one is
    stored = load_file(file)
    assert packing.repack(file) == after
    assert all(torch.equal(value, load_file(file)[name]) for name, value in stored.items())
