"""Diffusion, whole: how a picture is noised, what the network learns, and every way back from noise to a picture.

*Forward*, a picture x0 becomes noise in 1,000 small steps. All of them together are one line, because Gaussian noise
added to Gaussian noise is Gaussian (Ho et al. 2020, equation 4), with alpha_bar_t = prod_(s <= t) (1 - beta_s):

    x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) epsilon,        epsilon ~ N(0, 1)

*Backward*, a network looks at x_t and at t and guesses both parts at once. It is trained on v, the direction from the
picture to the noise (Salimans & Ho 2022, section 4), from which everything else follows by turning the coordinates:

    v = sqrt(alpha_bar_t) epsilon - sqrt(1 - alpha_bar_t) x0
    x0 = sqrt(alpha_bar_t) x_t - sqrt(1 - alpha_bar_t) v
    epsilon = sqrt(1 - alpha_bar_t) x_t + sqrt(alpha_bar_t) v

A *sampler* takes the guess and walks a little way: DDPM adds fresh noise, DDIM none, Heun looks twice before each step,
DPM-Solver++ remembers the step before, Euler follows the tangent. Their arithmetic is diffusers'; what is here is the
loop around it, which records everything. *Guidance* asks the network twice, with and without the wish, and goes
further in the direction in which the two answers differ (Ho & Salimans 2022, equation 6).

Pictures are float32 (N, 3, 64, 64) in [-1, 1]. t is diffusers' index: 999 is noise, and t = 0 returns a picture as it
is. Every x_t here is variance-preserving, as in the equations above, whatever scale a sampler works in.
"""

import copy
import importlib
import json
import math
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models import conditions, seeding

if TYPE_CHECKING:
    from diffusers import UNet2DModel

TRAIN_STEPS = 1000
BETAS = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
"""Ho et al. 2020, section 4: at t = 999 sigma is 157, so the model never meets a noise that still shows the picture."""
SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "heun": "HeunDiscreteScheduler",
    "dpm": "DPMSolverMultistepScheduler",
    "euler": "EulerDiscreteScheduler",
}
"""Names of classes in diffusers, which takes seconds to import: it is, when the first walk or network needs it."""
FOLD = 2
"""Pixels folded into channels, each way: the network sees 32x32 places of 12 numbers, at a quarter of the cost."""
NOISE_STREAM = 1_000_003
"""Item of a seed from which the noise that DDPM adds on the way is drawn; item i is the noise it starts from."""

_IMPORTING = threading.Lock()
_ALPHA_BAR = torch.cumprod(1 - torch.linspace(BETAS["beta_start"], BETAS["beta_end"], TRAIN_STEPS).double(), 0)


def alpha_bar(t: int) -> float:
    """Share of the picture's variance that is left at t."""
    return float(_ALPHA_BAR[t])


def sigma(t: int) -> float:
    """Noise over picture at t, sqrt((1 - alpha_bar) / alpha_bar): the time that Heun and Euler walk in."""
    return math.sqrt((1 - alpha_bar(t)) / alpha_bar(t))


def snr_db(t: int) -> float:
    """Signal-to-noise ratio at t in decibels, 10 log10(alpha_bar / (1 - alpha_bar))."""
    return -20.0 * math.log10(sigma(t))


