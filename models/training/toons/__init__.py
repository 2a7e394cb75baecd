"""Renders the toons, 20,000 drawings with known factors: ``python -m models.training.toons`` (see render.mjs)."""
