"""Numbers about latents and pictures, each from the paper it is named after. NumPy in, NumPy or plain numbers out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

PART = 512  # rows whose distances to all others are in memory at once


def _array(values, name: str, ndim: int = 2) -> np.ndarray:
    """A float64 copy of a tensor or array with `ndim` axes and finite values, else ValueError."""
    array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=np.float64)
    if array.ndim != ndim or 0 in array.shape:
        raise ValueError(f"{name} must have {ndim} axes and no empty one, not shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return array


# --- latents ---------------------------------------------------------------------------------------------------------


def active_units(means, threshold: float = 0.01) -> np.ndarray:
    """Which latent dimensions are used: Var_x(E_q[z|x]) > threshold (Burda, Grosse & Salakhutdinov 2016, section 5.2).

    means: (N, L) posterior means over the data. Returns bool (L,).
    """
    return _array(means, "means").var(axis=0) > threshold


def kl_per_dimension(mean, std) -> np.ndarray:
    """KL(N(mean, std^2) || N(0, 1)) per dimension, in nats, averaged over the data (Kingma & Welling 2014, appendix B).

    = 1/2 (mean^2 + std^2 - 1 - log std^2). mean, std: (N, L), std > 0. Returns (L,).
    """
    mean, std = _array(mean, "mean"), _array(std, "std")
    if (std <= 0).any():
        raise ValueError("std must be positive")
    return (0.5 * (mean**2 + std**2 - 1.0) - np.log(std)).mean(axis=0)


# --- disentanglement -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MIG:
    """`score` in 0..1; `gaps` {factor: its gap}; `information` (L, F) nats between every latent and every factor."""

    score: float
    gaps: dict[str, float]
    information: np.ndarray


def mig(codes, factors: dict[str, np.ndarray], bins: int = 20) -> MIG:
    """Mutual information gap (Chen, Li, Grosse & Duvenaud 2018, equation 6).

    MIG = 1/K sum_k (I(z_j(k); v_k) - max over other j of I(z_j; v_k)) / H(v_k), where j(k) is the latent that knows
    most about factor k. Mutual information is discrete: each latent is cut into `bins` bins of equal width between its
    smallest and largest value, as in Locatello et al. 2019.

    codes: (N, L), L >= 2; factors: {name: (N,) integers >= 0}. A factor with a single value is refused.
    """
    codes = _array(codes, "codes")
    if codes.shape[1] < 2:
        raise ValueError("a gap needs at least two latents")
    factors = _factors(factors, len(codes))
    low, high = codes.min(axis=0), codes.max(axis=0)
    cut = np.minimum((bins * (codes - low) / np.maximum(high - low, 1e-12)).astype(int), bins - 1)
    information, gaps = np.empty((codes.shape[1], len(factors))), {}
    for f, (name, factor) in enumerate(factors.items()):
        entropy = _entropy(np.bincount(factor) / len(factor))
        for j in range(codes.shape[1]):
            joint = np.bincount(cut[:, j] * (factor.max() + 1) + factor).astype(float) / len(factor)
            information[j, f] = _entropy(np.bincount(cut[:, j]) / len(factor)) + entropy - _entropy(joint)
        second, first = np.sort(information[:, f])[-2:]
        gaps[name] = float((first - second) / entropy)
    return MIG(float(np.mean(list(gaps.values()))), gaps, information)


@dataclass(frozen=True)
class DCI:
    """All in 0..1; `accuracy` {factor: held-out accuracy}, its mean is `informativeness`; `importance` (L, F)."""

    disentanglement: float
    completeness: float
    informativeness: float
    accuracy: dict[str, float]
    importance: np.ndarray


def dci(codes, factors: dict[str, np.ndarray], samples: int = 4000, trees: int = 60, seed: int = 0) -> DCI:
    """Disentanglement, completeness, informativeness (Eastwood & Williams 2018, section 2).

    For every factor a random forest predicts it from the codes; R (L, F) are its impurity importances. With
    P_ij = R_ij / sum_j R_ij a latent's disentanglement is 1 - H_F(P_i) (entropy with base F), averaged with the
    latents' shares of R as weights; completeness is 1 - H_L over the column of a factor, averaged over factors.
    Informativeness is given as mean accuracy on the quarter of the sample that no forest has seen (higher is better).

    codes: (N, L); factors: {name: (N,) integers >= 0}, at least two. At most `samples` rows are used (seeded choice),
    so that it takes seconds. The same arguments give the same numbers.
    """
    from sklearn.ensemble import RandomForestClassifier

    codes = _array(codes, "codes")
    factors = _factors(factors, len(codes))
    if len(factors) < 2 or codes.shape[1] < 2:
        raise ValueError("disentanglement needs at least two factors and two latents")
    order = np.random.default_rng(seed).permutation(len(codes))[:samples]
    test, train = order[: len(order) // 4], order[len(order) // 4 :]
    importance, accuracy = np.empty((codes.shape[1], len(factors))), {}
    for f, (name, factor) in enumerate(factors.items()):
        forest = RandomForestClassifier(trees, min_samples_leaf=5, random_state=seed, n_jobs=2, max_features=None)
        forest.fit(codes[train], factor[train])
        importance[:, f] = forest.feature_importances_
        accuracy[name] = float(forest.score(codes[test], factor[test]))
    total = importance.sum()
    if total <= 0:
        return DCI(0.0, 0.0, float(np.mean(list(accuracy.values()))), accuracy, importance)
    per_latent = [1 - _entropy(row / row.sum()) / np.log(len(factors)) if row.sum() else 0.0 for row in importance]
    per_factor = [1 - _entropy(c / c.sum()) / np.log(len(codes[0])) if c.sum() else 0.0 for c in importance.T]
    return DCI(
        float(np.dot(per_latent, importance.sum(axis=1) / total)),
        float(np.mean(per_factor)),
        float(np.mean(list(accuracy.values()))),
        accuracy,
        importance,
    )


def _factors(factors: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    checked = {}
    for name, factor in factors.items():
        factor = np.asarray(factor)
        if factor.shape != (count,) or not np.issubdtype(factor.dtype, np.integer) or factor.min() < 0:
            raise ValueError(f"factor {name} must be {count} integers >= 0")
        if factor.min() == factor.max():
            raise ValueError(f"factor {name} has only one value")
        checked[name] = factor.astype(np.int64)
    if not checked:
        raise ValueError("no factors were given")
    return checked


def _entropy(probabilities: np.ndarray) -> float:
    """Shannon entropy in nats; zeros count as nothing."""
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum())


# --- pictures, by their features -------------------------------------------------------------------------------------


def frechet_distance(features_a, features_b) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features (Dowson & Landau 1982, equation 4).

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), the form Heusel et al. 2017 (equation 6) use for FID. It is
    "FID" only with Inception features; name it after the features that were used. Needs more rows than columns to
    mean much. features: (N, D) and (M, D), at least two rows each.
    """
    a, b = _array(features_a, "features_a"), _array(features_b, "features_b")
    if a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"two sets of at least two features of one size are needed, not {a.shape} and {b.shape}")
    cov_a, cov_b = np.cov(a, rowvar=False).reshape(-1, a.shape[1]), np.cov(b, rowvar=False).reshape(-1, a.shape[1])
    # tr (S_a S_b)^(1/2) = sum of the roots of the eigenvalues of the symmetric S_a^(1/2) S_b S_a^(1/2).
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    distance = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    return float(max(distance, 0.0))


