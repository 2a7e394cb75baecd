"""The same points behind the stock wiring, to be compared with: a button that shows them in a gr.ScatterPlot.

`python -m benchmarks.stock_map` serves it; the port comes from `GRADIO_SERVER_PORT`.
"""

import gradio as gr
import pandas as pd

from models import zoo


def build() -> gr.Blocks:
    """A page of one button and one scatter plot, coloured by hair colour."""
    atlas = zoo.latent_map("toons")
    x, y = atlas.layout().points.T
    colour = [atlas.values["hair_color"][k] for k in atlas.labels["hair_color"]]
    points = pd.DataFrame({"x": x, "y": y, "hair": colour})
    with gr.Blocks(title="stock wiring") as demo:
        show = gr.Button("Show", elem_id="stock-show")
        plot = gr.ScatterPlot(x="x", y="y", color="hair", height=650, elem_id="stock-plot")
        show.click(lambda: points, outputs=plot)
    return demo


if __name__ == "__main__":
    build().launch()
