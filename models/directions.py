"""Named directions in a latent space: where a code has to go for more of a smile, or for grey hair.

A direction is learnt by linear regression of the codes on *all* labels at once, so that along it the other labels stay
as they are on average (what still moves with it is measured: see `leakage`). Ordered labels and measures have one
direction each (``smile``, ``yaw``), every class of a label without an order has its own (``hair_color=grey``).

The position of a code along a direction is s(z) = (z . u - mean) / std over the data, u of length one: 0 is the average
picture, and one unit is one standard deviation.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

ORDERED = ("smile", "eyeglasses", "facial_hair", "hair_length", "apparent_age")
ENDS = 2.0  # standard deviations: leakage is measured from -ENDS to +ENDS
STRONGEST = 5.0
FITTED = 6000  # rows that the accuracy of a direction is fitted on, at most


@dataclass(frozen=True)
class Column:
    """What is known of every picture under one name.

    ``numbers`` float (N,), NaN where unknown: a measure, or positions in ``values``. ``kind`` is "ordered" (the values
    are steps of one thing), "classes" (they are not) or "measure" (a number, no values).
    """

    kind: str
    numbers: np.ndarray
    values: tuple[str, ...] = ()


def derive(measures: Mapping) -> dict:
    """The measures that get a direction: yaw, mouth_open, background_brightness and background_blue.

    ``measures``: name -> array or tensor (N,), any of yaw, mouth_open, background_r/g/b; what is missing is left out.
    Brightness is the mean of the three colours (0..1), blue is b - (r + g) / 2 (-1..1).
    """
    answer = {name: measures[name] for name in ("yaw", "mouth_open") if name in measures}
    if all(f"background_{c}" in measures for c in "rgb"):
        r, g, b = (measures[f"background_{c}"] for c in "rgb")
        answer |= {"background_brightness": (r + g + b) / 3, "background_blue": b - (r + g) / 2}
    return answer


def columns(labels: Mapping, values: Mapping, measures: Mapping) -> dict[str, Column]:
    """The columns of a data set, from what `models.training.data.Pictures` holds.

    labels: name -> (N,) positions in ``values[name]``, -1 where unknown; measures: name -> (N,), NaN where unknown.
    """
    answer = {}
    for name, column in labels.items():
        numbers = np.where(np.asarray(column) >= 0, column, np.nan).astype(np.float64)
        answer[name] = Column("ordered" if name in ORDERED else "classes", numbers, tuple(values[name]))
    for name, column in derive(measures).items():
        answer[name] = Column("measure", np.asarray(column, dtype=np.float64))
    return answer


@dataclass(frozen=True)
class Directions:
    """Directions by name.

    Attributes:
        names: D names, in the order of the rows.
        vectors: (D, L), each of length one.
        means, stds: (D,), of z . u over the data.
        facts: name -> {"label", "value" (of a class, else null), "kind", "score" ("balanced accuracy" or "R2"),
            "from_direction", "from_code", "chance"}: how well the label of held-out pictures is predicted from s(z)
            alone, and from the whole code; empty without held-out codes.
        leakage: name -> label -> how much the reading moves (see `leakage`); empty until measured.
    """

    names: tuple[str, ...]
    vectors: Tensor
    means: Tensor
    stds: Tensor
    facts: dict[str, dict] = field(default_factory=dict)
    leakage: dict[str, dict[str, float]] = field(default_factory=dict)

    def _row(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(f"the direction must be one of {', '.join(self.names)}, not {name!r}")
        return self.names.index(name)

    def coordinates(self, z: Tensor) -> Tensor:
        """s(z) for every direction: codes (..., L) -> (..., D) standard deviations."""
        return (z @ self.vectors.T - self.means) / self.stds

    def coordinate(self, z: Tensor, name: str) -> Tensor:
        """s(z) for one direction: codes (..., L) -> (...,)."""
        return self.coordinates(z)[..., self._row(name)]

    def move(self, z: Tensor, name: str, strength: float) -> Tensor:
        """z + strength * std * u: codes (..., L) whose s(z) has grown by ``strength``, which is within -5..5.

        Raises:
            ValueError: for an unknown name, or a strength that is not a number in range.
        """
        row = self._row(name)
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not abs(strength) <= STRONGEST:
            raise ValueError(f"strength must be a number from -{STRONGEST:g} to {STRONGEST:g}, not {strength!r}")
        return z + strength * self.stds[row] * self.vectors[row]

    def place(self, z: Tensor, name: str, coordinate: float) -> Tensor:
        """Codes (..., L) moved along one direction to where s(z) = ``coordinate``; the rest of them stays.

        Raises:
            ValueError: for an unknown name, or a coordinate that is not finite.
        """
        row = self._row(name)
        if not math.isfinite(coordinate):
            raise ValueError(f"the coordinate must be finite, not {coordinate!r}")
        way = (coordinate - self.coordinate(z, name)) * self.stds[row]
        return z + way[..., None] * self.vectors[row]

    def save(self, folder: Path) -> None:
        """Write ``directions.safetensors`` and ``directions.json`` into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"vectors": self.vectors, "means": self.means, "stds": self.stds}
        save_file(
            {name: value.float().contiguous() for name, value in tensors.items()}, folder / "directions.safetensors"
        )
        facts = {"names": self.names, "facts": self.facts, "leakage": self.leakage}
        (folder / "directions.json").write_text(json.dumps(facts, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Directions":
        """Read what :meth:`save` wrote; FileNotFoundError if it is not there."""
        facts = json.loads((Path(folder) / "directions.json").read_text())
        tensors = load_file(Path(folder) / "directions.safetensors")
        return cls(names=tuple(facts["names"]), facts=facts["facts"], leakage=facts["leakage"], **tensors)


def learn(
    codes: Tensor,
    table: dict[str, Column],
    held_out: tuple[Tensor, dict[str, Column]] | None = None,
    ridge: float = 1e-3,
) -> Directions:
    """Learn one direction per ordered label and measure and one per class.

    Codes Z (N, L) are regressed on all columns together, Z = X B + noise, where X holds ordered labels and measures in
    standard deviations and one indicator per class, all centred; unknown entries count as average. ``ridge`` (a share
    of the variance) keeps columns that depend on each other apart. The direction of an ordered label is its row of B;
    that of class k is b_k minus the mean of the other classes' rows, weighted by how frequent they are.

    codes: (N, L) posterior means; table: what `columns` returned for the same N pictures; held_out: codes and table of
    pictures that were not learnt from, for the accuracies in ``facts``. Classes that never occur get no direction.
    """
    z = np.asarray(codes, dtype=np.float64)
    if z.ndim != 2 or any(len(column.numbers) != len(z) for column in table.values()) or not table:
        raise ValueError(f"codes {z.shape} and the columns of the table must have the same number of rows")
    design, meaning = _design(table)
    centred = z - z.mean(axis=0)
    gram = design.T @ design / len(z)
    effects = np.linalg.solve(gram + ridge * np.eye(len(gram)), design.T @ centred / len(z))
    names, vectors, about = [], [], []
    for i, (label, k) in enumerate(meaning):
        column, effect = table[label], effects[i]
        if column.kind == "classes":
            share = _shares(column)
            others = [(effects[j], share[m]) for j, (other, m) in enumerate(meaning) if other == label and m != k]
            effect = effect - sum(e * s for e, s in others) / max(sum(s for _, s in others), 1e-12)
        length = np.linalg.norm(effect)
        if length < 1e-9:
            continue
        names.append(label if k is None else f"{label}={column.values[k]}")
        vectors.append(effect / length)
        about.append((label, k))
    along = z @ np.array(vectors).T
    tensors = [torch.tensor(a, dtype=torch.float32) for a in (np.array(vectors), along.mean(0), along.std(0))]
    facts = {}
    if held_out is not None:
        z_test, test = np.asarray(held_out[0], dtype=np.float64), held_out[1]
        along_test = z_test @ np.array(vectors).T
        for i, (name, (label, k)) in enumerate(zip(names, about, strict=True)):
            known = ~np.isnan(table[label].numbers), ~np.isnan(test[label].numbers)
            targets = _target(table[label], k)[known[0]], _target(test[label], k)[known[1]]
            kind = table[label].kind
            facts[name] = {
                "label": label,
                "value": None if k is None else table[label].values[k],
                "kind": kind,
                "score": "R2" if kind == "measure" else "balanced accuracy",
                "from_direction": _predict(kind, along[known[0], i : i + 1], along_test[known[1], i : i + 1], *targets),
                "from_code": _predict(kind, z[known[0]], z_test[known[1]], *targets),
                "chance": 0.0 if kind == "measure" else round(1 / len(np.unique(targets[0])), 4),
            }
    return Directions(tuple(names), *tensors, facts=facts)


def leakage(
    directions: Directions,
    codes: Tensor,
    decode: Callable[[Tensor], Tensor],
    read: Callable[[Tensor], dict[str, Tensor]],
    measure: Callable[[Tensor], dict[str, Tensor]] | None = None,
    scales: Mapping[str, float] | None = None,
) -> dict[str, dict[str, float]]:
    """How far every reading of the decoded picture moves while one direction goes from -2 to +2 standard deviations.

    Every code is placed at both ends of the direction, decoded and read. For a label the number is the total variation
    distance between the two readings, 1/2 sum_k |p_k - p'_k|, averaged over the codes: 0 nothing moved, 1 every
    picture changed its class with certainty. For a measure it is the mean absolute change in standard deviations of
    the data. A direction's own label should move most; all else in its row is leakage.

    Args:
        directions: what `learn` returned.
        codes: (N, L) codes to start from; 32 of real pictures are enough for the second decimal.
        decode: codes -> pictures.
        read: pictures -> {label: probabilities (N, K)}.
        measure: pictures -> {measure: (N,)}, optional; the measures of `derive` are taken from it.
        scales: measure -> its standard deviation over the data; needed with ``measure``.

    Returns:
        {direction: {label or measure: number}}.
    """
    matrix: dict[str, dict[str, float]] = {}
    with torch.inference_mode():
        for name in directions.names:
            low, high = (decode(directions.place(codes, name, end)) for end in (-ENDS, ENDS))
            before, after = read(low), read(high)
            row = {label: float((after[label] - p).abs().sum(1).mean() / 2) for label, p in before.items()}
            if measure is not None:
                before, after = derive(measure(low)), derive(measure(high))
                row |= {n: float((after[n] - before[n]).abs().mean() / scales[n]) for n in before}
            matrix[name] = {label: round(number, 4) for label, number in row.items()}
    return matrix


def _design(table: dict[str, Column]) -> tuple[np.ndarray, list[tuple[str, int | None]]]:
    """The centred design matrix (N, P), and of every column its label and class (None for ordered and measures)."""
    design, meaning = [], []
    for name, column in table.items():
        unknown = np.isnan(column.numbers)
        if unknown.all():
            continue
        if column.kind == "classes":
            for k in np.unique(column.numbers[~unknown]).astype(int):
                design.append(_centred((column.numbers == k).astype(float), unknown))
                meaning.append((name, int(k)))
        else:
            centred = _centred(column.numbers, unknown)
            design.append(centred / max(centred[~unknown].std(), 1e-12))
            meaning.append((name, None))
    if not design:
        raise ValueError("nothing is known of any picture")
    return np.stack(design, axis=1), meaning


def _centred(numbers: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    return np.where(unknown, 0.0, numbers - numbers[~unknown].mean())


def _shares(column: Column) -> np.ndarray:
    known = column.numbers[~np.isnan(column.numbers)].astype(int)
    return np.bincount(known, minlength=len(column.values)) / len(known)


def _target(column: Column, k: int | None) -> np.ndarray:
    """What is predicted: membership of class k, or the number itself."""
    return column.numbers if k is None else np.where(np.isnan(column.numbers), np.nan, column.numbers == k)


def _predict(kind: str, x: np.ndarray, x_test: np.ndarray, y: np.ndarray, y_test: np.ndarray) -> float | None:
    """R2 of ridge regression for a measure, else balanced accuracy of class-weighted logistic regression.

    None where it is undefined: one value only, or nothing held out.
    """
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics import balanced_accuracy_score, r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(y)) < 2 or len(y_test) == 0:
        return None
    x, y = x[:FITTED], y[:FITTED]
    if kind == "measure":
        return round(float(r2_score(y_test, make_pipeline(StandardScaler(), Ridge(1.0)).fit(x, y).predict(x_test))), 4)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, class_weight="balanced", max_iter=300))
    return round(float(balanced_accuracy_score(y_test.astype(int), model.fit(x, y.astype(int)).predict(x_test))), 4)
