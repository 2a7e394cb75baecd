"""The adversarial game at the smallest size at which it is still the whole game: points in the plane.

Both players are networks of two hidden layers of 32. The generator G turns noise z into a point, the discriminator D
gives every point of the plane one number, high for "real". A *round* is ``k`` steps of D and one step of G; each step
is one gradient of one of three objectives (`d_loss`, `g_loss`) and one step of Adam. What takes a GPU week with faces
takes a second here, and everything can be drawn: what D believes everywhere, what G does to the whole of its noise,
and the push that every made point feels.

A `Game` is a value. A step takes one and gives the next, nothing is kept anywhere else, and every random number
belongs to (seed, which player, which step): the same rules and seed give the same game, bit for bit, whether it is
played in one go, paused and carried through a file (`Game.pack`), or interleaved with another one.

Points are float32 tensors (N, 2); real ones lie in [-1, 1] x [-1, 1].
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models import seeding, threads

HIDDEN = 32
BATCH = 128
PENALTY = 0.1
"""Weight of the gradient penalty. Gulrajani et al. use 10 for pictures and 0.1 for points in the plane."""
BETAS, EPSILON = (0.5, 0.9), 1e-8
WEIGHT_LIMIT = 1e4
"""Beyond this a weight has run away; a fair game keeps them below 10."""
NOISE_LIMIT = 8
DRAWING_LIMIT = 500
OBJECTIVES = ("non-saturating", "wasserstein", "least-squares")
FAIR = {"non-saturating": (0.01, 0.001, 1), "wasserstein": (0.002, 0.002, 1), "least-squares": (0.005, 0.001, 1)}
"""lr_d, lr_g and k with which each objective finds the ring."""
PRIORS = ("uniform", "normal")

RING = np.array([[0.8 * math.cos(a), 0.8 * math.sin(a)] for a in np.arange(8) * math.pi / 4])
GRID_9 = np.array([[x, y] for y in (-0.7, 0.0, 0.7) for x in (-0.7, 0.0, 0.7)])
GRID_25 = np.array([[x, y] for y in np.linspace(-0.8, 0.8, 5) for x in np.linspace(-0.8, 0.8, 5)])
SPOTS = {"ring": (RING, 0.03), "grid-9": (GRID_9, 0.05), "grid-25": (GRID_25, 0.03)}
"""Mixtures of Gaussians: their centres and the standard deviation of each."""


def _moons(numbers: np.random.Generator, count: int) -> np.ndarray:
    angle = numbers.uniform(0, math.pi, count)
    upper = numbers.random(count) < 0.5
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle)) - 0.5
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
    return 0.58 * np.stack([x, y], 1) + 0.03 * numbers.standard_normal((count, 2))


def _spiral(numbers: np.random.Generator, count: int) -> np.ndarray:
    turn = np.sqrt(numbers.uniform(0.04, 1, count))  # the root: as many points per length outside as inside
    angle = 3.5 * math.pi * turn
    points = 0.85 * turn[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return points + 0.02 * numbers.standard_normal((count, 2))


def _disc(numbers: np.random.Generator, count: int) -> np.ndarray:
    radius, angle = 0.75 * np.sqrt(numbers.random(count)), 2 * math.pi * numbers.random(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


CURVES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "moons": _moons,
    "spiral": _spiral,
    "disc": _disc,
}
SHAPES = (*SPOTS, *CURVES, "drawing")
DRAWN_WIDTH = 0.02
"""Standard deviation around each drawn point: a pen has a width."""


@dataclass(frozen=True)
class Rules:
    """What is played. Two games by the same rules are the same game.

    Attributes:
        shape: where real points come from, one of `SHAPES`.
        drawing: for the shape "drawing": 1 to 500 points (x, y) within -1 to 1.
        objective: one of `OBJECTIVES`.
        noise: numbers in z, 1 to 8.
        prior: their distribution: uniform on -1 to 1, or standard normal.
        lr_d, lr_g: Adam's learning rates of D and G, above 0 and at most 1.
        k: steps of D in each round, 1 to 20.
        seed: of everything random, at least 0.

    Raises ValueError for anything else.
    """

    shape: str = "ring"
    drawing: tuple[tuple[float, float], ...] = ()
    objective: str = "non-saturating"
    noise: int = 2
    prior: str = "normal"
    lr_d: float = 0.01
    lr_g: float = 0.001
    k: int = 1
    seed: int = 7

    def __post_init__(self) -> None:
        for name, options in (("shape", SHAPES), ("objective", OBJECTIVES), ("prior", PRIORS)):
            if getattr(self, name) not in options:
                raise ValueError(f"{name} is one of {', '.join(options)}, not {getattr(self, name)!r}")
        for name, low, high in (("noise", 1, NOISE_LIMIT), ("k", 1, 20), ("seed", 0, 2**32 - 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(f"{name} is a whole number from {low} to {high}, not {value!r}")
        for name in ("lr_d", "lr_g"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is above 0 and at most 1, not {getattr(self, name)!r}")
        if self.shape == "drawing" and not 1 <= len(self.drawing) <= DRAWING_LIMIT:
            raise ValueError(f"a drawing has 1 to {DRAWING_LIMIT} points, not {len(self.drawing)}")
        if any(len(point) != 2 or not all(-1 <= v <= 1 for v in point) for point in self.drawing):
            raise ValueError("the points of a drawing are pairs of numbers from -1 to 1")


def real_points(rules: Rules, numbers: np.random.Generator, count: int) -> Tensor:
    """Points as the data gives them, (count, 2)."""
    if rules.shape in CURVES:
        points = CURVES[rules.shape](numbers, count)
    else:
        centres, width = SPOTS.get(rules.shape) or (np.array(rules.drawing), DRAWN_WIDTH)
        points = centres[numbers.integers(len(centres), size=count)] + width * numbers.standard_normal((count, 2))
    return torch.from_numpy(points.astype(np.float32))


def noise(rules: Rules, numbers: np.random.Generator, count: int) -> Tensor:
    """Noise z as G is fed, (count, rules.noise)."""
    shape = (count, rules.noise)
    z = numbers.uniform(-1, 1, shape) if rules.prior == "uniform" else numbers.standard_normal(shape)
    return torch.from_numpy(z.astype(np.float32))


# ---- the players


def _shapes(inputs: int, outputs: int) -> list[tuple[int, ...]]:
    return [(HIDDEN, inputs), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (outputs, HIDDEN), (outputs,)]


def network(weights: Tensor, x: Tensor, outputs: int) -> Tensor:
    """A network of two hidden layers whose weights are one flat vector: (N, inputs) -> (N, outputs)."""
    shapes = _shapes(x.shape[1], outputs)
    parts = weights.split([math.prod(shape) for shape in shapes])
    w1, b1, w2, b2, w3, b3 = (part.view(shape) for part, shape in zip(parts, shapes, strict=True))
    x = F.leaky_relu(F.linear(x, w1, b1), 0.2)
    x = F.leaky_relu(F.linear(x, w2, b2), 0.2)
    return F.linear(x, w3, b3)


@dataclass(frozen=True)
class Player:
    """One network: its weights and Adam's two moments, all flat vectors of one length, and the steps it has made."""

    weights: Tensor
    mean: Tensor
    square: Tensor
    steps: int = 0

    def adam(self, gradient: Tensor, rate: float) -> "Player":
        """The player after one step of Adam (Kingma & Ba 2015, algorithm 1) down this gradient."""
        steps = self.steps + 1
        mean = BETAS[0] * self.mean + (1 - BETAS[0]) * gradient
        square = BETAS[1] * self.square + (1 - BETAS[1]) * gradient.square()
        unbiased_mean = mean / (1 - BETAS[0] ** steps)
        unbiased_square = square / (1 - BETAS[1] ** steps)
        weights = self.weights - rate * unbiased_mean / (unbiased_square.sqrt() + EPSILON)
        return Player(weights, mean, square, steps)


