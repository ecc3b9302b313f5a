"""Write an encoder to ``exported/``, with the accuracies that a comparison measured in its card."""

from pathlib import Path

from vaefeat import VAEEncoderTransformer, export_onnx
from vaefeat.comparison import Comparison
from vaefeat.data import Dataset


def publish(
    vae: VAEEncoderTransformer,
    comparison: Comparison,
    extractor: str,
    dataset: Dataset,
    folder: Path,
    description: str,
) -> None:
    """Export ``vae``, the fitted encoder of ``extractor``, as ``folder/model.onnx``.

    Parameters
    ----------
    vae : VAEEncoderTransformer
    comparison : Comparison
        The card gets its accuracies of ``extractor`` with LogisticRegression.
    extractor : str
    dataset : Dataset
        What the encoder was trained on.
    folder : path
    description : str
        One or two sentences: what the encoder is, and what input it takes.
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