def diversity(features) -> float:
    """Mean Euclidean distance between two different rows of ``features`` (N, D), N >= 2: 0 if all are the same."""
    a = _array(features, "features")
    if len(a) < 2:
        raise ValueError(f"two features at least are needed, not {len(a)}")
    a = a - a.mean(axis=0)  # the same distances, and rows that are all equal give 0 and not rounding errors
    total = sum(np.sqrt(_squared_distances(part, a)).sum() for part in _parts(a))
    return float(total / (len(a) * (len(a) - 1)))


def precision_recall(real, made, k: int = 3) -> tuple[float, float]:
    """(precision, recall) of made pictures (Kynkaanniemi et al. 2019, equations 1 and 2).

    Around every real picture lies a ball that reaches to its k-th nearest other real picture; together they are the
    estimated set of everything real. Precision is the share of made pictures within it (do they look real?), recall
    the share of real pictures within the set of balls around the made ones (is all that is real still made?).

    real: features (N, D); made: features (M, D); N and M should be equal, and more than k each.
    """
    return within(real, made, k), within(made, real, k)


def within(reference, features, k: int = 3) -> float:
    """Share of ``features`` (N, D) inside a ball of one of ``reference`` (M, D), M > k (see `precision_recall`)."""
    reference, features = _pair(reference, features, k)
    radii = _radii(reference, k)
    found = [(_squared_distances(part, reference) <= radii).any(axis=1) for part in _parts(features)]
    return float(np.concatenate(found).mean())