def _new_player(numbers: np.random.Generator, inputs: int, outputs: int) -> Player:
    """Weights from N(0, 2 / inputs of the layer) (He et al. 2015), no biases."""
    parts = [
        numbers.standard_normal(shape) * math.sqrt(2 / shape[1]) if len(shape) == 2 else np.zeros(shape)
        for shape in _shapes(inputs, outputs)
    ]
    weights = torch.from_numpy(np.concatenate([part.ravel() for part in parts]).astype(np.float32))
    return Player(weights, torch.zeros_like(weights), torch.zeros_like(weights))


def _size(inputs: int, outputs: int) -> int:
    return sum(math.prod(shape) for shape in _shapes(inputs, outputs))


HEADER = 5  # steps of D, steps of G, noise dimension, high and low half of the seed


@dataclass(frozen=True)
class Game:
    """A game at one moment: both players, and what must not change while it goes on."""

    d: Player
    g: Player
    noise: int
    seed: int

    def pack(self) -> np.ndarray:
        """The whole game as one flat float32 vector of about 7,000 numbers."""
        header = [self.d.steps, self.g.steps, self.noise, self.seed >> 16, self.seed & 0xFFFF]
        vectors = [part for one in (self.d, self.g) for part in (one.weights, one.mean, one.square)]
        return np.concatenate([np.array(header, np.float32), *(vector.numpy() for vector in vectors)])

    @staticmethod
    def unpack(packed: np.ndarray) -> "Game":
        """The game that `pack` wrote, which then goes on bit for bit. ValueError for a vector that is none."""
        wrong = ValueError("that is not a packed game")
        packed = np.asarray(packed)
        if packed.dtype != np.float32 or packed.ndim != 1 or len(packed) < HEADER or not np.isfinite(packed).all():
            raise wrong
        header = packed[:HEADER].astype(np.float64)
        if (
            (header < 0).any()
            or (header != header.round()).any()
            or (header > [2**24] * 2 + [8] + [2**16 - 1] * 2).any()
        ):
            raise wrong
        steps_d, steps_g, dimensions, high, low = (int(value) for value in header)
        sizes = [_size(2, 1)] * 3 + [_size(dimensions, 2)] * 3
        if dimensions < 1 or len(packed) != HEADER + sum(sizes):
            raise wrong
        # cloned: torch's own memory is aligned the same way each time, and so are its sums
        vectors = [part.clone() for part in torch.from_numpy(packed[HEADER:].copy()).split(sizes)]
        if min(vectors[2].min(), vectors[5].min()) < 0:
            raise wrong
        game = Game(Player(*vectors[:3], steps_d), Player(*vectors[3:], steps_g), dimensions, high << 16 | low)
        if not game.sound:
            raise wrong
        return game

    @property
    def sound(self) -> bool:
        """Whether the weights have not run away towards infinity."""
        players = (self.d, self.g)
        return all(bool(one.weights.abs().max() <= WEIGHT_LIMIT and one.square.sum().isfinite()) for one in players)


