"""Recipe for the VAE family: ``python -m models.training.vae --data toons --beta 1 --minutes 15 --out runs/vae-toons``.

The loss per picture, in nats:  -log N(x; decoder(z), sigma^2)  +  beta * KL  +  weight * perceptual distance.
The first two are the negative ELBO of :mod:`models.vae`. The third is not part of it and is reported apart: it asks
that the reconstruction look alike to a network that knows edges and textures, which no pixel-wise density can ask.
"""

import json
from pathlib import Path

import torch

from models.training import data as datasets
from models.training.harness import Run, arguments, autocast, device, run_recipe
from models.training.vae_report import report
from models.training.vgg import VGG16, perceptual_distance
from models.vae import VAE, VAEConfig, elbo


def main(argv: list[str] | None = None) -> None:
    """Train one member of the family and write weights, training.json and the card into ``--out``."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--beta", type=float, default=1.0, help="weight of the KL term; 0 is the plain autoencoder")
    parser.add_argument("--sigma", type=float, default=0.3, help="standard deviation of p(x|z), picture range [-1, 1]")
    parser.add_argument(
        "--perceptual", type=float, default=0.0, help="weight of the perceptual term in nats; 0 skips it"
    )
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate of Adam")
    options = parser.parse_args(argv)

    pictures = datasets.load(options.data, options.folder, split="train")
    where = device()
    torch.manual_seed(options.seed)  # the initial weights; everything later has its own generators
    config = VAEConfig(sigma=options.sigma, beta=options.beta, data=pictures.data)
    model = VAE(config)
    origin = None
    if options.resume and not (options.resume / "state.json").exists():
        start = VAE.load(options.resume)
        before = json.loads((options.resume / "training.json").read_text())
        minutes_before = before["training_minutes"] + before.get("minutes_before", 0.0)
        described = f"weights trained with beta {start.config.beta:g} and sigma {start.config.sigma:g}"
        origin = {
            "started_from": f"{described} ({minutes_before:g} minutes before these)",
            "minutes_before": minutes_before,
        }
        model.load_state_dict(start.state_dict())
    model = model.to(where, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), lr=options.rate, betas=(0.9, 0.99))
    run = Run("vae", options.out, {"vae": model}, {"adam": optimiser}, options, averaged=("vae",))
    run.origin = origin or run.origin
    vgg = VGG16(blocks=3).to(where) if options.perceptual else None
    mirror = pictures.data != "toons"  # a drawing winks with one eye: its mirror image is not in the set

    def step(generator: torch.Generator) -> dict[str, float]:
        chosen = torch.randint(len(pictures.images), (options.batch,), generator=generator)
        x = pictures.tensor(chosen.numpy())
        if mirror:
            flipped = torch.rand(options.batch, generator=generator) < 0.5
            x = torch.where(flipped.view(-1, 1, 1, 1), x.flip(3), x)
        noise = torch.randn(options.batch, config.latent_size, generator=generator).to(where)
        x = x.to(where).to(memory_format=torch.channels_last)
        with autocast():
            posterior = model.encode(x)
            z = posterior.sample(noise) if options.beta else posterior.mean
            reconstruction = model.decode(z)
            # A quarter of the batch is enough for an unbiased gradient, and the feature network costs most of the time.
            few = slice(0, max(1, options.batch // 4))
            perceptual = perceptual_distance(vgg, x[few], reconstruction[few]).mean() if vgg else torch.zeros(())
        bound = elbo(x, posterior, reconstruction, config.sigma, options.beta)
        loss = -bound.total.mean() + options.perceptual * perceptual
        optimiser.zero_grad()
        (loss / x[0].numel()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        return {
            "elbo": bound.total.mean().item(),
            "kl": bound.kl.mean().item(),
            "rmse": (x - reconstruction).detach().square().mean().sqrt().item(),
            "perceptual": perceptual.item(),
        }

    held_out = datasets.load(options.data, options.folder, split="test")
    shown = held_out.tensor(range(min(16, len(held_out.images))))
    prior = torch.randn(32, config.latent_size, generator=torch.Generator().manual_seed(7))

    def sheet() -> torch.Tensor:
        network = run.average_of("vae", VAE(config))
        return torch.cat([shown, network.decode(network.encode(shown).mean), network.decode(prior)])

    run.train(step, sheet)
    final = run.average_of("vae", VAE(config))
    folder = Path(options.out) / "weights"
    final.save(folder)
    record = run.record(pictures.data, pictures.data_hash(), {})
    (folder / "training.json").write_text(json.dumps(record))
    report(folder, options.data, options.folder)


if __name__ == "__main__":
    raise SystemExit(run_recipe(main))