def coverage(real, made, k: int = 5) -> float:
    """Share of real pictures whose ball holds a made one (Naeem et al. 2020, section 3).

    Unlike recall it draws balls around real pictures only: one strange made picture with a huge ball cannot raise it.
    The ball reaches to the k-th nearest other real picture. real: features (N, D), N > k; made: (M, D).
    """
    real, made = _pair(real, made, k)
    radii = _radii(real, k)
    hit = [(_squared_distances(part, real) <= radii).any(axis=0) for part in _parts(made)]
    return float(np.any(hit, axis=0).mean())


def nearest(features, reference, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest reference rows of every row: (indices (N, k), Euclidean distances (N, k)), nearest first.

    features: (N, D); reference: (M, D), M >= k.
    """
    features, reference = _array(features, "features"), _array(reference, "reference")
    if features.shape[1] != reference.shape[1] or not 1 <= k <= len(reference):
        raise ValueError(f"cannot find {k} neighbours of {features.shape} among {reference.shape}")
    indices, distances = np.empty((len(features), k), int), np.empty((len(features), k))
    for start in range(0, len(features), PART):
        part = features[start : start + PART]
        squared = _squared_distances(part, reference)
        order = np.argsort(squared, axis=1, kind="stable")[:, :k]
        indices[start : start + PART] = order
        # Once more by differences: the expanded square loses its digits exactly where pictures are the same.
        distances[start : start + PART] = np.linalg.norm(part[:, None] - reference[order], axis=2)
    return indices, distances


def baseline(held_out, training) -> np.ndarray:
    """What "near" means: distances of held-out pictures to their nearest training picture, ascending (M,).

    Both are features (M, D) and (N, D) of real pictures that no generator made.
    """
    return np.sort(nearest(held_out, training)[1][:, 0])


def face_likeness(features, training, held_out_distances) -> np.ndarray:
    """How many of the held-out pictures are at least as far from the training set: a share in 0..1 per row.

    Near 1: closer to the data than real unseen pictures usually are. Near 0: farther than any of them, so unlike
    anything in the data. The features decide what "near" sees; they are the attribute network's.

    features: (N, D); training: (M, D); held_out_distances: what `baseline` returned. Returns (N,).
    """
    return exceeded_by(nearest(features, training)[1][:, 0], held_out_distances)


def exceeded_by(values, held_out) -> np.ndarray:
    """The share of held-out values that are at least as large as each value: 0 means larger than any seen before.

    Works for any "larger is stranger" number: feature distances, reconstruction errors. values: (N,); held_out: (M,).
    """
    values, held_out = _array(values, "values", 1), np.sort(_array(held_out, "held_out", 1))
    return 1.0 - np.searchsorted(held_out, values, side="left") / len(held_out)


def _parts(features: np.ndarray) -> Iterator[np.ndarray]:
    return (features[start : start + PART] for start in range(0, len(features), PART))


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a_i|^2 + |b_j|^2 - 2 a_i . b_j, never negative: (N, D) and (M, D) -> (N, M)."""
    return np.clip((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0, None)


def _radii(features: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of every row of (N, D) to its k-th nearest other row, (N,)."""
    radii = np.empty(len(features))
    for start in range(0, len(features), PART):
        squared = _squared_distances(features[start : start + PART], features)
        rows = np.arange(len(squared))
        squared[rows, start + rows] = np.inf  # nobody is a neighbour of itself
        radii[start : start + PART] = np.partition(squared, k - 1, axis=1)[:, k - 1]
    return radii


def _pair(reference, features, k: int) -> tuple[np.ndarray, np.ndarray]:
    reference, features = _array(reference, "reference"), _array(features, "features")
    if features.shape[1] != reference.shape[1] or not 1 <= k < len(reference):
        raise ValueError(f"cannot draw balls of {k} neighbours for {features.shape} around {reference.shape}")
    return reference, features
