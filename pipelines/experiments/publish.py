"""Write an encoder to ``exported/``, with what a comparison measured of it in its card."""

from pathlib import Path

from vaefeat import export_onnx
from vaefeat.comparison import Comparison
from vaefeat.data import Dataset

RESULTS = Path(__file__).parents[1] / "results"
EXPORTED = Path(__file__).parents[2] / "exported"


def publish(vae, comparison: Comparison, extractor: str, dataset: Dataset, folder: Path, description: str):
    """Export ``vae``, the fitted encoder of ``extractor``, as ``folder/model.onnx``.

    Parameters
    ----------
    vae : VAEEncoderTransformer
    comparison : Comparison
        Its accuracies of ``extractor`` with LogisticRegression go into the card.
    extractor : str
    dataset : Dataset
        What the encoder was trained on.
    folder : path
    description : str
        A sentence on what the encoder is and what it takes.
    """
    metrics = {
        f"accuracy_{row['n_labeled']}_labels": round(row["accuracy_mean"], 4)
        for row in comparison.summary()
        if (row["extractor"], row["classifier"]) == (extractor, "LogisticRegression")
    }
    card = {
        "name": folder.name,
        "description": description,
        "data": {"name": dataset.name, "sha256": dataset.sha256},
        "metrics": metrics,
    }
    export_onnx(vae, folder / "model.onnx", X=dataset.X, card=card)
