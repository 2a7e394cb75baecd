"""models/diffusion.py against diffusers, closed forms and itself."""

import math
import subprocess
import sys
from pathlib import Path

import diffusers
import pytest
import torch
from diffusers import UNet2DModel
from torch import Tensor

from models import diffusion, seeding
from models.diffusion import AttributeEncoder, Denoiser, DenoiseStep, Keep, denoise, denoise_together, walk

VOCABULARY = {"hair": ("black", "pink"), "mouth": ("smile", "sad", "laugh")}
SIDE = 16
ROOT = Path(__file__).resolve().parents[2]


def tiny(channels: int = 12, vectors: bool = True) -> UNet2DModel:
    """A UNet of a few thousand random weights; diffusers starts no layer at zero, so it answers something."""
    torch.manual_seed(0)
    size = SIDE // (2 if channels == 12 else 1)
    return (
        UNet2DModel(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=1,
            block_out_channels=(16, 16),
            down_block_types=("DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D"),
            norm_num_groups=4,
            class_embed_type="identity" if vectors else None,
        )
        .eval()
        .requires_grad_(False)
    )


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    torch.manual_seed(1)
    return Denoiser(tiny(), AttributeEncoder(VOCABULARY, 64).eval().requires_grad_(False))


def noise(count: int = 1, seed: int = 0) -> Tensor:
    return seeding.normal(seed, count, (3, SIDE, SIDE))


def last(steps) -> Tensor:
    return list(steps)[-1].x_next


def test_alpha_bar_is_the_one_of_diffusers():
    reference = diffusers.DDPMScheduler(num_train_timesteps=1000, **diffusion.BETAS).alphas_cumprod
    found = torch.tensor([diffusion.alpha_bar(t) for t in range(1000)])
    assert torch.allclose(found.float(), reference, atol=1e-6)
    assert diffusion.sigma(999) == pytest.approx(157.4, abs=0.5)
    assert diffusion.snr_db(999) == pytest.approx(-43.9, abs=0.1)


@pytest.mark.parametrize("t", [1, 250, 500, 999])
def test_forward_marginals_have_the_mean_and_variance_of_the_equation(t):
    x0 = torch.full((4000, 1, 2, 2), 0.7)
    x_t = diffusion.q_sample(x0, torch.randn(x0.shape, generator=torch.Generator().manual_seed(0)), t)
    abar = diffusion.alpha_bar(t)
    assert float(x_t.mean()) == pytest.approx(0.7 * math.sqrt(abar), abs=0.03)
    assert float(x_t.var()) == pytest.approx(1 - abar, abs=0.03)


def test_forward_agrees_with_diffusers_and_leaves_t_0_alone():
    x0, eps = noise(3).clamp(-1, 1), noise(3, seed=5)
    t = torch.tensor([10, 400, 999])
    reference = diffusers.DDPMScheduler(num_train_timesteps=1000, **diffusion.BETAS).add_noise(x0, eps, t)
    assert torch.allclose(diffusion.q_sample(x0, eps, t), reference, atol=1e-5)
    assert torch.equal(diffusion.q_sample(x0, eps, 0), x0)
    mixed = diffusion.q_sample(x0, eps, torch.tensor([0, 400, 0]))
    assert torch.equal(mixed[0], x0[0]) and not torch.equal(mixed[1], x0[1])


@pytest.mark.parametrize("t", [1, 300, 700, 990])
def test_x0_epsilon_and_v_convert_into_one_another(t):
    x0, eps = noise(2).double(), noise(2, seed=3).double()
    x_t = diffusion.q_sample(x0, eps, t)
    v = diffusion.v_from(x0, eps, t)
    assert torch.allclose(diffusion.x0_from(x_t, v, t), x0, atol=1e-9)
    assert torch.allclose(diffusion.noise_from(x_t, v, t), eps, atol=1e-9)
    assert torch.allclose(diffusion.v_from_noise(x_t, eps, t), v, atol=1e-9)
    assert torch.allclose(diffusion.v_from_x0(x_t, x0, t), v, atol=1e-9)


