"""The card of a map in words and tables, from the record that :mod:`models.training.maps` wrote."""

from models.training.harness import card_text
from models.training.vae_report import markdown_table

SPACES = {"latent": "VAE means", "features": "attribute features", "pixels": "pixels"}


def card(record: dict) -> str:
    """The whole card."""
    data, real = record["data"], record["sources"][0]
    k = record["neighbours_compared"]
    sections = {
        "Use": "Teaching: walk over a map of faces, decode the places between them, and see how far to believe it. "
        "`LatentMap.load(folder)` of `models/latent_map.py` reads it.",
        "What is inside": f"`real.safetensors`: for every picture its VAE means, attribute features and the first "
        f"principal components of its pixels at half size ({record['pixel_variance_kept']:.0%} of their variance), one "
        "byte a number, its labels, and its place on every layout (16 bits a number). One more file for every family "
        "of samples, which were put on the finished layouts and moved nothing. The `.webp` atlases hold the pictures, "
        f"{real['side']} pixels wide" + (f"; of real ones they are {real['drawn_by']}." if real["drawn_by"] else "."),
        "How far to believe it": f"Trustworthiness and continuity with {k} neighbours, over all {real['count']:,} real "
        "pictures; 1 is faultless, 0.5 what chance would give.\n\n" + _layouts(record) + "\n\n"
        f"Of a point's {k} neighbours on the default map, {record['survival']['kept']:.0%} are its neighbours on the "
        f"map of another seed, too, and {record['survival']['always']:.0%} on those of all other seeds.",
        "Where the models live": _families(record),
        "Limits": "Distances between far points, sizes of clusters and empty space on a UMAP or t-SNE map mean "
        "nothing by themselves. Real pictures are alike here as far as these networks see. "
        + (
            "Labels of photographs were judged by eye and are not what these people would say of themselves. The "
            "photographs are not here, nor are names, nor their order; a drawing of a code is softer than its "
            "photograph. "
            if data == "portraits"
            else ""
        )
        + "Labels of samples are what the attribute network reads.",
        "How it was made": f"`python -m models.training.maps --data {data}`, umap-learn {record['umap_learn']}; every "
        "argument and number is in `map.json`.",
    }
    counted = ", ".join(f"{source['count']:,} {source['title']}" for source in record["sources"])
    return card_text(f"Map of latent space, {data}", data, f"A map of {data} at 64x64: {counted}.", sections)


def _layouts(record: dict) -> str:
    rows = []
    for entry in record["layouts"]:
        key = entry["key"]
        umap = key["method"] == "umap"
        knobs = [key["n_neighbors"], key["min_dist"], key["seed"]] if umap else ["-", "-", "-"]
        method = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}[key["method"]]
        where = [SPACES[key["representation"]], f"{method}, {key['dimensions']}-D"]
        rows.append([*where, *knobs, entry["trustworthiness"], entry["continuity"]])
    header = ["made from", "method", "n_neighbors", "min_dist", "seed", "trustworthiness", "continuity"]
    return markdown_table(header, rows)


def _families(record: dict) -> str:
    titles = {source["name"]: source["title"] for source in record["sources"]}
    rows = []
    for name, spaces in record["families"].items():
        title = "real pictures in their place (the floor)" if name == "real" else titles[name]
        for space, found in spaces.items():
            shares = (found["precision"], found["recall"], found["never_visited"])
            rows.append([title, SPACES[space], *(f"{share:.0%}" for share in shares)])
    return (
        "Precision: share of samples within the estimated set of real pictures; recall: share of real pictures within "
        "the estimated set of samples (Kynkaanniemi et al. 2019, k = 3). Never visited: share of real pictures that "
        "have no sample nearer than their fifth neighbour in a reference set. Sets have 500 pictures, or as many as "
        "there are; all is measured in the space named, none of it on the map.\n\n"
        + markdown_table(["family", "compared by", "precision", "recall", "never visited"], rows)
    )