def _parts(t: int | Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), in a shape that multiplies ``like`` picture by picture."""
    shares = _ALPHA_BAR.to(like.device)[torch.as_tensor(t, device=like.device)].reshape(-1, *[1] * (like.ndim - 1))
    return shares.sqrt().to(like.dtype), (1 - shares).sqrt().to(like.dtype)


def q_sample(x0: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
    """Forward (Ho et al. 2020, equation 4): x0 and noise of one shape -> x_t; t whole, or (N,) one per picture.

    By definition t = 0 returns x0 unchanged, although alpha_bar_0 is 0.9999.
    """
    signal, rest = _parts(t, x0)
    noised = signal * x0 + rest * noise
    still = (torch.as_tensor(t, device=x0.device) == 0).reshape(-1, *[1] * (x0.ndim - 1))
    return torch.where(still, x0, noised)


def v_from(x0: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
    """v = sqrt(alpha_bar) epsilon - sqrt(1 - alpha_bar) x0 (Salimans & Ho 2022, section 4): what the network learns."""
    signal, rest = _parts(t, x0)
    return signal * noise - rest * x0


def x0_from(x_t: Tensor, v: Tensor, t: int | Tensor) -> Tensor:
    """The picture in x_t, given v: x0 = sqrt(alpha_bar) x_t - sqrt(1 - alpha_bar) v."""
    signal, rest = _parts(t, x_t)
    return signal * x_t - rest * v


def noise_from(x_t: Tensor, v: Tensor, t: int | Tensor) -> Tensor:
    """The noise in x_t, given v: epsilon = sqrt(1 - alpha_bar) x_t + sqrt(alpha_bar) v."""
    signal, rest = _parts(t, x_t)
    return rest * x_t + signal * v


def v_from_noise(x_t: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
    """v, given the noise in x_t: the turn solved for v. For networks that were trained on epsilon."""
    signal, rest = _parts(t, x_t)
    return (noise - rest * x_t) / signal


def v_from_x0(x_t: Tensor, x0: Tensor, t: int | Tensor) -> Tensor:
    """v, given the picture in x_t. For networks that were trained on x0."""
    signal, rest = _parts(t, x_t)
    return (signal * x_t - x0) / rest


class AttributeEncoder(nn.Module):
    """A condition -> the vector that is added to the network's time embedding.

    Every value of every attribute has a learnt vector, and so has "not asked"; their sum passes a small network. A
    condition that asks for nothing gets one learnt null vector instead, which is what guidance compares with.
    """

    def __init__(self, vocabulary: Mapping[str, Sequence[str]], size: int):
        super().__init__()
        self.vocabulary = {name: tuple(values) for name, values in vocabulary.items()}
        counts = torch.tensor([len(values) for values in self.vocabulary.values()], dtype=torch.int64)
        # one table for all attributes; row 0 of each attribute is "not asked"
        self.register_buffer("first", torch.cumsum(counts + 1, 0) - (counts + 1), persistent=False)
        self.values = nn.Embedding(int((counts + 1).sum()), size)
        self.mix = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, size))
        self.null = nn.Parameter(torch.zeros(size))
        nn.init.normal_(self.values.weight, std=0.3)

    def forward(self, positions: Tensor) -> Tensor:
        """Positions (N, A) of :func:`models.conditions.positions` -> (N, size)."""
        asked = self.mix(self.values(self.first + positions + 1).sum(1))
        nothing = (positions == conditions.NOT_ASKED).all(1, keepdim=True)
        return torch.where(nothing, self.null.to(asked.dtype), asked)

    def save(self, folder: Path) -> None:
        """Write ``encoder.safetensors`` (float16) and ``config.json`` (the vocabulary) into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().cpu().half().contiguous() for name, value in self.state_dict().items()}
        save_file(state, folder / "encoder.safetensors")
        config = {"size": self.null.numel(), "vocabulary": self.vocabulary}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "AttributeEncoder":
        """Read an encoder written by :meth:`save`. Raises FileNotFoundError where there is none."""
        config = json.loads((Path(folder) / "config.json").read_text())
        encoder = cls(config["vocabulary"], config["size"])
        state = load_file(Path(folder) / "encoder.safetensors")
        encoder.load_state_dict({name: value.float() for name, value in state.items()})
        return encoder.eval().requires_grad_(False)


