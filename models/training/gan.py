"""Recipe for the GAN: ``python -m models.training.gan --data portraits --minutes 60 --out runs/gan-portraits``.

Non-saturating losses with R1 on real pictures every 16th step, equalised learning rates, minibatch statistics, adaptive
augmentation, mirrored pictures, styles mixed between two faces in half of all pictures, and an average of G's weights:
StyleGAN2-ADA (Karras et al. 2020) cut down to what two cores can do. A run from random weights grows from 16 to 64
pixels (``grow.py``), which is most of what makes an hour enough.

``--collapse`` leaves out what keeps the game fair: no augmentation, no R1, no minibatch statistics, no mixing, and a
generator that learns forty times as fast as the discriminator and settles on whatever D believes today. With
``--resume WEIGHTS`` it begins from a GAN that can draw already. What becomes of it is counted by the report.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models import gan, metrics, modes, seeding, zoo
from models.training import data as datasets
from models.training import grow
from models.training.augment import Augment
from models.training.eyes import Eyes, eyes_loss, fooled_loss
from models.training.gan_report import report
from models.training.harness import RecipeError, Run, arguments, autocast, device, run_recipe
from models.training.redraw import ALONE, FEW, KEPT, Redraw
from models.training.samples import prepend_replay

R1_EVERY = 16
MIXED = 0.5
HURRY = {"generator": 4.0, "discriminator": 0.1}
"""Learning rates of the collapsing run, as multiples of ``--rate``."""
SAMPLES = 1000
EYES_RATE = 2e-4
EYES_SHARE = 2
"""The eyes cost more than everything else together; they look at one picture of so many."""


def main(argv: list[str] | None = None) -> None:
    """Train a GAN and write both networks, training.json, the replay and the card into ``--out``."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate of Adam for both networks")
    parser.add_argument("--gamma", type=float, default=0.5, help="strength of R1; 0 leaves it out")
    parser.add_argument("--augment", type=float, default=0.1, help="probability p at the start; 0: none, ever")
    parser.add_argument("--eyes", type=float, default=0.0, help="weight of a second critic that can see (eyes.py)")
    parser.add_argument("--redraw", type=float, default=0.0, help="share of the time for a start (redraw.py)")
    parser.add_argument("--collapse", action="store_true", help="train without what prevents collapse")
    parser.set_defaults(batch=32)
    options = parser.parse_args(argv)

    pictures = datasets.load(options.data, options.folder, split="train")
    if options.redraw and pictures.data not in zoo.DATA_SETS:
        raise RecipeError(f"--redraw needs a shipped VAE; there is one for {' and '.join(zoo.DATA_SETS)}")
    where = device()
    torch.manual_seed(options.seed)  # the initial weights; everything later has its own generators
    config = gan.GANConfig(data=pictures.data, statistics=not options.collapse)
    generator, discriminator = gan.Generator(config), gan.Discriminator(config)
    origin = None
    if options.resume and not (options.resume / "state.json").exists():
        generator.load_state_dict(gan.Generator.load(options.resume).state_dict())
        discriminator.load_state_dict(_critic(options.resume, config))
        before = json.loads((options.resume / "training.json").read_text())
        minutes = before["training_minutes"] + before.get("minutes_before", 0.0)
        origin = {
            "started_from": f"the weights of {options.resume.name} after {minutes:.0f} minutes",
            "minutes_before": round(minutes, 1),
        }
    augment = Augment(0.0 if options.collapse else options.augment).to(where)
    generator, discriminator = (n.to(where, memory_format=torch.channels_last) for n in (generator, discriminator))
    entrances = grow.Entrances(config).to(where)
    networks = {"generator": generator, "discriminator": discriminator}
    hurry = HURRY if options.collapse else {}
    learnt = {
        "generator": generator.parameters(),
        "discriminator": [*discriminator.parameters(), *entrances.parameters()],
    }
    optimisers = {
        name: torch.optim.Adam(weights, lr=options.rate * hurry.get(name, 1.0), betas=(0.0, 0.99))
        for name, weights in learnt.items()
    }
    others = {"augment": augment, "entrances": entrances}
    eyes = None
    if options.eyes:
        others["eyes"] = eyes = Eyes().to(where, memory_format=torch.channels_last)
        optimisers["eyes"] = torch.optim.Adam(eyes.learnt(), lr=EYES_RATE, betas=(0.0, 0.99))
    run = Run("gan", options.out, networks | others, optimisers, options, averaged=("generator",), decay=0.998)
    if origin:
        run.origin = origin
    grows = not (options.collapse or origin or options.redraw)
    redraw = Redraw(pictures.data, where) if options.redraw else None
    adaptive = options.augment > 0 and not options.collapse
    if not adaptive:
        augment.p.zero_()

    mirror = pictures.data != "toons"  # a drawing winks with one eye: its mirror image is not in the set

    def now() -> grow.Stage:
        return grow.stage(run.progress) if grows else grow.GROWN

    def judge(x: Tensor, stage: grow.Stage) -> Tensor:
        return entrances(discriminator, x, stage)

    def start(source: torch.Generator) -> dict[str, float]:
        """A step before the game: G redraws real pictures."""
        x = pictures.tensor(torch.randint(len(pictures), (options.batch,), generator=source).numpy()).to(where)
        with autocast():
            loss, error, made = redraw.loss(generator, x, source)
        optimisers["generator"].zero_grad(set_to_none=True)
        loss.backward()
        optimisers["generator"].step()
        with torch.no_grad(), autocast():  # the game has not begun: these are scores of a critic that never learnt
            real, made_up = judge(x[:FEW], grow.GROWN), judge(made[:FEW], grow.GROWN)
        return {
            "d_loss": float(gan.discriminator_loss(real, made_up)),
            "g_loss": float(gan.generator_loss(made_up)),
            "score_real": float(real.mean()),
            "score_made": float(made_up.mean()),
            "r1": 0.0,
            "augment": 0.0,
            "pixels": 64.0,
            "redrawn": float(error.detach()),
        }

    def step(source: torch.Generator) -> dict[str, float]:
        if redraw and run.progress < options.redraw:
            return start(source)
        stage = now()
        run.batch = batch = stage.batch * options.batch
        chosen = torch.randint(len(pictures), (batch,), generator=source)
        x = grow.shrink(pictures.tensor(chosen.numpy()), stage.size)
        if mirror:
            flipped = torch.rand(batch, generator=source) < 0.5
            x = torch.where(flipped[:, None, None, None], x.flip(3), x)
        x = x.to(where, memory_format=torch.channels_last)
        with autocast():
            made = grow.synthesis(generator, _styles(generator, batch, source, mixed=not options.collapse), stage)

        shown = augment(x, source)
        with autocast():
            real_logits, made_logits = judge(shown, stage), judge(augment(made.detach(), source), stage)
        loss = gan.discriminator_loss(real_logits, made_logits)
        total, flatness = loss, None
        if options.gamma and not options.collapse and run.step % R1_EVERY == 0:
            flatness = gan.r1_penalty(lambda part: judge(part, stage), shown[: batch // 2])  # half a batch, in float32
            gamma = options.gamma * (stage.size / 64) ** 2  # the fewer pixels, the more D may change with each
            total = loss + 0.5 * gamma * R1_EVERY * flatness
        optimisers["discriminator"].zero_grad(set_to_none=True)
        total.backward()
        optimisers["discriminator"].step()
        if adaptive:
            augment.adapt(real_logits)

        if eyes:
            few = slice(0, batch // EYES_SHARE)
            with autocast():
                seen = eyes_loss(eyes(enlarged(shown[few])), eyes(enlarged(augment(made[few].detach(), source))))
            optimisers["eyes"].zero_grad(set_to_none=True)
            seen.backward()
            optimisers["eyes"].step()

        discriminator.requires_grad_(False)
        with autocast():
            offered = augment(made, source)
            fooled = judge(offered, stage)
        made_loss = total_loss = gan.generator_loss(fooled)
        if eyes:
            with autocast():
                total_loss = made_loss + options.eyes * fooled_loss(eyes(enlarged(offered[few])))
        if redraw:
            with autocast():
                kept, redrawn, _ = redraw.loss(generator, x[:FEW], source)
            total_loss = total_loss + KEPT * (1 - run.progress) * kept
        if not redraw or run.progress > options.redraw + ALONE:
            optimisers["generator"].zero_grad(set_to_none=True)
            total_loss.backward()
            optimisers["generator"].step()
        discriminator.requires_grad_(True)
        step.flatness = float(flatness.detach()) if flatness is not None else step.flatness
        return {
            "d_loss": float(loss.detach()),
            "g_loss": float(made_loss.detach()),
            "score_real": float(real_logits.detach().mean()),
            "score_made": float(made_logits.detach().mean()),
            "r1": step.flatness,
            "augment": float(augment.p),
            "pixels": float(stage.size),
        } | ({"redrawn": float(redrawn.detach())} if redraw else {})

    step.flatness = 0.0  # R1 as last measured: it is computed every 16th step only
    averaged = gan.Generator(config).to(where, memory_format=torch.channels_last)
    latents = seeding.normal(options.seed, SAMPLES, (config.latent_size,)).to(where)
    reference = None
    if pictures.data in zoo.DATA_SETS:
        reader = zoo.attributes(pictures.data)
        reference = _features(reader, pictures.tensor(slice(0, SAMPLES)))

    def draw(z: Tensor) -> Tensor:
        """What the averaged generator makes of z now, (N, 3, 64, 64), enlarged as long as it is smaller than that."""
        stage = now()
        styles = averaged.style(z)[:, None].expand(-1, averaged.layers, -1)
        made = grow.synthesis(averaged, styles, stage).clamp(-1, 1).cpu()
        return made.repeat_interleave(64 // stage.size, 2).repeat_interleave(64 // stage.size, 3)

    def sheet() -> Tensor:
        run.average_of("generator", averaged)
        return draw(latents[:16])

    def measure() -> dict[str, float]:
        """What 1,000 samples of the averaged generator are like now; the networks that measure stay on the CPU."""
        if reference is None:
            return {}
        run.average_of("generator", averaged)
        samples = torch.cat([draw(z) for z in latents.split(100)])
        features = _features(reader, samples)
        numbers = {"frechet": metrics.frechet_distance(features, reference), "diversity": metrics.diversity(features)}
        if pictures.data == "toons":
            numbers["modes"] = modes.count(modes.read(reader, samples))
        return numbers

    run.train(step, sheet, final_rate=0.05, hold=0.6, measure=torch.no_grad()(measure))

    folder = options.out / "weights"
    final = run.average_of("generator", gan.Generator(config))
    discriminator = discriminator.cpu().eval().requires_grad_(False)
    discriminator.typical_spread.copy_(typical_spread(discriminator, pictures))
    final.save(folder)
    discriminator.save(folder)
    rates = {name: options.rate * hurry.get(name, 1.0) for name in networks}
    record = run.record(pictures.data, pictures.data_hash(), {}) | {"replay": run.replay, "rates": rates}
    (folder / "training.json").write_text(json.dumps(record))
    report(folder, options.data, options.out, options.folder)
    if origin and not options.collapse:
        prepend_replay(folder, options.resume)


def enlarged(x: Tensor) -> Tensor:
    """Pictures at 64 pixels, as the eyes need them; a growing generator's are smaller."""
    return x if x.shape[-1] == 64 else F.interpolate(x.float(), size=64, mode="bilinear")


def _critic(folder: Path, config: gan.GANConfig) -> dict[str, Tensor]:
    """The discriminator's weights in ``folder``; without the channel of minibatch statistics if ``config`` has none."""
    weights = gan.Discriminator.load(folder).state_dict()
    if not config.statistics:
        weights["last.weight"] = weights["last.weight"][:, : config.critic_widths[-1]]
    return weights


def _styles(generator: gan.Generator, count: int, source: torch.Generator, mixed: bool) -> Tensor:
    """Styles (count, LAYERS, W) for training; half of the faces take the layers above a random one from another w.

    Mixing regularisation (Karras et al. 2019, section 3.1) keeps neighbouring layers from relying on each other.
    """
    where = generator.constant.device
    z = torch.randn(2 * count, generator.config.latent_size, generator=source).to(where)
    w = generator.style(z if mixed else z[:count])
    generator.w_average.lerp_(w.detach().float().mean(0), 0.01)
    styles = w[:count, None].expand(-1, generator.layers, -1)
    if not mixed:
        return styles
    crossing = torch.randint(1, generator.layers, (count,), generator=source)
    crossing[torch.rand(count, generator=source) >= MIXED] = generator.layers
    first = torch.arange(generator.layers) < crossing[:, None]
    return torch.where(first[:, :, None].to(where), styles, w[count:, None])


@torch.no_grad()
def _features(reader, pictures: Tensor) -> Tensor:
    return torch.cat([reader.features(part) for part in pictures.split(100)])


@torch.no_grad()
def typical_spread(discriminator: gan.Discriminator, pictures: datasets.Pictures) -> float:
    """The minibatch statistic on real pictures, averaged over up to 1,024 of them in fours."""
    if not discriminator.config.statistics:
        return 0.0
    count = min(1024, len(pictures) // 4 * 4)
    parts = pictures.tensor(slice(0, count)).split(64)
    return float(torch.cat([gan.minibatch_spread(discriminator.body(part)) for part in parts]).mean())


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