# Items of the seed: 0 the first weights, 1 what is looked at, then D's and G's steps in turn.
FIRST, LOOK, STEPS = 0, 1, 2


def start(rules: Rules) -> Game:
    """The game before the first step."""
    numbers = seeding.generator(rules.seed, FIRST)
    return Game(_new_player(numbers, 2, 1), _new_player(numbers, rules.noise, 2), rules.noise, rules.seed)


# ---- the objectives


def d_loss(objective: str, real: Tensor, made: Tensor, slope: Tensor | None = None) -> Tensor:
    """What D wants small, from its answers on real and made points, each (N, 1).

    non-saturating: -E[log sigmoid(D(x))] - E[log(1 - sigmoid(D(G(z))))] (Goodfellow et al. 2014, equation 1).
    wasserstein: E[D(G(z))] - E[D(x)] + 0.1 E[(slope - 1)^2] (Gulrajani et al. 2017, equation 3); slope (N,) is the
    length of D's gradient at points between real and made ones, from `slopes`.
    least-squares: E[(D(x) - 1)^2] / 2 + E[D(G(z))^2] / 2 (Mao et al. 2017, equation 9).
    """
    if objective == "wasserstein":
        return made.mean() - real.mean() + PENALTY * (slope - 1).square().mean()
    if objective == "least-squares":
        return ((real - 1).square().mean() + made.square().mean()) / 2
    return F.softplus(-real).mean() + F.softplus(made).mean()


