"""The model that an explorer shows: an encoder with its decoder, from the two files of a folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.folders import DECODER, MODEL
from vaefeat.values.objectives import ACTIVE_VARIANCE, gaussian_kl_per_unit

MIN_COMPONENTS = 2  # the axes of a plane


@dataclass(frozen=True)
class Latents:
    """Samples, encoded.

    Attributes
    ----------
    z_mean : ndarray of shape (n_samples, n_components), float32
    kl_per_unit : ndarray of shape (n_components,), float32
        Mean KL divergence of each unit from the prior, in nats.
    active_units : ndarray of shape (n_components,), bool
        Units whose mean has a variance above 0.01 over the samples.
    """

    z_mean: np.ndarray
    kl_per_unit: np.ndarray
    active_units: np.ndarray


@dataclass(frozen=True)
class ExploredModel:
    """The encoder and the decoder of a variational autoencoder.

    Parameters
    ----------
    name : str
    encoder : OnnxModel
        ``X`` -> ``z_mean``, ``z_log_var``.
    decoder : OnnxModel
        ``Z`` -> ``x_mean``.

    Raises
    ------
    InvalidModelError
        If an output is missing, the widths differ, or there are fewer than two latent units.
    """

    name: str
    encoder: OnnxModel
    decoder: OnnxModel

    def __post_init__(self) -> None:
        _check_outputs(self.name, MODEL, self.encoder, ("z_mean", "z_log_var"))
        _check_outputs(self.name, DECODER, self.decoder, ("x_mean",))
        encoded = self.encoder.n_features, self.encoder.n_outputs["z_mean"]
        decoded = self.decoder.n_outputs["x_mean"], self.decoder.n_features
        if encoded != decoded:
            raise InvalidModelError(
                f"The decoder of {self.name} does not fit its encoder: it turns {decoded[1]} latent units "
                f"into {decoded[0]} features, expected {encoded[1]} into {encoded[0]}."
            )
        if self.n_components < MIN_COMPONENTS:
            raise InvalidModelError(
                f"{self.name} has {self.n_components} latent unit, expected at least {MIN_COMPONENTS}."
            )

    @classmethod
    def load(cls, folder: Path) -> "ExploredModel":
        """Read and check ``model.onnx`` and ``decoder.onnx`` in a folder, and name the model after it.

        Raises
        ------
        FileNotFoundError
            If a file is missing.
        InvalidModelError
            If a file is refused, or the two do not match.
        """
        for name in (MODEL, DECODER):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"There is no {name} in {folder}: expected an encoder, {MODEL}, "
                    f"and its decoder, {DECODER}."
                )
        encoder, decoder = (OnnxModel.load(folder / name) for name in (MODEL, DECODER))
        return cls(folder.resolve().name, encoder, decoder)

    @property
    def n_components(self) -> int:
        """Number of latent units."""
        return self.decoder.n_features

    @property
    def feature_names(self) -> list[str]:
        """Names of the features: those in the encoder's card, or else scikit-learn's, x0, x1, ..."""
        return self.encoder.feature_names or [f"x{column}" for column in range(self.encoder.n_features)]

    def encode(self, X: np.ndarray) -> Latents:
        """Encode samples.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), float32

        Returns
        -------
        Latents
        """
        posterior = self.encoder.run(X, ["z_mean", "z_log_var"])
        z_mean = posterior["z_mean"]
        kl_per_unit = gaussian_kl_per_unit(z_mean, posterior["z_log_var"]).mean(axis=0)
        return Latents(z_mean, kl_per_unit, z_mean.var(axis=0) > ACTIVE_VARIANCE)


def _check_outputs(name: str, file: str, model: OnnxModel, expected: tuple[str, ...]) -> None:
    if not set(expected) <= set(model.output_names):
        raise InvalidModelError(
            f"{file} of {name} has the outputs {model.output_names}, expected {' and '.join(expected)}."
        )
