"""A semi-supervised classifier: few labeled samples, many unlabeled ones."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from vaefeat.data import UNLABELED
from vaefeat.estimators._base import all_or_nothing
from vaefeat.estimators._classifier import NetworkClassifier, checked_prior, encode_labels, marked
from vaefeat.estimators._parameters import (
    LIKELIHOOD_CONSTRAINTS,
    TRAINING_CONSTRAINTS,
    check_binarization,
    checked_image_shape,
    network_config,
    positive_integers,
)
from vaefeat.estimators._training import spawn_seeds, training_environment
from vaefeat.runtime import OnnxModel
from vaefeat.values.corruptions import Corruption
from vaefeat.values.likelihoods import Likelihood, resolve

if TYPE_CHECKING:
    from vaefeat.training.m2 import M2Config

MAX_CLASSES = 1000  # a step enumerates them


class M2Classifier(NetworkClassifier):
    r"""Semi-supervised classifier: a generative model in which the class is a latent variable.

    ``fit`` trains, with TensorFlow, a generator p(x|y,z), a posterior q(z|x,y) and a classifier q(y|x).
    A sample with a label trains all three. One without a label counts for every class, weighted by q(y|x),
    so that the classifier learns which classes explain the samples. ``fit`` ends by
    exporting all to ONNX; a fitted classifier predicts where TensorFlow is not installed.

    Parameters
    ----------
    n_components : int, default=50
        Number of latent units z: what makes samples of one class differ.
    hidden_layer_sizes : array-like of int, default=(500,)
        Widths of the hidden layers of q(y|x) and q(z|x,y); p(x|y,z) has the same, reversed. At least one.
    classifier_hidden_layer_sizes : array-like of int or None, default=None
        Widths of the hidden layers of q(y|x), if they are others; () makes it linear.
    posterior_variance : {"xy", "x"}, default="xy"
        What the variance of :math:`q(z|x,y) = N(m(x,y), \mathrm{diag}\, s^2)` depends on: the sample and the
        class, in a network that also has the mean; or, as in the paper (equation 4), the sample alone, in a
        network of its own with the same widths.
    activation : {"identity", "relu", "sigmoid", "softplus", "tanh"}, default="relu"
    kernel_initializer : str or dict, default="glorot_uniform"
        Distribution of the initial weights: the name of a random initializer of Keras, such as "he_normal" or
        "lecun_uniform", or with its settings, as ``keras.initializers.serialize`` writes it:
        ``{"class_name": "TruncatedNormal", "config": {"stddev": 0.001}}``. ``random_state`` gives the seeds.
    likelihood : {"bernoulli", "gaussian", "poisson"} or Likelihood, default="gaussian"
        The distribution p(x|y,z) of a feature: "bernoulli" for features in [0, 1] such as pixels,
        "gaussian" for any real features, the latent means of a VAE for instance (M1+M2), "poisson"
        for counts. :class:`vaefeat.Gaussian` has other variances, :class:`vaefeat.ColumnLikelihood` is for
        tables.
    alpha : float, default=50.0
        Weight of the labels' cross-entropy against the bound of a sample, in the paper
        :math:`\alpha / N`. The paper has 0.1; but with so little, the samples without labels may pull
        q(y|x) elsewhere before the classes have taken their places in p(x|y,z).
    class_prior : array-like of shape (n_classes,) or None, default=None
        p(y), in the order of ``classes_``. None is uniform.
    weight_decay : float, default=0.0
        Share by which weights, but not biases, shrink at each step, times the learning rate, as in AdamW;
        with any optimizer. 0 leaves the weight decay to ``optimizer``.
    corruption : GaussianNoise, ImageWarp, MaskingNoise, SaltAndPepperNoise, SwapNoise or None, default=None
        How a sample is distorted before q(y|x) and q(z|x,y) see it; the target of p(x|y,z) is the
        clean sample.
    image_shape : (rows, columns) or (rows, columns, channels) or None, default=None
        Shape of the image whose pixels the features are, row by row. Needed by ImageWarp.
    dynamic_binarization : bool, default=False
        Draw each pixel as 0 or 1, with its gray value as the probability, anew each time it is seen.
        Only for "bernoulli".
    batch_size : int, default=100
        Samples per step. In addition, each step draws as many of the labeled samples, with replacement,
        for the cross-entropy; it takes all if there are fewer.
    optimizer : str or dict, default="adam"
        An optimizer of Keras: its name, such as "adam", "adamw", "nadam", "rmsprop" or "sgd", or with its
        settings, as ``keras.optimizers.serialize`` writes it:
        ``{"class_name": "AdamW", "config": {"weight_decay": 0.01}}``. Its weight decay spares the biases.
    learning_rate : {"constant", "cosine"}, default="constant"
        "cosine" lets the learning rate rise over the first tenth of the epochs and fall to nearly zero
        at the end, as half a cosine.
    learning_rate_init : float, default=0.001
        Learning rate of the optimizer; with "cosine", the highest.
    max_iter : int, default=50
        Passes over the samples.
    callbacks : sequence of keras.callbacks.Callback, default=()
        Called at the beginning and the end of training and of each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the samples and all noise.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes of the labeled samples. A class without any label is not among them.
    classifier_ : OnnxModel
        q(y|x), from ``X`` (n_samples, n_features) to ``probabilities`` (n_samples, n_classes).
    posterior_ : OnnxModel
        q(z|x,y), from ``XY`` (n_samples, n_features + n_classes), the class one-hot after the
        features, to ``z_mean`` and ``z_log_var``.
    decoder_ : OnnxModel
        The mean of p(x|y,z), from ``ZY`` (n_samples, n_components + n_classes) to ``x_mean``.
    noise_variance_ : ndarray of shape (n_features,), float32
        Variance of p(x|y,z). Only if the likelihood is Gaussian, or has Gaussian columns; NaN in others.
    transduction_ : ndarray of shape (n_samples,)
        The label of each training sample: as given, or as predicted.
    loss_curve_ : list of float
        Mean loss of each epoch, in nats.
    history_ : dict of lists of float
        ``loss``, and its terms ``bound`` (of the negative log-density of a sample, with its class where
        that is known) and ``cross_entropy``.
    n_iter_ : int
        Epochs trained.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if ``X`` has feature names that are all strings.

    Raises
    ------
    TrainingDivergedError
        By ``fit``, if the loss becomes NaN or infinite. The estimator is then unchanged.
    ValueError
        By ``fit``, if no sample has a label, or all labels are of one class or of more than 1000, if
        some labels are strings and others are not, or if features or options do not fit the likelihood.

    Warns
    -----
    ConvergenceWarning
        By ``fit``, if the classifier is wrong for more than half of its own labeled samples that are
        not of the largest class, or never predicts some class.
    UserWarning
        By ``fit``, if all samples have a label.

    See Also
    --------
    VAEEncoderTransformer : M1. In front of this classifier it makes M1+M2.
    GraphClassifier : Spreads labels over a graph of nearby samples, for fewer than ten labels per class.
    sklearn.semi_supervised.SelfTrainingClassifier : Uses its own confident predictions as labels.

    Notes
    -----
    The objective is :math:`J^\alpha` of the paper, divided by the number of samples: the mean over the
    samples of :math:`L(x, y)` or :math:`U(x)`, plus :math:`\alpha` times the cross-entropy of the
    labeled samples. See :func:`vaefeat.values.objectives.labeled_bound`,
    :func:`vaefeat.values.objectives.unlabeled_bound`, and :class:`vaefeat.training.m2.M2` for the
    cost of a step.

    scikit-learn's splitters take -1 for a class. To choose parameters, use :class:`vaefeat.LabeledKFold`
    and :func:`vaefeat.labeled_scorer`.

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import M2Classifier, mask_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> few = mask_labels(y, 100, random_state=0)  # the others are -1
    >>> m2 = M2Classifier(4, hidden_layer_sizes=(64,), likelihood="bernoulli", max_iter=10, random_state=0)
    >>> m2 = m2.fit(X / 16, few)
    >>> bool((m2.transduction_ == y).mean() > 0.8)
    True
    >>> m2.sample([3, 3, 8], random_state=0).shape
    (3, 64)
    """

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        **LIKELIHOOD_CONSTRAINTS,
        "classifier_hidden_layer_sizes": ["array-like", None],
        "posterior_variance": [StrOptions({"x", "xy"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "class_prior": ["array-like", None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }
    _roles = ("classifier", "posterior", "decoder")
    posterior_: OnnxModel
    decoder_: OnnxModel

    def __init__(
        self,
        n_components: int = 50,
        *,
        hidden_layer_sizes: Sequence[int] = (500,),
        classifier_hidden_layer_sizes: Sequence[int] | None = None,
        posterior_variance: str = "xy",
        activation: str = "relu",
        kernel_initializer: str | Mapping[str, Any] = "glorot_uniform",
        likelihood: str | Likelihood = "gaussian",
        alpha: float = 50.0,
        class_prior: Sequence[float] | None = None,
        weight_decay: float = 0.0,
        corruption: Corruption | None = None,
        image_shape: Sequence[int] | None = None,
        dynamic_binarization: bool = False,
        batch_size: int = 100,
        optimizer: str | Mapping[str, Any] = "adam",
        learning_rate: str = "constant",
        learning_rate_init: float = 1e-3,
        max_iter: int = 50,
        callbacks: Sequence[Any] = (),
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.classifier_hidden_layer_sizes = classifier_hidden_layer_sizes
        self.posterior_variance = posterior_variance
        self.activation = activation
        self.kernel_initializer = kernel_initializer
        self.likelihood = likelihood
        self.alpha = alpha
        self.class_prior = class_prior
        self.weight_decay = weight_decay
        self.corruption = corruption
        self.image_shape = image_shape
        self.dynamic_binarization = dynamic_binarization
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> Self:
        """Train on all samples, those with a label and those without, and export what was trained.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Cast to float32; in [0, 1] if the likelihood is "bernoulli".
        y : array-like of shape (n_samples,)
            Classes; -1 where there is no label, as a number or as text, or NaN, None or pd.NA.

        Returns
        -------
        self : object
        """
        with all_or_nothing(self):
            X, y = self._validated(X, marked(y), reset=True)
            self._likelihood.check(X)
            check_binarization(self, self._likelihood)
            self.classes_, codes = encode_labels(y)
            _check_number_of(self.classes_)
            self._fit_networks(X, codes)
            predicted = self._predict_codes(X)
            self.transduction_ = self.classes_[np.where(codes == UNLABELED, predicted, codes)]
            _warn_if_not_learned(predicted, codes, self.classes_)
        return self

    def sample(self, y: Any, random_state: Any = None) -> np.ndarray:
        """Generate a sample of each class in ``y``: draws of z from the prior, decoded.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Classes from ``classes_``.
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        x_mean : ndarray of shape (n_samples, n_features), float32
            The mean of p(x|y,z); no noise is added.

        Raises
        ------
        ValueError
            If a class is not in ``classes_``.
        """
        check_is_fitted(self)
        Y = self._one_hot(y)
        return self._decode(check_random_state(random_state).standard_normal((len(Y), self._n_latents)), Y)

    def reconstruct(self, X: Any, y: Any = None) -> np.ndarray:
        """Encode and decode ``X``; as other classes if these are given: analogies.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), optional
            The classes to decode as, with the z that ``X`` has under its own, predicted class.

        Returns
        -------
        x_mean : ndarray of shape (n_samples, n_features), float32

        Raises
        ------
        ValueError
            If a class is not in ``classes_``, or ``y`` is not as long as ``X``.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        check_consistent_length(X, y)
        own = self._one_hot(self.classes_[self._predict_codes(X)])
        Y = own if y is None else self._one_hot(y)
        z_mean = self.posterior_.run(np.hstack([X, own]), ["z_mean"])["z_mean"]
        return self._decode(z_mean, Y)

    def _decode(self, Z: np.ndarray, Y: np.ndarray) -> np.ndarray:
        return self.decoder_.run(np.hstack([Z, Y]), ["x_mean"])["x_mean"]

    @property
    def _n_latents(self) -> int:
        return self.posterior_.n_outputs["z_mean"]

    def _one_hot(self, y: Any) -> np.ndarray:
        y = column_or_1d(y)
        if not np.isin(y, self.classes_).all():
            raise ValueError(f"Got a class that is none of classes_, {self.classes_.tolist()}.")
        return (y[:, None] == self.classes_).astype(np.float32)  # (n_samples, n_classes)

    @property
    def _likelihood(self) -> Likelihood:
        return resolve(self.likelihood)

    @training_environment()
    def _fit_networks(self, X: np.ndarray, y: np.ndarray) -> None:
        from vaefeat.training.loop import new_trainer, release
        from vaefeat.training.m2 import M2
        from vaefeat.training.optimizers import make_optimizer

        init_seed, train_seed = spawn_seeds(self.random_state, 2)
        labeled = y != UNLABELED
        m2 = M2(self._config(X.shape[1]), X[labeled], y[labeled], self.batch_size, init_seed)
        m2.start_from(X)
        optimizer = make_optimizer(self.optimizer, self.learning_rate_init, self.weight_decay or None)
        trainer = new_trainer(m2, optimizer, self.batch_size)
        self._train(
            trainer,
            (X, y),
            max_epochs=self.max_iter,
            seed=train_seed,
            callbacks=self._callbacks(self.learning_rate, self.max_iter),
        )
        self._keep_networks(trainer.model, X)
        release(trainer)

    def _config(self, n_features: int) -> "M2Config":
        from vaefeat.training.m2 import M2Config

        encoder = network_config(
            self,
            n_features,
            image_shape=checked_image_shape(self, n_features),
            log_inputs=self._likelihood.log_inputs,
        )
        if not encoder.hidden_layer_sizes:
            raise ValueError("hidden_layer_sizes must hold at least one layer, got ().")
        classifier = replace(encoder, n_outputs=len(self.classes_))
        if self.classifier_hidden_layer_sizes is not None:
            sizes = positive_integers(self, "classifier_hidden_layer_sizes")
            classifier = replace(classifier, hidden_layer_sizes=sizes)
        return M2Config(
            encoder=encoder,
            classifier=classifier,
            log_prior=self._log_prior(),
            alpha=self.alpha,
            likelihood=self._likelihood,
            posterior_variance=self.posterior_variance,
            dynamic_binarization=self.dynamic_binarization,
            corruption=self.corruption,
        )

    def _log_prior(self) -> tuple[float, ...]:
        if self.class_prior is None:
            return (-float(np.log(len(self.classes_))),) * len(self.classes_)
        prior = checked_prior(self.class_prior, self.classes_)
        return tuple(np.log(prior).tolist())


def _check_number_of(classes: np.ndarray) -> None:
    if len(classes) > MAX_CLASSES:
        raise ValueError(
            f"y has {len(classes)} classes, expected at most {MAX_CLASSES}: each step enumerates them. "
            "Put VAEEncoderTransformer in front of another classifier instead."
        )


def _warn_if_not_learned(predicted: np.ndarray, codes: np.ndarray, classes: np.ndarray) -> None:
    """Warn of a classifier that has not learned its labels, or has lost a class."""
    labeled = codes != UNLABELED
    accuracy = np.mean(predicted[labeled] == codes[labeled])
    largest = np.bincount(codes[labeled]).max() / labeled.sum()
    lost = np.setdiff1d(np.arange(len(classes)), predicted)
    if accuracy < (1 + largest) / 2:
        what = f"is right for {accuracy:.0%} of its own labeled samples alone"
    elif len(lost):
        what = f"never predicts {classes[lost].tolist()}"
    else:
        return
    warnings.warn(
        f"The classifier {what}: it has not learned its classes. Raise max_iter, or alpha.",
        ConvergenceWarning,
        stacklevel=4,
    )