def g_loss(objective: str, made: Tensor) -> Tensor:
    """What G wants small, from D's answers on made points, (N, 1).

    non-saturating: -E[log sigmoid(D(G(z)))]; wasserstein: -E[D(G(z))]; least-squares: E[(D(G(z)) - 1)^2] / 2.
    """
    if objective == "wasserstein":
        return -made.mean()
    if objective == "least-squares":
        return (made - 1).square().mean() / 2
    return F.softplus(-made).mean()


def slopes(weights: Tensor, points: Tensor) -> Tensor:
    """The length of D's gradient at each point, (N, 2) -> (N,), itself differentiable by D's weights."""
    points = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(network(weights, points, 1).sum(), points, create_graph=True)
    return (gradient.square().sum(1) + 1e-12).sqrt()  # the root has no slope at 0


# ---- the moves, always on one core: more would only wait for each other, and could sum in another order


def step_d(game: Game, rules: Rules) -> Game:
    """One step of the discriminator; the generator stands still."""
    numbers = seeding.generator(rules.seed, STEPS + 2 * game.d.steps)
    real, z = real_points(rules, numbers, BATCH), noise(rules, numbers, BATCH)
    between = torch.from_numpy(numbers.random((BATCH, 1), dtype=np.float32))
    with threads.for_batch(1), torch.enable_grad():
        made = network(game.g.weights, z, 2)
        weights = game.d.weights.clone().requires_grad_()
        slope = slopes(weights, made + between * (real - made)) if rules.objective == "wasserstein" else None
        answers = network(weights, torch.cat([real, made]), 1)
        loss = d_loss(rules.objective, answers[:BATCH], answers[BATCH:], slope)
        (gradient,) = torch.autograd.grad(loss, weights)
    return replace(game, d=game.d.adam(gradient, rules.lr_d))


def step_g(game: Game, rules: Rules) -> Game:
    """One step of the generator; the discriminator stands still."""
    z = noise(rules, seeding.generator(rules.seed, STEPS + 2 * game.g.steps + 1), BATCH)
    with threads.for_batch(1), torch.enable_grad():
        weights = game.g.weights.clone().requires_grad_()
        loss = g_loss(rules.objective, network(game.d.weights, network(weights, z, 2), 1))
        (gradient,) = torch.autograd.grad(loss, weights)
    return replace(game, g=game.g.adam(gradient, rules.lr_g))


def play(game: Game, rules: Rules, rounds: int) -> Game:
    """The game ``rounds`` rounds later, each k steps of D and one of G.

    Ends early, at the last sound round, if the weights run away to infinity.
    """
    for _ in range(rounds):
        after = game
        for _ in range(rules.k):
            after = step_d(after, rules)
        after = step_g(after, rules)
        if not after.sound:
            break
        game = after
    return game


# ---- looking at it

REACH = 1.25
"""The plane is looked at from -REACH to REACH along both axes."""
HEAT_SIDE = 40
SHOWN = 200
JUDGED = 2000
MANIFOLD_SIDE = 25
BINS = 40
BANDWIDTH = 0.06
FLOOR = 1e-4
CELLS = 6
FAIR_SHARE = 0.2


@dataclass(frozen=True)
class Modes:
    """The places where the data are, and which of them G has found.

    Attributes:
        centres: (M, 2).
        radius: of the disc around each centre, or half the side of its square cell.
        covered: (M,) bool.
    """

    centres: np.ndarray
    radius: float
    covered: np.ndarray


