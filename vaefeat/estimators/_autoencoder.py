"""An autoencoder as a scikit-learn transformer: plain, denoising, contractive, sparse."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from vaefeat.estimators._latent import LATENT_CONSTRAINTS, LatentTransformer
from vaefeat.values.corruptions import Corruption
from vaefeat.values.likelihoods import LOSSES, Likelihood, resolve

if TYPE_CHECKING:
    from vaefeat.training.autoencoder import Autoencoder, AutoencoderConfig
    from vaefeat.training.networks import NetworkConfig


class AutoencoderTransformer(LatentTransformer):
    r"""Features learned without labels: the code from which an autoencoder reconstructs its input.

    ``fit`` trains an encoder and a decoder with TensorFlow and ends by exporting both to ONNX, as
    :class:`VAEEncoderTransformer` does, with all that follows from it. Where a VAE models the density
    of the data, an autoencoder learns to reconstruct them; the code is kept from being a mere copy by
    its width, by a corruption of the input, or by a penalty.

    Parameters
    ----------
    n_components : int, default=50
        Width of the code, and so the number of output features. May exceed the number of input features if
        a corruption or a penalty keeps the code from being a copy.
    hidden_layer_sizes : array-like of int, default=(500, 500)
        Widths of the encoder's hidden layers; the decoder has the same, reversed. Without hidden layers, and
        with ``code_activation="identity"``, the code spans the principal subspace, as PCA does.
    filters : array-like of int, default=()
        Numbers of filters of the encoder's convolutions, which precede its hidden layers: 3x3 pixels with
        stride 2, so that each halves the image. For images; needs ``image_shape``.
    decoder : {"dense", "convolutional"}, default="dense"
        Whether the decoder is a perceptron, or ends in transposed convolutions that mirror the convolutions
        of the encoder, for which it needs ``filters``. docs/autoencoders.md says what each costs.
    image_shape : (rows, columns) or (rows, columns, channels) or None, default=None
        Shape of the image whose pixels the features are, row by row, as ``X.reshape(len(X), -1)`` flattens
        images. Needed by ``filters`` and ImageWarp.
    activation : {"identity", "relu", "sigmoid", "softplus", "tanh"}, default="relu"
        Activation of the hidden layers.
    code_activation : {"identity", "relu", "sigmoid", "tanh"}, default="identity"
        Activation of the code.
    kernel_initializer : str or dict, default="glorot_uniform"
        Distribution of the initial weights: the name of a random initializer of Keras, such as "he_normal" or
        "lecun_uniform", or with its settings, as ``keras.initializers.serialize`` writes it:
        ``{"class_name": "TruncatedNormal", "config": {"stddev": 0.001}}``. ``random_state`` gives the seeds.
    loss : {"squared_error", "log_loss"} or Likelihood, default="squared_error"
        The error of a reconstruction, summed over the features. "log_loss" is the cross-entropy, in
        nats, of features in [0, 1] such as black and white pixels. For a likelihood, such as
        :class:`vaefeat.Poisson` for counts, the error is the negative log-likelihood.
    corruption : GaussianNoise, ImageWarp, MaskingNoise, SaltAndPepperNoise, SwapNoise or None, default=None
        How a sample is distorted before the encoder sees it; the target is the clean sample. The
        autoencoder learns to undo the distortion (Vincent et al.).
    code_noise : float, default=0.0
        Standard deviation of normal noise that is added to the code before its activation, in training.
        It makes a "sigmoid" code nearly binary (Salakhutdinov & Hinton).
    contractive_weight : float, default=0.0
        Weight of the squared Frobenius norm of the encoder's Jacobian (Rifai et al.), so that the code
        changes little where the data do not lie. Exact without hidden layers, otherwise estimated.
    l1_weight : float, default=0.0
        Weight of the sum of the code's absolute values, so that few units are far from zero.
    sparsity_weight : float, default=0.0
        Weight of the KL divergence of each unit's mean activation from ``sparsity_target`` (Ng). Needs
        ``code_activation="sigmoid"``.
    sparsity_target : float, default=0.05
        The mean activation that ``sparsity_weight`` asks for, over the samples of a batch.
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
    output : {"code", "reconstruction"}, default="code"
        What ``transform`` returns: the code, or the decoded code, with which an autoencoder that was
        trained with a corruption removes noise. May be changed after ``fit``.
    max_iter : int or "auto", default="auto"
        Passes over the data. "auto" is as many as add up to ``n_steps`` steps, at most 1000. 0 leaves the
        initial random weights.
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
        Smallest improvement of the loss that ``early_stopping`` counts as one, in units of the loss.
    callbacks : sequence of keras.callbacks.Callback, default=()
        Called at the beginning and the end of training and of each epoch.
    warm_start : bool, default=False
        Start ``fit`` where the last one ended, with the state of its optimizer, if that has not changed.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the samples and the noise. The same integer
        gives the same features. No global generator is used or changed.
    verbose : int, default=0
        1 shows a progress bar with the terms of the loss, and the time left.

    Attributes
    ----------
    encoder_ : OnnxModel
        From ``X`` (n_samples, n_features) to ``code`` (n_samples, n_components).
    decoder_ : OnnxModel
        From ``Z`` (n_samples, n_components) to ``x_mean`` (n_samples, n_features), and to
        ``x_logits`` where the loss is "log_loss".
    loss_curve_ : list of float
        Mean loss of each epoch, with all penalties.
    history_ : dict of lists of float
        ``loss`` and ``reconstruction`` of each epoch, ``contractive``, ``l1`` and ``sparsity`` where they
        have a weight, before it is applied, and the same for the validation samples as ``val_*`` if
        ``early_stopping``.
    example_codes_ : ndarray of shape (10, n_components), float32
        Codes of the first training samples, which notebooks show decoded.
    n_iter_ : int
        Epochs trained.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if ``X`` has feature names that are all strings.

    Warns
    -----
    ConvergenceWarning
        By ``fit``, if the loss was still falling at the end.
    UserWarning
        By ``fit``, if features are constant, or so easy to predict that they outweigh the others.

    Raises
    ------
    TrainingDivergedError
        By ``fit`` and ``partial_fit``, if the loss becomes NaN or infinite. The estimator is then
        unchanged, as it is after an interrupt.

    See Also
    --------
    VAEEncoderTransformer : The variational autoencoder: a density, samples, inactive units.
    AutoencoderOutlierDetector : Outliers by the error of their reconstruction.
    AutoencoderImputer : Missing values from a reconstruction.
    sklearn.decomposition.PCA : The best linear autoencoder, in closed form.

    Notes
    -----
    The weights of penalties depend on the scale of the features and, since a decoder can undo a small
    code with large weights, are comparable only between networks of the same shape.

    A code is not encrypted, even without its decoder: anyone who has samples and codes can train one.

    References
    ----------
    Hinton & Salakhutdinov (2006), "Reducing the Dimensionality of Data with Neural Networks".
    Vincent et al. (2010), "Stacked Denoising Autoencoders: Learning Useful Representations in a Deep
    Network with a Local Denoising Criterion".
    Rifai et al. (2011), "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction".
    Ng (2011), "Sparse autoencoder", CS294A lecture notes.
    Salakhutdinov & Hinton (2009), "Semantic hashing".

    Examples
    --------
    Without hidden layers the reconstruction is PCA's:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from vaefeat import AutoencoderTransformer
    >>> X = load_digits().data / 16
    >>> linear = AutoencoderTransformer(
    ...     10, hidden_layer_sizes=(), batch_size=2_000, learning_rate_init=0.03, max_iter=200, random_state=0
    ... ).fit(X)
    >>> pca = PCA(10).fit(X)
    >>> error = np.square(X - pca.inverse_transform(pca.transform(X))).sum(axis=1).mean()
    >>> bool(-linear.score(X) < 1.01 * error)
    True

    With hidden layers, and noise that it learns to remove:

    >>> from vaefeat import SaltAndPepperNoise
    >>> denoiser = AutoencoderTransformer(
    ...     8,
    ...     hidden_layer_sizes=(32,),
    ...     corruption=SaltAndPepperNoise(0.25),
    ...     loss="log_loss",
    ...     output="reconstruction",
    ...     max_iter=2,
    ... ).fit(X)
    >>> denoiser.transform(X).shape
    (1797, 64)
    """

    _parameter_constraints: dict = {
        **LATENT_CONSTRAINTS,
        "code_activation": [StrOptions({"identity", "relu", "sigmoid", "tanh"})],
        "loss": [StrOptions(set(LOSSES)), Likelihood],
        "code_noise": [Interval(Real, 0, None, closed="left")],
        "contractive_weight": [Interval(Real, 0, None, closed="left")],
        "l1_weight": [Interval(Real, 0, None, closed="left")],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "sparsity_target": [Interval(Real, 0, 1, closed="neither")],
        "output": [StrOptions({"code", "reconstruction"})],
    }
    code_name = "code"

    def __init__(
        self,
        n_components: int = 50,
        *,
        hidden_layer_sizes: Sequence[int] = (500, 500),
        filters: Sequence[int] = (),
        decoder: str = "dense",
        image_shape: Sequence[int] | None = None,
        activation: str = "relu",
        code_activation: str = "identity",
        kernel_initializer: str | Mapping[str, Any] = "glorot_uniform",
        loss: str | Likelihood = "squared_error",
        corruption: Corruption | None = None,
        code_noise: float = 0.0,
        contractive_weight: float = 0.0,
        l1_weight: float = 0.0,
        sparsity_weight: float = 0.0,
        sparsity_target: float = 0.05,
        batch_size: int = 100,
        optimizer: str | Mapping[str, Any] = "adam",
        learning_rate: str = "constant",
        learning_rate_init: float = 1e-3,
        output: str = "code",
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
        self.decoder = decoder
        self.image_shape = image_shape
        self.activation = activation
        self.code_activation = code_activation
        self.kernel_initializer = kernel_initializer
        self.loss = loss
        self.corruption = corruption
        self.code_noise = code_noise
        self.contractive_weight = contractive_weight
        self.l1_weight = l1_weight
        self.sparsity_weight = sparsity_weight
        self.sparsity_target = sparsity_target
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
        """Return the negative error of each sample's reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        score : ndarray of shape (n_samples,), float32
            The negative squared error, or cross-entropy in nats, summed over the features; -inf where
            float32 cannot hold it.
        """
        return super().score_samples(X)

    @property
    def _likelihood(self) -> Likelihood:
        return resolve(self.loss, LOSSES)

    def _score(self, X: np.ndarray) -> np.ndarray:
        code = self._encode(X)
        near = np.isfinite(code).all(axis=1)  # what float32 cannot hold cannot be decoded
        score = np.full(len(X), -np.inf, np.float32)
        with np.errstate(over="ignore"):
            score[near] = self._log_prob(X[near], code[near])
        return score

    def _check(self, X: Any) -> None:
        super()._check(X)
        if self.sparsity_weight and self.code_activation != "sigmoid":
            raise ValueError(
                "sparsity_weight is for a code in [0, 1]: set code_activation to "
                f'"sigmoid", got "{self.code_activation}".'
            )

    def _features(self, X: np.ndarray) -> np.ndarray:
        return self.reconstruct(X) if self.output == "reconstruction" else super()._features(X)

    def onnx_graph(self) -> Any:
        """Return the ONNX graph that computes the features, an ``onnx.ModelProto``."""
        from vaefeat.export.composition import reconstruction

        if self.output == "code":
            return super().onnx_graph()
        check_is_fitted(self)
        return reconstruction(self.encoder_, self.decoder_, "code")

    def onnx_score_graph(self) -> Any:
        """Return what ``score_samples`` computes as an ``onnx.ModelProto``."""
        from vaefeat.export.scores import reconstruction_score

        check_is_fitted(self)
        return reconstruction_score(self.encoder_, self.decoder_, self._likelihood, self._noise_variance)

    @property
    def _n_features_out(self) -> int:
        return self.n_features_in_ if self.output == "reconstruction" else self.decoder_.n_features

    def _model_config(self, encoder: "NetworkConfig") -> "AutoencoderConfig":
        from vaefeat.training.autoencoder import AutoencoderConfig

        return AutoencoderConfig(
            encoder=encoder,
            code_activation=self.code_activation,
            loss=self._likelihood,
            corruption=self.corruption,
            code_noise=self.code_noise,
            contractive_weight=self.contractive_weight,
            l1_weight=self.l1_weight,
            sparsity_weight=self.sparsity_weight,
            sparsity_target=self.sparsity_target,
        )

    def _new_model(self, config: "AutoencoderConfig", seed: int) -> "Autoencoder":
        from vaefeat.training.autoencoder import Autoencoder

        return Autoencoder(config, seed)
