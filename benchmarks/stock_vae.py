"""The same VAE behind the stock wiring, to be compared with: gr.Slider.change -> gr.Image, everything at its default.

`python -m benchmarks.stock_vae` serves it; the port comes from `GRADIO_SERVER_PORT`.
"""

import os

import gradio as gr
import numpy as np
import torch
from PIL import Image

from models import zoo

SLIDERS = 5
SIDE = 512  # pixels


def build() -> gr.Blocks:
    """A page of five latent sliders (the five of highest KL) and one large picture, queued, webp."""
    model = zoo.vae("toons").eval()
    kl = zoo.metrics(zoo.vae_folder("toons"))["kl_per_dimension"]
    order = sorted(range(len(kl)), key=kl.__getitem__, reverse=True)[:SLIDERS]

    @torch.inference_mode()
    def decode(*values: float) -> np.ndarray:
        """The slider values as a code (all other latents 0) -> the face, (512, 512, 3) uint8.

        gr.Image shows a picture at its own size, and 64 pixels are a thumbnail: the stock way to a large face is to
        enlarge it in Python.
        """
        code = torch.zeros(1, len(kl))
        code[0, order] = torch.tensor(values, dtype=torch.float32)
        face = model.decode(code)[0].permute(1, 2, 0)
        pixels = ((face.clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
        return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC))

    with gr.Blocks(title="stock wiring") as demo:
        with gr.Row():
            with gr.Column():
                sliders = [
                    gr.Slider(-3, 3, 0, step=0.01, label=f"z{i}", elem_id=f"stock-{n}") for n, i in enumerate(order)
                ]
            image = gr.Image(label="face", elem_id="stock-face")
        for slider in sliders:
            slider.change(decode, sliders, image)
    return demo


if __name__ == "__main__":
    build().launch(run_history=os.environ.get("STOCK_RUN_HISTORY") != "off")
