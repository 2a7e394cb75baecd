"""What every part of the map tab starts from: the map of the data set, one layout of it, and the networks it needs."""

from functools import cached_property

from demos.common import BaseScene
from models import zoo
from models.attributes import Attributes
from models.latent_map import LatentMap
from models.latent_map_layouts import Key, Layout
from models.vae import VAE


class Scene(BaseScene):
    """The state of the tab and all that follows from it; everything costly is computed when first asked for."""

    @cached_property
    def atlas(self) -> LatentMap:
        """The map of the data set."""
        return zoo.latent_map(self.data)

    @property
    def vae(self) -> VAE:
        """The network that decodes places."""
        return zoo.vae(self.data)

    @property
    def reader(self) -> Attributes:
        """The network that reads labels off a picture."""
        return zoo.attributes(self.data)

    @property
    def key(self) -> Key:
        """Which layout is shown."""
        state = self.state
        method = state["method"]
        knobs = (int(state["n_neighbors"]), float(state["min_dist"]), state["lay_seed"]) if method == "umap" else ()
        dimensions = 3 if state["solid"] and method != "tsne" else 2
        return Key(state["representation"], method, *knobs, dimensions=dimensions)

    @cached_property
    def layout(self) -> Layout:
        """The layout that is shown; where that one was not made, its representation's own."""
        known = self.atlas.layouts
        fallback = Key(self.key.representation, self.key.method, dimensions=self.key.dimensions)
        return known.get(self.key.name) or known[fallback.name]
