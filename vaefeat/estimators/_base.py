"""The common part of all estimators whose fitted state is ONNX models. Think twice before adding to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from vaefeat.data.rows import ArrayRows
from vaefeat.protocols import FeatureEncoder, GraphTransformer, NetworkEstimator
from vaefeat.runtime import OnnxModel
from vaefeat.values.images import check_is_flat


@contextmanager
def all_or_nothing(estimator: BaseEstimator) -> Iterator[None]:
    """Restore the estimator if the block raises or is interrupted."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class OnnxEstimator(NetworkEstimator, BaseEstimator):
    """An estimator whose fitted state is ONNX models, one for each of its roles: ``encoder_``."""

    _roles: tuple[str, ...]

    def networks(self) -> Mapping[str, OnnxModel]:
        """Return the ONNX models by their roles."""
        check_is_fitted(self)
        return {role: getattr(self, f"{role}_") for role in self._roles}

    def training_summary(self) -> dict[str, Any]:
        """Return what a card says about the training: nothing if it took place elsewhere."""
        return {}

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """Add to scikit-learn's diagram, also that of a Pipeline, how the training went.

        scikit-learn shows fitted attributes since version 1.9; before that, nothing calls this.
        """
        from vaefeat.plotting import summary_html

        attributes = super()._get_fitted_attr_html(doc_link)
        html = summary_html(self) + attributes._repr_html_inner()
        attributes._repr_html_inner = lambda: html
        return attributes

    def _validated(
        self,
        X: Any,
        y: Any = "no_validation",
        *,
        reset: bool,
        min_samples: int | None = None,
        dtype: Any = np.float32,
        keep_sparse: bool = False,
    ) -> Any:
        if not reset and self._is_ready(X):
            return X
        check_is_flat(X)
        if issparse(X) and not keep_sparse:
            X = X.toarray()
        if min_samples is None:  # a network cannot be trained on one example: its features have no spread
            min_samples = 2 if reset else 1
        with np.errstate(over="ignore"):  # values that float32 cannot hold are refused with a message
            return validate_data(
                self,
                X,
                y,
                reset=reset,
                dtype=dtype,
                order="C",
                ensure_min_samples=min_samples,
                accept_sparse="csr" if keep_sparse else False,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _is_ready(self, X: Any) -> bool:
        """Return whether the ONNX model itself checks all of ``X`` that validation would check.

        validate_data() takes longer for one row than the network does, mostly to find out which
        kind of data frame the array is not.
        """
        return (
            type(X) is np.ndarray
            and X.dtype == np.float32
            and X.ndim == 2
            and len(X) > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
        )


class OnnxGraphMixin(GraphTransformer):
    """What lets skl2onnx convert a transformer whose computation is one ONNX graph, ``onnx_graph()``."""

    def onnx_shape_calculator(self) -> Any:
        """Return the shape calculator by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.hooks import transformer_shapes

        return transformer_shapes

    def onnx_converter(self) -> Any:
        """Return the converter by which skl2onnx converts the estimator, within a Pipeline too."""
        from vaefeat.export.hooks import convert_transformer

        return convert_transformer


class OnnxTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, OnnxGraphMixin, OnnxEstimator, FeatureEncoder
):
    """A transformer whose fitted state is an ONNX encoder."""

    encoder_: OnnxModel
    _roles: tuple[str, ...] = ("encoder",)

    def transform(self, X: Any) -> np.ndarray:
        """Return the features of ``X``: the output of the encoder that ``output`` names.

        Runs the ONNX encoder. Changes nothing and draws nothing at random: the same row gives the same
        features, alone or among others, from any thread.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of a sparse matrix are made dense part by part.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features_out), float32
        """
        check_is_fitted(self)
        if issparse(X):
            rows = ArrayRows((self._validated(X, reset=False, keep_sparse=True),))
            return np.concatenate([self._features(chunk) for chunk in rows.chunks()])
        return self._features(self._validated(X, reset=False))

    def onnx_graph(self) -> Any:
        """Return the ONNX graph that computes the features, an ``onnx.ModelProto``."""
        from vaefeat.export.composition import one_output

        check_is_fitted(self)
        return one_output(self.encoder_, self.feature_name)

    @property
    def feature_name(self) -> str:
        """The output of the encoder that is the features."""
        return "z_mean"

    @property
    def input_range(self) -> tuple[float, float] | None:
        """The range in which features must lie, or None."""
        return None

    def _features(self, X: np.ndarray) -> np.ndarray:
        return self.encoder_.run(X, [self.feature_name])[self.feature_name]

    @property
    def _n_features_out(self) -> int:
        (name,) = self.encoder_.select_outputs([self.feature_name])
        return self.encoder_.n_outputs[name]

    def __sklearn_is_fitted__(self) -> bool:
        return "encoder_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
