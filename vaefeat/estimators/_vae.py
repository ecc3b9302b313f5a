"""A variational autoencoder as a scikit-learn transformer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from vaefeat.data.rows import Rows
from vaefeat.estimators._diagnosis import warn_of_silent_units
from vaefeat.estimators._latent import LATENT_CONSTRAINTS, LatentTransformer
from vaefeat.estimators._parameters import LIKELIHOOD_CONSTRAINTS, check_binarization
from vaefeat.values.corruptions import Corruption
from vaefeat.values.images import SMALLEST_SIDE
from vaefeat.values.likelihoods import Likelihood, resolve
from vaefeat.values.objectives import ACTIVE_VARIANCE, gaussian_kl, gaussian_kl_per_unit, reparameterize

if TYPE_CHECKING:
    from vaefeat.training.networks import NetworkConfig
    from vaefeat.training.vae import VAE, VAEConfig

POSTERIOR = ["z_mean", "z_log_var"]
N_SCORE_DRAWS = 16
SCORE_CHUNK_ROWS = 1024


def _fixed_draws(n_components: int) -> np.ndarray:
    """Return standard normal draws whose means and variances are those of the distribution itself."""
    half = np.random.default_rng(0).standard_normal((N_SCORE_DRAWS // 2, n_components), np.float32)
    half /= np.sqrt(np.mean(np.square(half), axis=0))
    return np.concatenate([half, -half])  # (N_SCORE_DRAWS, n_components)


class VAEEncoderTransformer(LatentTransformer):
    r"""Features learned without labels: the latent means of a variational autoencoder.

    ``fit`` trains an encoder q(z|x) and a decoder p(x|z) with TensorFlow, by maximizing the evidence
    lower bound, and ends by exporting both to ONNX. From then on the estimator runs on ONNX Runtime:
    a fitted one unpickles, transforms and scores where TensorFlow is not installed.

    Parameters
    ----------
    n_components : int, default=50
        Number of latent units, and so of output features. Units that the data do not need become inactive
        (see ``active_units_``), so there may be more of them than input features.
    hidden_layer_sizes : array-like of int, default=(500, 500)
        Widths of the encoder's hidden layers; the decoder has the same, reversed.
    filters : array-like of int, default=()
        Numbers of filters of the encoder's convolutions, which precede its hidden layers: 3x3 pixels with
        stride 2, so that each halves the image. For images; needs ``image_shape``.
    n_patches : int, default=0
        Number of patches of training images, 6x6 pixels, that the encoder compares each part of an image
        with, in place of convolutions. For photographs; needs ``image_shape``. The hidden layer after
        them is linear: the directions in which images differ most, compared with two distortions of an
        image if there is a ``corruption``. Both are computed from the data, and not trained.
    decoder : {"dense", "convolutional"}, default="dense"
        Whether the decoder is a perceptron, or ends in transposed convolutions that mirror the convolutions
        of the encoder, for which it needs ``filters``. docs/autoencoders.md says what each costs.
    image_shape : (rows, columns) or (rows, columns, channels) or None, default=None
        Shape of the image whose pixels the features are, row by row, as ``X.reshape(len(X), -1)`` flattens
        images. Needed by ``filters``, ``n_patches`` and corruptions of images.
    activation : {"identity", "relu", "sigmoid", "softplus", "tanh"}, default="relu"
        Activation of the hidden layers.
    kernel_initializer : str or dict, default="glorot_uniform"
        Distribution of the initial weights: the name of a random initializer of Keras, such as "he_normal" or
        "lecun_uniform", or with its settings, as ``keras.initializers.serialize`` writes it:
        ``{"class_name": "TruncatedNormal", "config": {"stddev": 0.001}}``. ``random_state`` gives the seeds.
    likelihood : {"bernoulli", "gaussian", "poisson"} or Likelihood, default="gaussian"
        The distribution p(x|z) of a feature. "bernoulli" is for features in [0, 1] such as black
        and white pixels; "gaussian" is for any real features, "poisson" for counts.
        :class:`vaefeat.Gaussian` has other variances, :class:`vaefeat.ColumnLikelihood` is for tables: it has
        a distribution for each group of columns, such as :class:`vaefeat.Categorical`.
    beta : float, default=1.0
        Weight of the KL term. Above 1, fewer and more independent units; below 1, more of them.
    corruption : GaussianNoise, ImageWarp, MaskingNoise, SaltAndPepperNoise, SwapNoise or None, default=None
        How a sample is distorted before the encoder sees it; the target of the decoder is the clean sample.
        The latents become invariant to the distortion: choose one that changes what does not matter.
    contrastive_weight : float, default=0.0
        Weight of a term that rewards latent means of two distortions of a sample that are more alike, by
        their cosine, than those of different samples of the batch. It draws together samples that
        differ only by distortions, and pushes the others apart. Needs ``corruption``.
    temperature : float, default=0.1
        Temperature of the contrastive term. The lower, the more it pushes the nearest samples apart; raise
        it where samples of one class look nearly alike and classes overlap.
    n_draws : int, default=1
        Draws of z from q(z|x) for each sample in a step of the training, L in equation 7 of Kingma & Welling;
        the reconstruction term is their mean. More draws make gradients less noisy, and steps slower.
    dynamic_binarization : bool, default=False
        Draw each pixel as 0 or 1, with its gray value as the probability, anew each time it is
        seen. Only for "bernoulli". By default gray values enter the likelihood as they are.
    batch_size : int, default=100
        Samples per step; if there are fewer, all of them.
    optimizer : str or dict, default="adam"
        An optimizer of Keras: its name, such as "adam", "adamw", "nadam", "rmsprop" or "sgd", or with its
        settings, as ``keras.optimizers.serialize`` writes it:
        ``{"class_name": "AdamW", "config": {"weight_decay": 0.01}}``. Its weight decay spares the biases.
    learning_rate : {"constant", "cosine"}, default="constant"
        "cosine" lets the learning rate rise over the first tenth of the epochs of ``fit`` and fall to
        nearly zero at the end, as half a cosine. ``partial_fit``, which has no known end, keeps it constant.
    learning_rate_init : float, default=0.001
        Learning rate of the optimizer; with "cosine", the highest.
    output : {"z_mean", "hidden"}, default="z_mean"
        The features: the latent means, or the encoder's last hidden layer, which is wider and separates
        classes better. May be changed after ``fit``: the encoder gives both.
    max_iter : int or "auto", default="auto"
        Passes over the data. "auto" is as many as add up to ``n_steps`` steps, at most 1000. 0 leaves the
        initial random weights: an untrained encoder.
    n_steps : int, default=10_000
        Steps of the optimizer, rounded up to whole passes, if ``max_iter`` is "auto".
    early_stopping : bool, default=False
        Hold out ``validation_fraction`` of the samples, stop when their loss no longer falls, and keep
        the weights of the best epoch.
    validation_fraction : float, default=0.1
        Share of the samples held out by ``early_stopping``.
    n_iter_no_change : int, default=10
        Epochs without an improvement by ``tol`` after which ``early_stopping`` stops.
    tol : float, default=1e-4
        Smallest improvement of the loss that ``early_stopping`` counts as one, in nats per sample.
    callbacks : sequence of keras.callbacks.Callback, default=()
        Called at the beginning and the end of training and of each epoch.
    warm_start : bool, default=False
        Start ``fit`` where the last one ended, with the state of its optimizer, if that has not changed.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the samples and the noise. The same integer
        gives the same features. No global generator is used or changed.
    verbose : int, default=0
        1 shows a progress bar with the ELBO, its two terms in nats, and the time left.

    Attributes
    ----------
    encoder_ : OnnxModel
        From ``X`` (n_samples, n_features) to ``z_mean`` and ``z_log_var`` (n_samples, n_components),
        and ``hidden`` (n_samples, hidden_layer_sizes[-1]) if there is a hidden layer.
    decoder_ : OnnxModel
        From ``Z`` (n_samples, n_components) to ``x_mean`` (n_samples, n_features), and to
        ``x_logits`` ("bernoulli"), ``x_log_rate`` ("poisson") or ``x_location`` (ColumnLikelihood).
    kl_per_unit_ : ndarray of shape (n_components,), float32
        Mean KL divergence of each unit from the prior over the training data, in nats.
    active_units_ : ndarray of shape (n_components,), bool
        Units whose mean varies over the training data by more than 0.01.
    noise_variance_ : ndarray of shape (n_features,), float32
        Variance of p(x|z). Only if the likelihood is Gaussian, or has Gaussian columns; NaN in others.
    loss_curve_ : list of float
        Mean loss of each epoch, in nats: the negative ELBO if ``beta`` is 1 and
        ``contrastive_weight`` 0.
    history_ : dict of lists of float
        ``loss``, ``reconstruction`` and ``kl`` of each epoch, ``contrast`` if ``contrastive_weight``
        is not 0, and the same for the validation samples as ``val_*`` if ``early_stopping``.
    example_codes_ : ndarray of shape (10, n_components), float32
        Latent means of the first training samples, which notebooks show decoded.
    n_iter_ : int
        Epochs trained.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if ``X`` has feature names that are all strings.

    Warns
    -----
    ConvergenceWarning
        By ``fit``, if the loss was still falling at the end; if no latent unit carries information, or
        most of a few do not.
    UserWarning
        By ``fit``, if features are constant, or so easy to predict that they outweigh the others.

    Raises
    ------
    TrainingDivergedError
        By ``fit`` and ``partial_fit``, if the loss becomes NaN or infinite. The estimator is then
        unchanged, as it is after an interrupt.

    See Also
    --------
    sklearn.decomposition.PCA : Linear features by maximum variance.
    sklearn.neural_network.BernoulliRBM : Features of binary data by an undirected model.

    Notes
    -----
    ``fit`` maximizes, for each sample,

    .. math:: E_{q(z|\tilde x)}[\log p(x|z)] - \beta\, KL(q(z|\tilde x) \| p(z)) - \gamma\, C,
        \quad p(z) = N(0, I)

    where :math:`\tilde x` is x as ``corruption`` leaves it, :math:`\gamma` is ``contrastive_weight``, and
    C the contrastive loss of Chen et al.

    Without a contrastive term, active units have a variance near 1 and inactive ones near 0, so the
    features need no scaler after them. With few labels a StandardScaler is harmful, since it scales the
    inactive units up to the size of the others.

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes".
    Higgins et al. (2017), "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
    Framework".
    Burda, Grosse & Salakhutdinov (2016), "Importance Weighted Autoencoders", section 5.2.
    Im et al. (2017), "Denoising Criterion for Variational Auto-Encoding Framework".
    Chen et al. (2020), "A Simple Framework for Contrastive Learning of Visual Representations".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from vaefeat import VAEEncoderTransformer
    >>> X, y = load_digits(return_X_y=True)
    >>> pipe = make_pipeline(
    ...     MinMaxScaler(),
    ...     VAEEncoderTransformer(16, likelihood="bernoulli", max_iter=5, random_state=0),
    ...     LogisticRegression(),
    ... )
    >>> pipe.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.7
    True
    """

    _parameter_constraints: dict = {
        **LATENT_CONSTRAINTS,
        **LIKELIHOOD_CONSTRAINTS,
        "n_patches": [Interval(Integral, 0, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "contrastive_weight": [Interval(Real, 0, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "output": [StrOptions({"z_mean", "hidden"})],
    }
    code_name = "z_mean"
    _has_kl = True
    kl_per_unit_: np.ndarray
    active_units_: np.ndarray

    def __init__(
        self,
        n_components: int = 50,
        *,
        hidden_layer_sizes: Sequence[int] = (500, 500),
        filters: Sequence[int] = (),
        n_patches: int = 0,
        decoder: str = "dense",
        image_shape: Sequence[int] | None = None,
        activation: str = "relu",
        kernel_initializer: str | Mapping[str, Any] = "glorot_uniform",
        likelihood: str | Likelihood = "gaussian",
        beta: float = 1.0,
        corruption: Corruption | None = None,
        contrastive_weight: float = 0.0,
        temperature: float = 0.1,
        n_draws: int = 1,
        dynamic_binarization: bool = False,
        batch_size: int = 100,
        optimizer: str | Mapping[str, Any] = "adam",
        learning_rate: str = "constant",
        learning_rate_init: float = 1e-3,
        output: str = "z_mean",
        max_iter: int | str = "auto",
        n_steps: int = 10_000,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: Sequence[Any] = (),
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.filters = filters
        self.n_patches = n_patches
        self.decoder = decoder
        self.image_shape = image_shape
        self.activation = activation
        self.kernel_initializer = kernel_initializer
        self.likelihood = likelihood
        self.beta = beta
        self.corruption = corruption
        self.contrastive_weight = contrastive_weight
        self.temperature = temperature
        self.n_draws = n_draws
        self.dynamic_binarization = dynamic_binarization
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.output = output
        self.max_iter = max_iter
        self.n_steps = n_steps
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the evidence lower bound of each sample, a lower bound of log p(x).

        The expectation over q(z|x) is the mean over 16 fixed draws, the same for all samples, so that
        the score of a sample depends only on that sample. The draws come in pairs of opposite
        sign, with unit variance in each dimension.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        elbo : ndarray of shape (n_samples,), float32
            In nats, with the KL term unweighted whatever ``beta`` is; -inf where float32 cannot hold it.
        """
        return super().score_samples(X)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Decode draws from the prior.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            Determines the draws.

        Returns
        -------
        x_mean : ndarray of shape (n_samples, n_features), float32
            The mean of p(x|z) for each drawn z; no noise is added.
        """
        check_is_fitted(self)
        shape = (n_samples, self.decoder_.n_features)
        return self.inverse_transform(check_random_state(random_state).standard_normal(shape))

    @property
    def _likelihood(self) -> Likelihood:
        return resolve(self.likelihood)

    def _check(self, X: Any) -> None:
        super()._check(X)
        check_binarization(self, self._likelihood)
        if self.contrastive_weight and self.corruption is None:
            raise ValueError(
                "contrastive_weight compares two distortions of a sample: set corruption, for instance to "
                "ImageWarp(), or contrastive_weight to 0."
            )
        has_hidden = len(self.hidden_layer_sizes) or len(self.filters) or self.n_patches
        if self.output == "hidden" and not has_hidden:
            raise ValueError('output="hidden" needs a hidden layer, got hidden_layer_sizes=().')

    def _score(self, X: np.ndarray) -> np.ndarray:
        draws = _fixed_draws(self.decoder_.n_features)
        starts = range(0, len(X), SCORE_CHUNK_ROWS)
        return np.concatenate([self._elbo(X[i : i + SCORE_CHUNK_ROWS], draws) for i in starts])

    def _elbo(self, X: np.ndarray, draws: np.ndarray) -> np.ndarray:
        posterior = self.encoder_.run(X, POSTERIOR)
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]  # (n_samples, n_components)
        elbo = -gaussian_kl(z_mean, z_log_var)
        near = np.isfinite(elbo)  # where float32 cannot hold the KL term, there is nothing to decode
        log_prob = np.zeros(near.sum(), np.float32)
        for noise in draws:
            log_prob += self._log_prob(X[near], reparameterize(z_mean[near], z_log_var[near], noise))
        elbo[near] += log_prob / len(draws)
        return elbo

    def onnx_score_graph(self) -> Any:
        """Return what ``score_samples`` computes as an ``onnx.ModelProto``."""
        from vaefeat.export.scores import elbo

        check_is_fitted(self)
        draws = _fixed_draws(self.decoder_.n_features)
        return elbo(self.encoder_, self.decoder_, self._likelihood, self._noise_variance, draws)

    def _encoder_config(self, n_features: int) -> "NetworkConfig":
        config = super()._encoder_config(n_features)
        if self.n_patches:
            self._check_patches(config)
        return replace(config, n_patches=int(self.n_patches))

    def _check_patches(self, config: "NetworkConfig") -> None:
        if config.filters:
            raise ValueError(
                f"n_patches={self.n_patches} stands in place of convolutions: set it to 0, or filters to ()."
            )
        if config.image_shape is None or min(config.image_shape[:2]) < SMALLEST_SIDE:
            raise ValueError(
                f"n_patches needs images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, got "
                f"image_shape={self.image_shape}."
            )

    def _model_config(self, encoder: "NetworkConfig") -> "VAEConfig":
        from vaefeat.training.vae import VAEConfig

        return VAEConfig(
            encoder=encoder,
            likelihood=self._likelihood,
            beta=self.beta,
            dynamic_binarization=self.dynamic_binarization,
            corruption=self.corruption,
            contrastive_weight=self.contrastive_weight,
            temperature=self.temperature,
            n_draws=int(self.n_draws),
        )

    def _new_model(self, config: "VAEConfig", seed: int) -> "VAE":
        from vaefeat.training.vae import VAE

        return VAE(config, seed)

    def _diagnose(self, model: Any, X: Rows) -> None:
        super()._diagnose(model, X)
        n_steps = self.n_iter_ * math.ceil(len(X) / self.batch_size)
        warn_of_silent_units(self.active_units_, n_steps)

    def _keep(self, model: Any, rows: Rows) -> None:
        super()._keep(model, rows)
        (kl, _), (_, variance) = rows.moments(self._kl_and_means)
        self.kl_per_unit_ = kl.astype(np.float32)
        self.active_units_ = variance > ACTIVE_VARIANCE

    def _kl_and_means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        posterior = self.encoder_.run(X, POSTERIOR)
        return gaussian_kl_per_unit(posterior["z_mean"], posterior["z_log_var"]), posterior["z_mean"]

    @classmethod
    def _exported_names(cls) -> list[str]:
        return [*super()._exported_names(), "kl_per_unit_", "active_units_"]
