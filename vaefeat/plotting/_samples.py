"""Samples drawn from a model."""

from typing import Any

import numpy as np

from vaefeat._optional import import_optional
from vaefeat.plotting._axes import check_estimator
from vaefeat.plotting._images import ImageGridDisplay, Shape, image_shape_of


class SamplesDisplay(ImageGridDisplay):
    """Decoded draws from the prior.

    Parameters and attributes are those of :class:`vaefeat.plotting.ImageGridDisplay`.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import SamplesDisplay, VAEEncoderTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = VAEEncoderTransformer(2, hidden_layer_sizes=(16,), likelihood="bernoulli", max_iter=1)
    >>> vae = vae.fit(X / 16)
    >>> SamplesDisplay.from_estimator(vae, n_rows=3, n_columns=5, random_state=0).images.shape
    (3, 5, 64)
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_rows: int = 8,
        n_columns: int = 8,
        random_state: Any = None,
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> "SamplesDisplay":
        """Plot samples; for a classifier, a row for each class, and a column for each draw.

        Parameters
        ----------
        estimator : estimator
            A fitted VAEEncoderTransformer or M2Classifier, or another with a method ``sample``.
        n_rows : int, default=8
            Not used for a classifier, which has a row for each class.
        n_columns : int, default=8
        random_state : int, RandomState instance or None, default=None
            Determines the draws.
        image_shape : (rows, columns) or (rows, columns, 3), optional
            By default the estimator's, or else that of a square.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default new ones.

        Returns
        -------
        SamplesDisplay

        Raises
        ------
        TypeError
            If the estimator cannot sample.
        ValueError
            If the features are not an image.
        """
        check_estimator(estimator, cls.__name__, "networks", "sample")
        if hasattr(estimator, "classes_"):
            images, rows = _by_class(estimator, n_columns, random_state)
            title = "Samples by class; in a column, one style"
        else:
            images = estimator.sample(n_rows * n_columns, random_state).reshape(n_rows, n_columns, -1)
            rows, title = [], "Samples from the prior"
        shape = image_shape_of(estimator, images.shape[2], image_shape)
        return cls(images, image_shape=shape, rows=rows, title=title).plot(ax)


def _by_class(classifier: Any, n_columns: int, random_state: Any) -> tuple[np.ndarray, list[str]]:
    """Return samples (n_classes, n_columns, n_features), the same draws for each class, and the names."""
    check_random_state = import_optional("sklearn.utils", "train").check_random_state
    seed = check_random_state(random_state).randint(2**30)
    images = [classifier.sample([label] * n_columns, seed) for label in classifier.classes_]
    return np.stack(images), list(map(str, classifier.classes_))
