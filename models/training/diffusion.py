"""Recipe for diffusion: ``python -m models.training.diffusion --data toons --minutes 60 --out runs/diffusion-toons``.

The network sees pictures noised to a random t and learns v by least squares, which weights every t by SNR + 1
(Salimans & Ho 2022). How much of the condition it is told says :mod:`models.training.told`. What is shipped is the
moving average of the weights. t is drawn once in every one of ``batch`` equal parts of 0..999 (stratified), which makes
the loss of a small batch less of a lottery. With ``--focus`` the places where attributes show count more.
"""

import argparse
import json

import numpy as np
import torch
from diffusers import UNet2DModel
from torch import Tensor, nn

from models import conditions, diffusion, seeding
from models.diffusion import TRAIN_STEPS, AttributeEncoder, Denoiser
from models.training import data as datasets
from models.training import focus
from models.training.diffusion_report import report
from models.training.harness import Run, arguments, autocast, device, run_recipe
from models.training.samples import prepend_replay
from models.training.told import shown, wishes

WIDTHS = (64, 96, 128, 160)
SHEET_STEPS = 12
PARTS = 10
"""Parts of 0..999 in which the loss is kept apart, for the curve "loss by timestep"."""


class LossByPart(nn.Module):
    """The recent mean loss in each tenth of 0..999; a module, so that a resumed run goes on with it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("loss", torch.full((PARTS,), float("nan")))

    @torch.no_grad()
    def add(self, losses: Tensor, t: Tensor) -> None:
        """Mix the losses (N,) at t (N,) in."""
        for loss, part in zip(losses.tolist(), (t * PARTS // TRAIN_STEPS).tolist(), strict=True):
            known = float(self.loss[part])
            self.loss[part] = loss if np.isnan(known) else known + 0.01 * (loss - known)

    def numbers(self) -> dict[str, float]:
        """{"loss_at_50": ..., ...}: the mean loss around the middle of each part; parts never seen are left out."""
        middles = (np.arange(PARTS) + 0.5) * TRAIN_STEPS / PARTS
        return {f"loss_at_{m:.0f}": float(x) for m, x in zip(middles, self.loss, strict=True) if not torch.isnan(x)}


def make_unet() -> UNet2DModel:
    """The network: 6.6M weights, 32x32 places of 12 numbers in, attention where 8x8 and fewer are left."""
    return UNet2DModel(
        sample_size=32,
        in_channels=3 * diffusion.FOLD**2,
        out_channels=3 * diffusion.FOLD**2,
        layers_per_block=1,
        block_out_channels=WIDTHS,
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        norm_num_groups=16,
        attention_head_dim=32,
        class_embed_type="identity",
    )


def main(argv: list[str] | None = None) -> None:
    """Train a diffusion model and write it, training.json, the replay and the card into ``--out``."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=6e-4, help="learning rate of AdamW")
    parser.add_argument("--focus", type=float, default=0.0, help="share of the loss where attributes show (focus.py)")
    parser.add_argument("--focus-on", nargs="+", default=[], metavar="NAME", help="these attributes only")
    parser.add_argument("--quick-report", action=argparse.BooleanOptionalAction, default=False, help="fewer samples")
    parser.set_defaults(batch=16)
    options = parser.parse_args(argv)

    pictures = datasets.load(options.data, options.folder, split="train")
    vocabulary, known = wishes(pictures)
    where = device()
    weighed = focus.weights(pictures, vocabulary, known, options.focus, options.focus_on).to(where)
    torch.manual_seed(options.seed)  # the initial weights; everything later has its own generators
    unet, encoder = make_unet(), AttributeEncoder(vocabulary, 4 * WIDTHS[0])
    origin = None
    if options.resume and not (options.resume / "state.json").exists():
        shipped = Denoiser.load(options.resume)
        unet.load_state_dict(shipped.unet.state_dict())
        encoder.load_state_dict(shipped.encoder.state_dict())
        before = json.loads((options.resume / "training.json").read_text())
        minutes = before["training_minutes"] + before.get("minutes_before", 0.0)
        origin = {
            "started_from": f"the weights of {options.resume.name} after {minutes:.0f} minutes",
            "minutes_before": round(minutes, 1),
        }
    unet, encoder = unet.to(where, memory_format=torch.channels_last), encoder.to(where)
    by_part = LossByPart()
    weights = [*unet.parameters(), *encoder.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=options.rate, betas=(0.9, 0.99), weight_decay=0.01)
    networks = {"unet": unet, "encoder": encoder, "by_part": by_part}
    averaged = ("unet", "encoder")
    run = Run("diffusion", options.out, networks, {"both": optimiser}, options, averaged, decay=0.9993)
    if origin:
        run.origin = origin

    def step(source: torch.Generator) -> dict[str, float]:
        x0, told = shown(pictures, vocabulary, known, options.batch, source)
        t = (torch.arange(options.batch) + torch.rand(options.batch, generator=source)) / options.batch * TRAIN_STEPS
        t = t.long().clamp(0, TRAIN_STEPS - 1)
        noise = torch.randn(x0.shape, generator=source)
        x0, noise, told, t = (tensor.to(where) for tensor in (x0, noise, told, t))
        # q_sample leaves t = 0 as it is, and there v is the noise: nothing that x_t tells, so learning starts at 1
        t = t.clamp_min(1)
        target = torch.nn.functional.pixel_unshuffle(diffusion.v_from(x0, noise, t), diffusion.FOLD)
        folded = torch.nn.functional.pixel_unshuffle(diffusion.q_sample(x0, noise, t), diffusion.FOLD)
        with autocast():
            v = unet(folded.contiguous(memory_format=torch.channels_last), t, class_labels=encoder(told)).sample
        errors = torch.nn.functional.pixel_shuffle((v.float() - target).square(), diffusion.FOLD)
        losses = errors.mean((1, 2, 3))
        loss = (errors * weighed).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        size = torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        by_part.add(losses.detach().cpu(), t.cpu())
        return {"loss": float(losses.detach().mean()), "gradient": float(size)}

    drawn = make_unet().to(where, memory_format=torch.channels_last), AttributeEncoder(vocabulary, 4 * WIDTHS[0])
    noise = seeding.normal(options.seed, 16, (3, 64, 64))
    asked = [conditions.named(vocabulary, row) for row in known[: len(noise)]]

    def sheet() -> Tensor:
        """Sixteen pictures from the same noises: the upper eight unasked, the lower with eight pictures' conditions."""
        denoiser = average(run, *drawn)
        labels = [{}] * 8 + asked[8:]
        with autocast():
            *_, end = diffusion.denoise(denoiser, noise.to(where), SHEET_STEPS, "dpm", 1.0, labels)
        return end.x_next.float().clamp(-1, 1).cpu()

    run.train(step, sheet, warm_up=200, final_rate=0.03, hold=0.5, measure=by_part.numbers)

    folder = options.out / "weights"
    denoiser = average(run, make_unet(), AttributeEncoder(vocabulary, 4 * WIDTHS[0]))
    save(denoiser, folder)
    record = run.record(pictures.data, pictures.data_hash(), {}) | {"replay": run.replay}
    (folder / "training.json").write_text(json.dumps(record))
    report(folder, options.data, options.out, options.folder, quick=options.quick_report)
    if origin:
        prepend_replay(folder, options.resume)


def average(run: Run, unet: UNet2DModel, encoder: AttributeEncoder) -> Denoiser:
    """The averaged networks of a run as a denoiser."""
    where = next(iter(run.averages["unet"].values())).device
    networks = run.average_of("unet", unet.to(where)), run.average_of("encoder", encoder.to(where))
    return Denoiser(*networks)


def save(denoiser: Denoiser, folder) -> None:
    """Write ``unet/`` (float16, shards below 9 MB), ``encoder/`` and ``scheduler/`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    denoiser.unet.cpu().half().save_pretrained(folder / "unet", max_shard_size="9MB")
    denoiser.unet.float()
    if denoiser.encoder:
        denoiser.encoder.cpu().save(folder / "encoder")
    diffusion.make_scheduler("ddim", 25).save_pretrained(folder / "scheduler")


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