@dataclass(frozen=True)
class Look:
    """Everything that can be seen of a game, always of the same points and noise, so that it moves and never flickers.

    Attributes:
        heat: D's belief (`belief`) at the middles of 40 x 40 squares from -REACH to REACH, (rows, columns), y upwards.
        real, made: 200 points each, (200, 2).
        pushes: -dL_G/dx of each of these made points, (200, 2): where it would have to go for G's loss to fall.
        manifold: G's image of a grid of equally likely noise, (rows, columns, 2); one row for one-dimensional noise.
            Of noise with more than two dimensions it is the plane of the first two, the others at 0.
        kl, js: KL(real || made) and the Jensen-Shannon divergence, in nats, of `density` of 2,000 points each.
        modes: which places of the data are covered by the 2,000 made points.
        d_loss, g_loss: the objective on these points.
        answers: D's mean belief on the real and on the made points.
    """

    heat: np.ndarray
    real: np.ndarray
    made: np.ndarray
    pushes: np.ndarray
    manifold: np.ndarray
    kl: float
    js: float
    modes: Modes
    d_loss: float
    g_loss: float
    answers: tuple[float, float]


def look(game: Game, rules: Rules) -> Look:
    """What there is to see of a game; the game is left as it is."""
    numbers = seeding.generator(rules.seed, LOOK)
    real, z = real_points(rules, numbers, JUDGED), noise(rules, numbers, JUDGED)
    grid = noise_grid(rules)
    with threads.for_batch(1), torch.no_grad():
        made = network(game.g.weights, z, 2)
        manifold = network(game.g.weights, grid.reshape(-1, rules.noise), 2).reshape(*grid.shape[:2], 2)
        answers = network(game.d.weights, torch.cat([real, made, HEAT_PLACES]), 1)
        on_real, on_made, on_heat = answers.split([JUDGED, JUDGED, HEAT_SIDE**2])
        slope = None
        with torch.enable_grad():
            shown = made[:SHOWN].clone().requires_grad_()
            # the sum, not the mean: the push on one point does not depend on how many others are drawn
            loss = SHOWN * g_loss(rules.objective, network(game.d.weights, shown, 1))
            (gradient,) = torch.autograd.grad(loss, shown)
            if rules.objective == "wasserstein":
                slope = slopes(game.d.weights, (real + made) / 2).detach()
        believed = belief(rules.objective, on_heat, on_real, on_made)
        p, q = density(real.numpy()), density(made.numpy())
        return Look(
            heat=believed[0].reshape(HEAT_SIDE, HEAT_SIDE).numpy(),
            real=real[:SHOWN].numpy(),
            made=made[:SHOWN].numpy(),
            pushes=-gradient.numpy(),
            manifold=manifold.numpy(),
            kl=kl(p, q),
            js=js(p, q),
            modes=modes(rules, real.numpy(), made.numpy()),
            d_loss=float(d_loss(rules.objective, on_real, on_made, slope)),
            g_loss=float(g_loss(rules.objective, on_made)),
            answers=(float(believed[1].mean()), float(believed[2].mean())),
        )


def _heat_places() -> Tensor:
    middles = ((torch.arange(HEAT_SIDE) + 0.5) / HEAT_SIDE * 2 - 1) * REACH
    return torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1).reshape(-1, 2)


HEAT_PLACES = _heat_places()