class Denoiser:
    """A diffusers ``UNet2DModel`` that answers v for pictures, and counts how often it was asked.

    Args:
        unet: with 3 * FOLD^2 channels it sees folded pixels, with 3 the picture as it is.
        encoder: for a network with class vectors; without one there is nothing to ask for.
        prediction: what the network was trained to predict, a diffusers ``prediction_type``.
    """

    def __init__(self, unet: "UNet2DModel", encoder: AttributeEncoder | None = None, prediction: str = "v_prediction"):
        channels = unet.config.in_channels
        if channels not in (3, 3 * FOLD**2) or unet.config.out_channels != channels:
            raise ValueError(f"the network must have 3 or {3 * FOLD**2} channels in and out, not {channels}")
        if prediction not in ("v_prediction", "epsilon", "sample"):
            raise ValueError(f"prediction must be v_prediction, epsilon or sample, not {prediction!r}")
        self.unet, self.encoder, self.prediction = unet, encoder, prediction
        self.fold = 1 if channels == 3 else FOLD
        self.size = unet.config.sample_size * self.fold
        self.calls = 0

    @classmethod
    def load(cls, folder: Path) -> "Denoiser":
        """Read ``unet/``, ``encoder/`` and ``scheduler/`` of a folder, or a bare ``UNet2DModel`` from the hub's layout.

        Raises:
            FileNotFoundError: if the folder holds no network.
        """
        folder = Path(folder)
        place = folder / "unet" if (folder / "unet").is_dir() else folder
        if not (place / "config.json").is_file():
            raise FileNotFoundError(f"{place} holds no network")
        diffusers = _diffusers()
        unet = diffusers.UNet2DModel.from_pretrained(
            place, torch_dtype=torch.float32, local_files_only=True, low_cpu_mem_usage=False
        )
        encoder = AttributeEncoder.load(folder / "encoder") if (folder / "encoder").is_dir() else None
        schedule = folder / "scheduler" / "scheduler_config.json"
        prediction = json.loads(schedule.read_text())["prediction_type"] if schedule.is_file() else "epsilon"
        unet = unet.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        return cls(unet, encoder, prediction)

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """{attribute: its values} that can be asked for; empty for an unconditional network."""
        return self.encoder.vocabulary if self.encoder else {}

    def counted(self) -> "Denoiser":
        """The same networks with a counter of their own, at 0: one for each run."""
        twin = copy.copy(self)
        twin.calls = 0
        return twin

    @torch.inference_mode()
    def predict(self, x_t: Tensor, t: int | Tensor, labels: Sequence[Mapping[str, str]] | None = None) -> Tensor:
        """x_t (N, 3, 64, 64) at t, and one condition per picture (None: nothing is asked) -> v, same shape.

        Raises:
            ValueError: if something is asked of an unconditional network, or that no vocabulary knows.
        """
        count = len(x_t)
        labels = [conditions.check(self.conditions, asked) for asked in labels or [{}] * count]
        positions = conditions.positions(self.conditions, labels).to(x_t.device)
        vector = self.encoder(positions) if self.encoder else None
        self.calls += count
        folded = F.pixel_unshuffle(x_t, self.fold).contiguous(memory_format=torch.channels_last)
        t = torch.as_tensor(t, device=x_t.device)
        answer = self.unet(folded, t, class_labels=vector).sample
        answer = F.pixel_shuffle(answer, self.fold)
        if self.prediction == "epsilon":
            return v_from_noise(x_t, answer, t)
        return v_from_x0(x_t, answer, t) if self.prediction == "sample" else answer


@dataclass(frozen=True)
class DenoiseStep:
    """One step of a sampler: what went in, what the network said, and what came out.

    Attributes:
        index, of: this is step ``index`` (from 0) of ``of``.
        timestep, next_timestep: t of ``x_t`` and of ``x_next``; the last step's ``next_timestep`` is 0.
        x_t: what the network saw, (N, 3, 64, 64), variance-preserving, as all the others.
        x0: its guess of the end, after guidance; noise: the noise that goes with it.
        conditional, unconditional: its two guesses of the end before guidance; the same one where it was asked once.
        change: ``x_next - x_t``. x_next: what the sampler made of it; after the last step, the picture.
        alpha_bar, snr_db: of ``timestep``. nfe: network evaluations per picture so far, this step's included.
    """

    index: int
    of: int
    timestep: int
    next_timestep: int
    x_t: Tensor
    x0: Tensor
    noise: Tensor
    conditional: Tensor
    unconditional: Tensor
    change: Tensor
    x_next: Tensor
    alpha_bar: float
    snr_db: float
    nfe: int


@dataclass(frozen=True)
class Keep:
    """What a repair must leave as it is: ``x0`` (N or 1, 3, 64, 64) where ``mask`` (1, 1, 64, 64) is 1.

    ``again`` is how often every step is taken back and repeated, so that the new part can grow into the old one
    (RePaint, Lugmayr et al. 2022, algorithm 1); 1 is plain replacement.
    """

    x0: Tensor
    mask: Tensor
    again: int = 1


def _diffusers() -> Any:
    """The library, imported when it is first needed, without its progress bars for reading a file.

    It replaces itself while it is imported and loads its classes when they are named: of two threads that come
    together the later one would find it half made.
    """
    with _IMPORTING:
        library = importlib.import_module("diffusers")
        for name in ("UNet2DModel", *SCHEDULERS.values()):
            getattr(library, name)
        library.utils.logging.disable_progress_bar()
        return library