@pytest.mark.parametrize("name", list(diffusion.SCHEDULERS))
@pytest.mark.parametrize("steps", [1, 7, 20])
def test_every_sampler_walks_as_the_bare_loop_of_diffusers_does(denoiser, name, steps):
    plan = diffusion.make_scheduler(name, steps)
    assert int(plan.timesteps[0]) == 999
    x = noise() * plan.init_noise_sigma
    dice = [seeding.torch_generator(4, diffusion.NOISE_STREAM)]
    nothing = denoiser.encoder(torch.full((1, 2), -1))
    with torch.inference_mode():
        for t in plan.timesteps:
            seen = torch.nn.functional.pixel_unshuffle(plan.scale_model_input(x, t), 2)
            v = torch.nn.functional.pixel_shuffle(denoiser.unet(seen, t, class_labels=nothing).sample, 2)
            x = plan.step(v, t, x, **({"generator": dice} if name == "ddpm" else {})).prev_sample
    found = last(denoise(denoiser, noise(), steps=steps, scheduler=name, seeds=[4]))
    assert torch.allclose(found, x, atol=2e-4 * float(x.abs().max()))


@pytest.mark.parametrize("name", list(diffusion.SCHEDULERS))
def test_records_fit_together(denoiser, name):
    steps = list(denoise(denoiser, noise(2), steps=6, scheduler=name, seeds=[0, 1]))
    assert [s.index for s in steps] == list(range(6)) and all(s.of == 6 for s in steps)
    assert [s.timestep for s in steps] == diffusion.timesteps(name, 6)
    assert steps[-1].next_timestep == 0
    assert torch.equal(steps[0].x_t, noise(2))
    for a, b in zip(steps, steps[1:], strict=False):
        assert torch.equal(a.x_next, b.x_t) and a.next_timestep == b.timestep
    for s in steps:
        assert torch.allclose(diffusion.q_sample(s.x0, s.noise, s.timestep), s.x_t, atol=1e-4)
        assert torch.equal(s.change, s.x_next - s.x_t)
        assert s.snr_db == pytest.approx(10 * math.log10(s.alpha_bar / (1 - s.alpha_bar)), abs=1e-6)
        assert torch.equal(s.conditional, s.unconditional)
    # a sampler in the other scale would have a standard deviation of sigma, not of one
    assert float(steps[1].x_t.std()) < 3


def test_the_last_step_ends_at_the_guess_itself(denoiser):
    for name in ("ddim", "euler", "heun", "dpm"):
        end = list(denoise(denoiser, noise(), steps=5, scheduler=name))[-1]
        assert torch.allclose(end.x_next, end.x0, atol=1e-3 * float(end.x0.abs().max()))


@pytest.mark.parametrize(("name", "guidance", "labels", "expected"), [
    ("ddim", 3.0, {"hair": "pink"}, 14), ("ddim", 1.0, {"hair": "pink"}, 7), ("ddim", 0.0, {"hair": "pink"}, 7),
    ("ddim", 3.0, {}, 7), ("heun", 1.0, {"hair": "pink"}, 13), ("heun", 3.0, {"hair": "pink"}, 26),
    ("dpm", 3.0, {"hair": "pink"}, 14), ("euler", 0.0, None, 7), ("ddpm", 2.0, {"hair": "pink"}, 14),
])  # fmt: skip
def test_nfe_counts_the_calls_that_happened(denoiser, name, guidance, labels, expected):
    mine = denoiser.counted()
    steps = list(denoise(mine, noise(2), 7, name, guidance, labels, seeds=[0, 1]))
    assert steps[-1].nfe == expected
    assert mine.calls == 2 * expected
    assert denoiser.calls != mine.calls or denoiser is not mine


def test_guidance_1_is_the_conditional_answer_and_0_the_unconditional_one(denoiser):
    wish = {"hair": "pink", "mouth": "sad"}
    v = denoiser.predict(noise(), 500, [wish])
    free = denoiser.predict(noise(), 500, [{}])
    assert not torch.allclose(v, free, atol=1e-3)
    first = next(iter(denoise(denoiser, noise(), 2, guidance=1.0, labels=wish)))
    assert torch.allclose(first.x0, diffusion.x0_from(noise(), denoiser.predict(noise(), 999, [wish]), 999), atol=1e-5)
    assert torch.equal(
        last(denoise(denoiser, noise(), 4, guidance=0.0, labels=wish)), last(denoise(denoiser, noise(), 4))
    )