def belief(objective: str, heat: Tensor, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """D's answers as numbers from 0, "made", to 1, "real"; 1/2 is "cannot tell".

    non-saturating: sigmoid(D), the probability. least-squares: D itself, whose targets are 0 and 1, clamped.
    wasserstein: a critic has no zero and no scale, so 1/2 is midway between its means on real and made points, and
    four standard deviations of its answers over the plane are the range.
    """
    if objective == "non-saturating":
        return torch.sigmoid(heat), torch.sigmoid(real), torch.sigmoid(made)
    if objective == "least-squares":
        return heat.clamp(0, 1), real.clamp(0, 1), made.clamp(0, 1)
    middle, spread = (real.mean() + made.mean()) / 2, 4 * heat.std() + 1e-6
    scaled = [(0.5 + (answers - middle) / spread).clamp(0, 1) for answers in (heat, real, made)]
    return scaled[0], scaled[1], scaled[2]


def noise_grid(rules: Rules) -> Tensor:
    """Equally likely places of z, (rows, columns, rules.noise): a grid of the first two dimensions, or one line."""
    count = MANIFOLD_SIDE if rules.noise > 1 else 10 * MANIFOLD_SIDE
    shares = (torch.arange(count) + 0.5) / count
    places = 2 * shares - 1 if rules.prior == "uniform" else torch.special.ndtri(shares)
    if rules.noise == 1:
        return places[None, :, None]
    grid = torch.zeros(count, count, rules.noise)
    grid[..., 0], grid[..., 1] = places[None], places[:, None]
    return grid


# ---- judging it


def _blur() -> np.ndarray:
    middles = (np.arange(BINS) + 0.5) * 2 * REACH / BINS
    kernel = np.exp(-(((middles[:, None] - middles[None]) / BANDWIDTH) ** 2) / 2)
    return kernel / kernel.sum(1, keepdims=True)


BLUR = _blur()


def density(points: np.ndarray) -> np.ndarray:
    """An estimate of where points (N, 2) lie: probabilities of 40 x 40 bins over -REACH to REACH, float64.

    The histogram is blurred with a Gaussian of standard deviation 0.06 (a kernel density estimate on a grid), and one
    part in 10,000 is spread evenly, so that nothing is impossible. Points outside count for the nearest bin.
    """
    places = ((points.astype(np.float64) / REACH + 1) / 2 * BINS).clip(0, BINS - 1).astype(np.int64)
    counts = np.bincount(places[:, 1] * BINS + places[:, 0], minlength=BINS**2).reshape(BINS, BINS)
    blurred = BLUR.T @ counts @ BLUR
    return (1 - FLOOR) * blurred / blurred.sum() + FLOOR / BINS**2


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p || q) in nats, of probabilities; q is nowhere 0."""
    return float((p * np.log(p / q, where=p > 0, out=np.zeros_like(p))).sum())


def js(p: np.ndarray, q: np.ndarray) -> float:
    """The Jensen-Shannon divergence in nats: 0 for equal densities, ln 2 for two that never meet (Lin 1991)."""
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


def regions(rules: Rules, points: np.ndarray) -> np.ndarray:
    """In which region of the data each point (N, 2) lies, or -1.

    For spots, region i is the disc of three standard deviations around spot i; for every other shape it is cell i of
    6 x 6 over the square.
    """
    if rules.shape in SPOTS:
        centres, width = SPOTS[rules.shape]
        distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
        return np.where(distances.min(1) <= 3 * width, distances.argmin(1), -1)
    cells = np.floor((points.astype(np.float64) + 1) / 2 * CELLS).clip(-1, CELLS).astype(np.int64)
    return np.where(((cells >= 0) & (cells < CELLS)).all(1), cells[:, 1] * CELLS + cells[:, 0], -1)


def modes(rules: Rules, real: np.ndarray, made: np.ndarray) -> Modes:
    """The modes of the data, and which of them the made points cover; real and made are (N, 2) and (M, 2).

    A mode is a region with at least a third of an even share of the real points. It is covered if the share of the
    made points there is at least a fifth of the share of the real ones.
    """
    spots = SPOTS.get(rules.shape)
    count = len(spots[0]) if spots else CELLS**2
    there, found = (np.bincount(regions(rules, points) + 1, minlength=count + 1)[1:] for points in (real, made))
    is_mode = np.flatnonzero(there / len(real) >= 1 / (3 * count))
    covered = found[is_mode] / len(made) >= FAIR_SHARE * there[is_mode] / len(real)
    if spots:
        return Modes(spots[0][is_mode], 3 * spots[1], covered)
    centres = (np.stack([is_mode % CELLS, is_mode // CELLS], 1) + 0.5) * 2 / CELLS - 1
    return Modes(centres, 1 / CELLS, covered)