def make_scheduler(name: str, steps: int) -> Any:
    """The diffusers scheduler ``name`` over our schedule, ready for ``steps`` steps, last sigma first.

    Raises:
        ValueError: for an unknown name or a number of steps outside 1..250.
    """
    if not isinstance(name, str) or name not in SCHEDULERS:
        raise ValueError(f"scheduler must be one of {', '.join(SCHEDULERS)}, not {name!r:.60}")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 250:
        raise ValueError(f"steps must be a whole number from 1 to 250, not {steps!r:.60}")
    more = {"clip_sample": False} if name in ("ddim", "ddpm") else {}
    made = getattr(_diffusers(), SCHEDULERS[name])(
        num_train_timesteps=TRAIN_STEPS, prediction_type="v_prediction", timestep_spacing="trailing", **BETAS, **more
    )
    made.set_timesteps(steps)
    return made


def timesteps(name: str, steps: int, start: int | None = None) -> list[int]:
    """t of every step of a sampler, from noise to picture; with ``start`` only those at or below it."""
    seen = dict.fromkeys(int(t) for t in make_scheduler(name, steps).timesteps)
    return [t for t in seen if start is None or t <= start]


@dataclass(frozen=True)
class Query:
    """What a walk wants to know: v of every picture of ``x_t`` (M, 3, 64, 64) at ``t``, under its condition."""

    x_t: Tensor
    t: int
    labels: list[Mapping[str, str]]


Walk = Generator[Query | DenoiseStep, Tensor | None, None]


def walk(
    noise: Tensor,
    steps: int = 25,
    scheduler: str = "ddim",
    guidance: float = 3.0,
    labels: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
    eta: float = 0.0,
    seeds: Sequence[int] | None = None,
    start: int | None = None,
    keep: Keep | None = None,
) -> Walk:
    """One sampler from noise to picture, without a network: it yields queries, is sent v, and yields its steps.

    Args:
        noise: where it begins, (N, 3, 64, 64): x_T, or with ``start`` the x_t of ``timesteps(..., start)[0]``.
        steps: steps of the whole schedule. scheduler: one of SCHEDULERS.
        guidance: w; 0 asks for nothing, 1 takes the conditional answer, above 1 goes further.
        labels: one condition for all pictures, or one each.
        eta: how much of DDPM's noise DDIM adds (Song et al. 2021, equation 16); 0 is deterministic.
        seeds: one for each picture, for the noise that is added on the way (ddpm, ddim with eta, repairs).
        start: begin at the first step at or below this t. keep: what must stay as it is (ddim and ddpm only).

    Raises:
        ValueError: naming an argument that is not allowed.
    """
    plan = make_scheduler(scheduler, steps)
    count = len(noise)
    asked = [dict(labels or {})] * count if labels is None or isinstance(labels, Mapping) else [dict(x) for x in labels]
    if len(asked) != count:
        raise ValueError(f"labels must be one condition or {count}, not {len(asked)}")
    if not 0 <= guidance <= 30:
        raise ValueError(f"guidance must be from 0 to 30, not {guidance!r:.60}")
    if not 0 <= eta <= 1 or (eta and scheduler != "ddim"):
        raise ValueError(f"eta must be from 0 to 1 and is for ddim only, not {eta!r:.60} with {scheduler}")
    if keep and scheduler not in ("ddim", "ddpm"):
        raise ValueError(f"a repair needs ddim or ddpm, not {scheduler}")
    random = scheduler == "ddpm" or eta > 0 or (keep is not None and keep.again > 1)
    if random and (seeds is None or len(seeds) != count):
        raise ValueError(f"seeds must be {count} whole numbers: this sampler adds noise on the way")
    dice = [seeding.torch_generator(seed, NOISE_STREAM) for seed in seeds] if random else None
    more = {"ddim": {"eta": eta, "generator": dice}, "ddpm": {"generator": dice}}.get(scheduler, {})

    times = timesteps(scheduler, steps, start)
    whole = len(dict.fromkeys(plan.timesteps.tolist()))
    each = plan.order  # Heun asks twice for every step but its last
    if hasattr(plan, "set_begin_index"):
        plan.set_begin_index(each * (whole - len(times)))
    exploding = scheduler in ("heun", "euler")  # their samples are x_t sqrt(1 + sigma^2)
    twice = guidance not in (0, 1) and any(asked)
    nfe = 0
    x_t = x_next = noise
    for index, t in enumerate(times):
        last = index == len(times) - 1
        after = 0 if last else times[index + 1]
        for repeat in range(keep.again if keep and not last else 1):
            if repeat:  # back to t: one step of the forward process from ``after`` (RePaint, line 8)
                share = alpha_bar(t) / alpha_bar(after)
                fresh = torch.stack([torch.randn(noise.shape[1:], generator=die) for die in dice])
                x_t = math.sqrt(share) * x_next + math.sqrt(1 - share) * fresh
            if keep:
                x_t = torch.where(keep.mask > 0.5, q_sample(keep.x0.expand_as(x_t), noise, t), x_t)
            sample = x_t * math.sqrt(1 + sigma(t) ** 2) if exploding else x_t
            for evaluation in range(1 if last else each):
                at = t if evaluation == 0 else after
                seen = sample / math.sqrt(1 + sigma(at) ** 2) if exploding else sample
                v = yield Query(*_both(seen, asked, at) if twice else (seen, at, asked if guidance else [{}] * count))
                nfe += 1 + twice
                with_wish, without = v.chunk(2) if twice else (v, v)
                guided = without + guidance * (with_wish - without) if twice else v
                if evaluation == 0:
                    first, wish, free = guided, with_wish, without
                sample = plan.step(guided, torch.tensor(at, dtype=plan.timesteps.dtype), sample, **more).prev_sample
            x_next = sample / math.sqrt(1 + sigma(after) ** 2) if exploding and not last else sample
        if keep:
            known = keep.x0.expand_as(x_next)
            x_next = torch.where(keep.mask > 0.5, known if last else q_sample(known, noise, after), x_next)
        yield DenoiseStep(
            index=index,
            of=len(times),
            timestep=t,
            next_timestep=after,
            x_t=x_t,
            x0=x0_from(x_t, first, t),
            noise=noise_from(x_t, first, t),
            conditional=x0_from(x_t, wish, t),
            unconditional=x0_from(x_t, free, t),
            change=x_next - x_t,
            x_next=x_next,
            alpha_bar=alpha_bar(t),
            snr_db=snr_db(t),
            nfe=nfe,
        )
        x_t = x_next