def test_guidance_goes_further_along_the_difference(denoiser):
    step = next(iter(denoise(denoiser, noise(), 3, guidance=4.0, labels={"hair": "pink"})))
    expected = step.unconditional + 4.0 * (step.conditional - step.unconditional)
    assert torch.allclose(step.x0, expected, atol=1e-4)


def test_ddim_with_eta_1_has_the_variance_of_ddpm():
    ddim, ddpm = diffusion.make_scheduler("ddim", 50), diffusion.make_scheduler("ddpm", 50)
    for t in (999, 499, 99):
        step = int(ddim.timesteps[0] - ddim.timesteps[1])
        assert float(ddim._get_variance(t, t - step)) == pytest.approx(float(ddpm._get_variance(t)), rel=1e-5)


def test_eta_adds_noise_that_follows_from_the_seed(denoiser):
    runs = [last(denoise(denoiser, noise(), 5, eta=e, seeds=[s])) for e, s in ((0.0, 1), (1.0, 1), (1.0, 1), (1.0, 2))]
    assert torch.equal(runs[1], runs[2])
    assert not torch.allclose(runs[0], runs[1]) and not torch.allclose(runs[1], runs[3])


@pytest.mark.parametrize("name", list(diffusion.SCHEDULERS))
def test_a_picture_is_the_same_alone_and_in_a_batch(denoiser, name):
    both = last(denoise(denoiser, noise(2), 4, name, 3.0, {"hair": "pink"}, seeds=[8, 9]))
    second = last(denoise(denoiser, noise(2)[1:], 4, name, 3.0, {"hair": "pink"}, seeds=[9]))
    assert float((both[1:] - second).abs().max()) < 2 / 255 / 2


def test_lanes_walked_together_are_the_lanes_walked_alone(denoiser):
    plans = [{"steps": 4}, {"steps": 6, "scheduler": "heun"}, {"steps": 4, "scheduler": "dpm", "guidance": 1.0}]
    together: dict[int, list[DenoiseStep]] = {}
    for lane, step in denoise_together(denoiser, [walk(noise(), labels={"hair": "pink"}, **p) for p in plans]):
        together.setdefault(lane, []).append(step)
    for lane, plan in enumerate(plans):
        alone = list(denoise(denoiser, noise(), labels={"hair": "pink"}, **plan))
        assert len(together[lane]) == len(alone)
        assert together[lane][-1].nfe == alone[-1].nfe
        assert torch.allclose(together[lane][-1].x_next, alone[-1].x_next, atol=1e-4)


@pytest.mark.parametrize("name", ["ddim", "heun", "dpm", "euler"])
def test_starting_in_the_middle_is_the_rest_of_the_whole_walk(denoiser, name):
    whole = list(denoise(denoiser, noise(), 8, name))
    middle = whole[4]
    rest = list(denoise(denoiser, middle.x_t, 8, name, start=middle.timestep))
    assert [s.timestep for s in rest] == [s.timestep for s in whole[4:]]
    if name != "dpm":  # a multistep solver forgets the step before
        assert torch.allclose(rest[-1].x_next, whole[-1].x_next, atol=1e-3 * float(whole[-1].x_next.abs().max()))


def test_starting_at_t_0_has_nothing_to_do(denoiser):
    assert list(denoise(denoiser, noise(), 25, start=0)) == []


