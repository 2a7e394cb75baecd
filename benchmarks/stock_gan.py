"""The same GAN behind the stock wiring, to be compared with: gr.Slider.change -> gr.Gallery of 16, all at its default.

`python -m benchmarks.stock_gan` serves it; the port comes from `GRADIO_SERVER_PORT`.
"""

import gradio as gr
import numpy as np
import torch

from models import seeding, zoo

FACES = 16


def build() -> gr.Blocks:
    """A page of one truncation slider and a gallery of sixteen faces, queued, webp."""
    generator = zoo.generator("toons")
    z = seeding.normal(7, FACES, (generator.config.latent_size,))

    @torch.inference_mode()
    def draw(psi: float) -> list[np.ndarray]:
        """psi -> sixteen faces, (64, 64, 3) uint8 each."""
        pictures = generator(z, psi).permute(0, 2, 3, 1)
        return list(((pictures + 1) * 127.5).round().byte().numpy())

    with gr.Blocks(title="stock wiring") as demo:
        with gr.Row():
            psi = gr.Slider(0, 1.5, 0.7, step=0.01, label="psi", elem_id="stock-0")
            gallery = gr.Gallery(label="faces", columns=4, elem_id="stock-face")
        psi.change(draw, psi, gallery)
    return demo


if __name__ == "__main__":
    build().launch()