def _both(x_t: Tensor, asked: list[dict[str, str]], t: int) -> tuple[Tensor, int, list[dict[str, str]]]:
    """The query that guidance needs: every picture with its wish, and again without."""
    return torch.cat([x_t, x_t]), t, asked + [{}] * len(asked)


def denoise(denoiser: Denoiser, noise: Tensor, *args: Any, **options: Any) -> Iterator[DenoiseStep]:
    """Walk from noise (N, 3, 64, 64) to pictures and yield every step; the arguments are those of :func:`walk`.

    The last step's ``x_next`` is the picture. Nothing is yielded when ``start`` lies below the last step's t.
    """
    for _, step in denoise_together(denoiser, [walk(noise, *args, **options)]):
        yield step


def denoise_together(denoiser: Denoiser, walks: Sequence[Walk]) -> Iterator[tuple[int, DenoiseStep]]:
    """Several walks at once, all their queries of one moment answered by one call of the network: (walk, its step)."""
    waiting: dict[int, Query] = {}

    def advance(lane: int, v: Tensor | None) -> Iterator[tuple[int, DenoiseStep]]:
        """Send v into a walk and take what it yields until it asks again or ends."""
        waiting.pop(lane, None)
        try:
            while isinstance(item := walks[lane].send(v), DenoiseStep):
                yield lane, item
                v = None
            waiting[lane] = item
        except StopIteration:
            return

    with torch.inference_mode():
        for lane in range(len(walks)):
            yield from advance(lane, None)
        while waiting:
            lanes, queries = list(waiting), list(waiting.values())
            t = torch.cat([torch.full((len(q.x_t),), q.t) for q in queries])
            labels = [asked for q in queries for asked in q.labels]
            answers = denoiser.predict(torch.cat([q.x_t for q in queries]), t, labels)
            for lane, v in zip(lanes, answers.split([len(q.x_t) for q in queries]), strict=True):
                yield from advance(lane, v)
