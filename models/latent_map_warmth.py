"""umap-learn compiles itself when it first runs in a process; here that is done before anybody has to wait for it.

That takes some twenty seconds of one core, and about as many again the very first time on a machine, when it also
stores what it has compiled at its import.
"""

import threading

import numpy as np

from models import latent_map_umap as umap


class Warmth:
    """Whether umap-learn has been compiled in this process: ``state`` is cold, warming, warm or failed."""

    def __init__(self) -> None:
        self.state = "cold"
        self.reason = ""
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin in the background, unless that has been done; returns at once."""
        with self._guard:
            if self.state == "cold":
                self.state = "warming"
                self._thread = threading.Thread(target=self._compile, name="umap warm-up", daemon=True)
                self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Start if need be and wait, at most so long; whether it is warm now."""
        self.start()
        self._thread.join(seconds)
        return self.state == "warm"

    def _compile(self) -> None:
        try:
            points = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
            for dimensions in (2, 3):
                *_, end = umap.fit(points, 5, 0.1, 0, dimensions, epochs=11)
            distances = np.sqrt(np.square(points[:, None] - points).sum(2))
            order = distances.argsort(1)[:, :5]
            near = np.take_along_axis(distances, order, 1)
            umap.place(order[:1], near[:1], end.points, 0.1)
            umap.graph((order.astype(np.int32), near), 5)
            self.state = "warm"
        except Exception as error:  # whatever it was, the page must say so and the rest of the map goes on
            self.reason = str(error)
            self.state = "failed"


WARMTH = Warmth()


def warm_up() -> None:
    """Have umap-learn compiled in the background; what is asked of it meanwhile waits for it."""
    WARMTH.start()
