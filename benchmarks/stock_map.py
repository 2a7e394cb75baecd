"""The same points behind the stock wirings, to be compared with: a button that shows them in a plot of gradio's.

`python -m benchmarks.stock_map scatter` serves gr.ScatterPlot, `plotly` gr.Plot with plotly's scatter of SVG marks; the
port comes from `GRADIO_SERVER_PORT`.
"""

import sys

import gradio as gr
import pandas as pd
import plotly.express as px

from models import zoo


def build(kind: str) -> gr.Blocks:
    """A page of one button and one plot, coloured by hair colour. kind: "scatter" or "plotly"."""
    atlas = zoo.latent_map("toons")
    x, y = atlas.layout().points.T
    colour = [atlas.values["hair_color"][k] for k in atlas.labels["hair_color"]]
    points = pd.DataFrame({"x": x, "y": y, "hair": colour})
    with gr.Blocks(title="stock wiring") as demo:
        show = gr.Button("Show", elem_id="stock-show")
        if kind == "plotly":
            plot = gr.Plot(elem_id="stock-plot")
            # SVG, as gr.ScatterPlot draws: WebGL is not to be had on every machine
            show.click(lambda: px.scatter(points, "x", "y", "hair", height=650, render_mode="svg"), outputs=plot)
        else:
            plot = gr.ScatterPlot(x="x", y="y", color="hair", height=650, elem_id="stock-plot")
            show.click(lambda: points, outputs=plot)
    return demo


if __name__ == "__main__":
    build(sys.argv[1]).launch()
