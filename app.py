"""Generative Playground: builds the app from the list of tabs and launches it. No model is loaded here."""

import demos
from demos.stage import launch


def build_demo():
    """The gr.Blocks of the whole app."""
    return launch.page((module.TAB, module.layout, module.api()) for module in demos.modules())


if __name__ == "__main__":
    launch.run(build_demo())