@pytest.mark.parametrize(("name", "again"), [("ddim", 1), ("ddim", 3), ("ddpm", 2)])
def test_a_repair_leaves_what_is_known_as_it_is(denoiser, name, again):
    x0 = noise(1, seed=11).clamp(-1, 1)
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., : SIDE // 2] = 1
    mine = denoiser.counted()
    steps = list(denoise(mine, noise(2), 6, name, seeds=[1, 2], keep=Keep(x0, mask, again)))
    made = steps[-1].x_next
    assert torch.equal(made[..., : SIDE // 2], x0[..., : SIDE // 2].expand(2, -1, -1, -1))
    assert not torch.allclose(made[0, ..., SIDE // 2 :], made[1, ..., SIDE // 2 :])
    assert steps[-1].nfe == 5 * again + 1 and mine.calls == 2 * steps[-1].nfe


def test_a_network_of_the_hub_runs_and_refuses_attributes():
    hub = Denoiser(tiny(channels=3, vectors=False), None, "epsilon")
    assert hub.size == SIDE and hub.conditions == {}
    steps = list(denoise(hub, noise(), 3))
    assert torch.isfinite(steps[-1].x_next).all()
    with pytest.raises(ValueError, match="unconditional"):
        list(denoise(hub, noise(), 3, labels={"hair": "pink"}))


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon", "sample"])
def test_what_a_network_predicts_is_turned_into_v(prediction):
    unet = tiny(channels=3, vectors=False)
    answer = unet(noise(), 300).sample
    v = Denoiser(unet, None, prediction).predict(noise(), 300)
    back = {"v_prediction": lambda: v, "epsilon": lambda: diffusion.noise_from(noise(), v, 300),
            "sample": lambda: diffusion.x0_from(noise(), v, 300)}[prediction]()  # fmt: skip
    assert torch.allclose(back, answer, atol=1e-5)


def test_the_encoder_tells_wishes_apart_and_survives_a_file(tmp_path):
    torch.manual_seed(2)
    encoder = AttributeEncoder(VOCABULARY, 8).requires_grad_(False)
    torch.nn.init.normal_(encoder.null.data)
    asked = torch.tensor([[-1, -1], [0, -1], [-1, 0], [1, 2]])
    vectors = encoder(asked).detach()
    assert torch.equal(vectors[0], encoder.null)
    assert min(float((a - b).abs().max()) for i, a in enumerate(vectors) for b in vectors[:i]) > 1e-4
    encoder.save(tmp_path)
    again = AttributeEncoder.load(tmp_path)
    assert again.vocabulary == VOCABULARY
    assert torch.allclose(again(asked), vectors, atol=1e-2)


@pytest.mark.parametrize(("options", "word"), [
    ({"steps": 0}, "steps"), ({"steps": 251}, "steps"), ({"steps": True}, "steps"), ({"steps": 2.5}, "steps"),
    ({"scheduler": "magic"}, "scheduler"), ({"scheduler": None}, "scheduler"), ({"guidance": -1.0}, "guidance"),
    ({"guidance": math.nan}, "guidance"), ({"guidance": 31.0}, "guidance"), ({"eta": 2.0}, "eta"),
    ({"eta": math.nan}, "eta"), ({"eta": 0.5, "scheduler": "euler", "seeds": [1]}, "eta"),
    ({"scheduler": "ddpm"}, "seeds"), ({"eta": 1.0, "seeds": [1, 2]}, "seeds"),
    ({"labels": {"hat": "red"}}, "hat"), ({"labels": {"hair": "green"}}, "hair"), ({"labels": [{}, {}]}, "labels"),
    ({"scheduler": "dpm", "keep": Keep(torch.zeros(1, 3, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE))}, "repair"),
])  # fmt: skip
def test_bad_arguments_are_refused_by_name(denoiser, options, word):
    with pytest.raises(ValueError, match=word):
        list(denoise(denoiser, noise(), **options))


def test_other_networks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="channels"):
        Denoiser(UNet2DModel(sample_size=8, in_channels=4, out_channels=4, block_out_channels=(32,),
                             down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",)))  # fmt: skip
    with pytest.raises(ValueError, match="prediction"):
        Denoiser(tiny(), None, "magic")
    with pytest.raises(FileNotFoundError):
        Denoiser.load(tmp_path)


def test_diffusers_is_imported_whole_by_whoever_comes_while_it_is():
    """The library replaces itself while it is imported: who comes in the middle must not keep what was there before."""
    code = """
import sys
import threading
from models import diffusion
found = []
def ask():
    found.append(len(diffusion.timesteps("ddim", 5)))
first, second = threading.Thread(target=ask), threading.Thread(target=ask)
first.start()
while "diffusers" not in sys.modules:
    pass
second.start()
first.join()
second.join()
assert found == [5, 5], found
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
