"""Variational autoencoders as scikit-learn transformers, trained with TensorFlow, run on ONNX."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaefeat.comparison import compare
    from vaefeat.data import LabeledKFold, RowStream, labeled_scorer, load_dataset, mask_labels
    from vaefeat.estimators import (
        AutoencoderImputer,
        AutoencoderOutlierDetector,
        AutoencoderTransformer,
        GraphClassifier,
        M2Classifier,
        OnnxEncoderTransformer,
        SupervisedEncoderTransformer,
        VAEEncoderTransformer,
    )
    from vaefeat.export.decoder import export_decoder
    from vaefeat.export.estimator import export_onnx
    from vaefeat.fitting import fit
    from vaefeat.plotting import (
        AnalogyDisplay,
        InterpolationDisplay,
        LabelEfficiencyDisplay,
        LatentSpaceDisplay,
        LatentUnitsDisplay,
        LossCurveDisplay,
        ManifoldDisplay,
        ReconstructionDisplay,
        ReconstructionSnapshots,
        SamplesDisplay,
    )
    from vaefeat.runtime import ArrowEncoder, OnnxModel, encode, encode_files, verify
    from vaefeat.values.column_likelihood import ColumnLikelihood
    from vaefeat.values.corruptions import (
        GaussianNoise,
        ImageWarp,
        MaskingNoise,
        SaltAndPepperNoise,
        SwapNoise,
    )
    from vaefeat.values.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, Poisson
    from vaefeat.values.photo_views import PhotoViews

__version__ = "0.2.0"

__all__ = [
    "AnalogyDisplay",
    "ArrowEncoder",
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "Bernoulli",
    "Categorical",
    "ColumnLikelihood",
    "Gaussian",
    "GaussianNoise",
    "GraphClassifier",
    "ImageWarp",
    "InterpolationDisplay",
    "LabelEfficiencyDisplay",
    "LabeledKFold",
    "LatentSpaceDisplay",
    "LatentUnitsDisplay",
    "Likelihood",
    "LossCurveDisplay",
    "M2Classifier",
    "ManifoldDisplay",
    "MaskingNoise",
    "OnnxEncoderTransformer",
    "OnnxModel",
    "PhotoViews",
    "Poisson",
    "ReconstructionDisplay",
    "ReconstructionSnapshots",
    "RowStream",
    "SaltAndPepperNoise",
    "SamplesDisplay",
    "SupervisedEncoderTransformer",
    "SwapNoise",
    "VAEEncoderTransformer",
    "compare",
    "encode",
    "encode_files",
    "export_decoder",
    "export_onnx",
    "fit",
    "labeled_scorer",
    "load_dataset",
    "mask_labels",
    "verify",
]

_MODULES = {
    "AnalogyDisplay": ("vaefeat.plotting", None),
    "ArrowEncoder": ("vaefeat.runtime", None),
    "AutoencoderImputer": ("vaefeat.estimators", "train"),
    "AutoencoderOutlierDetector": ("vaefeat.estimators", "train"),
    "AutoencoderTransformer": ("vaefeat.estimators", "train"),
    "Bernoulli": ("vaefeat.values.likelihoods", None),
    "Categorical": ("vaefeat.values.likelihoods", None),
    "ColumnLikelihood": ("vaefeat.values.column_likelihood", None),
    "Gaussian": ("vaefeat.values.likelihoods", None),
    "GaussianNoise": ("vaefeat.values.corruptions", None),
    "GraphClassifier": ("vaefeat.estimators", "train"),
    "ImageWarp": ("vaefeat.values.corruptions", None),
    "InterpolationDisplay": ("vaefeat.plotting", None),
    "LabelEfficiencyDisplay": ("vaefeat.plotting", None),
    "LabeledKFold": ("vaefeat.data", None),
    "LatentSpaceDisplay": ("vaefeat.plotting", None),
    "LatentUnitsDisplay": ("vaefeat.plotting", None),
    "Likelihood": ("vaefeat.values.likelihoods", None),
    "LossCurveDisplay": ("vaefeat.plotting", None),
    "M2Classifier": ("vaefeat.estimators", "train"),
    "ManifoldDisplay": ("vaefeat.plotting", None),
    "MaskingNoise": ("vaefeat.values.corruptions", None),
    "OnnxEncoderTransformer": ("vaefeat.estimators", "train"),
    "OnnxModel": ("vaefeat.runtime", None),
    "PhotoViews": ("vaefeat.values.photo_views", None),
    "Poisson": ("vaefeat.values.likelihoods", None),
    "ReconstructionDisplay": ("vaefeat.plotting", None),
    "ReconstructionSnapshots": ("vaefeat.plotting", None),
    "RowStream": ("vaefeat.data", None),
    "SaltAndPepperNoise": ("vaefeat.values.corruptions", None),
    "SamplesDisplay": ("vaefeat.plotting", None),
    "SupervisedEncoderTransformer": ("vaefeat.estimators", "train"),
    "SwapNoise": ("vaefeat.values.corruptions", None),
    "VAEEncoderTransformer": ("vaefeat.estimators", "train"),
    "compare": ("vaefeat.comparison", "train"),
    "encode": ("vaefeat.runtime", None),
    "encode_files": ("vaefeat.runtime", None),
    "export_decoder": ("vaefeat.export.decoder", "train"),
    "export_onnx": ("vaefeat.export.estimator", "train"),
    "fit": ("vaefeat.fitting", "train"),
    "labeled_scorer": ("vaefeat.data", None),
    "load_dataset": ("vaefeat.data", None),
    "mask_labels": ("vaefeat.data", None),
    "verify": ("vaefeat.runtime", None),
}


def __getattr__(name: str) -> Any:
    """Load public names at first use, so that ``import vaefeat`` loads nothing heavy (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'vaefeat' has no attribute {name!r}")
    from vaefeat._optional import import_optional

    room, extra = _MODULES[name]
    return getattr(import_optional(room, extra), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
