"""A semi-supervised classifier for very few labels: they spread over a graph of all samples."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_memory

from vaefeat.data import UNLABELED
from vaefeat.estimators._base import all_or_nothing
from vaefeat.estimators._classifier import NetworkClassifier, checked_prior, encode_labels, marked
from vaefeat.estimators._diffusion import METHODS, neighbor_graph, spread_labels
from vaefeat.estimators._parameters import TRAINING_CONSTRAINTS, checked_image_shape, network_config
from vaefeat.estimators._training import release_trainer, spawn_seeds, training_environment
from vaefeat.values.corruptions import Corruption


class GraphClassifier(NetworkClassifier):
    r"""Semi-supervised classifier for very few labels, which spread over a graph of all samples.

    ``fit`` joins each sample with its nearest neighbors, lets the labels spread over this graph, and trains a
    network with the classes that the samples get: what the graph says is distilled into a function of the
    features, which predicts for new samples and is exported to ONNX.

    The graph is as good as the features: distances between raw pixels or columns of a table tell little.
    Put an encoder before this step.

    Parameters
    ----------
    method : {"poisson", "spreading"}, default="poisson"
        How labels spread: by Poisson learning, or by label spreading.
    n_neighbors : int, default=7
        Nearest neighbors that a sample is joined with; fewer if there are not as many samples.
    metric : {"cosine", "euclidean"}, default="cosine"
        The distance by which neighbors are nearest.
    alpha : float or None, default=None
        How far labels spread, in (0, 1): the share that a sample takes from its neighbors. None is 0.99 for
        "spreading", and for "poisson" 1 - m / 1000 with m labels per class, but at least 0.9.
    class_prior : array-like of shape (n_classes,) or None, default=None
        About the share of each class among all samples, in the order of ``classes_``, if you know it: it
        makes up for labels that are poor examples of their class. None leaves the shares as they come.
    hidden_layer_sizes : array-like of int, default=(256,)
        Widths of the hidden layers of q(y|x).
    activation : {"identity", "relu", "sigmoid", "softplus", "tanh"}, default="relu"
    kernel_initializer : str or dict, default="glorot_uniform"
        Distribution of the initial weights: the name of a random initializer of Keras, such as "he_normal" or
        "lecun_uniform", or with its settings, as ``keras.initializers.serialize`` writes it:
        ``{"class_name": "TruncatedNormal", "config": {"stddev": 0.001}}``. ``random_state`` gives the seeds.
    corruption : GaussianNoise, ImageWarp, MaskingNoise, SaltAndPepperNoise, SwapNoise or None, default=None
        How a sample is distorted before q(y|x) sees it in training. The graph is of undistorted samples.
    image_shape : (rows, columns) or (rows, columns, channels) or None, default=None
        Shape of the image whose pixels the features are, row by row. Needed by ImageWarp.
    batch_size : int, default=200
        Samples per step.
    optimizer : str or dict, default="adam"
        An optimizer of Keras: its name, such as "adam", "adamw", "nadam", "rmsprop" or "sgd", or with its
        settings, as ``keras.optimizers.serialize`` writes it:
        ``{"class_name": "AdamW", "config": {"weight_decay": 0.01}}``. Its weight decay spares the biases.
    learning_rate : {"constant", "cosine"}, default="cosine"
        "cosine" lets the learning rate rise over the first tenth of the epochs and fall to nearly zero
        at the end, as half a cosine.
    learning_rate_init : float, default=0.001
        Learning rate of the optimizer; with "cosine", the highest.
    n_steps : int, default=1500
        Steps of training, rounded up to whole passes over the samples.
    memory : str, object with the interface of joblib.Memory or None, default=None
        Where graphs are kept, for later fits to the same samples with other labels or other parameters. A
        string is the path of a folder.
    callbacks : sequence of keras.callbacks.Callback, default=()
        Called at the beginning and the end of training and of each epoch.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the samples and all noise. The graph is not random.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes of the labeled samples. A class without any label is not among them.
    label_distributions_ : ndarray of shape (n_samples, n_classes), float32
        The probability of each class for each training sample, by the graph.
    transduction_ : ndarray of shape (n_samples,)
        The label of each training sample: as given, or the most probable by the graph.
    classifier_ : OnnxModel
        q(y|x), from ``X`` (n_samples, n_features) to ``probabilities`` (n_samples, n_classes).
    history_ : dict of lists of float
        ``loss`` of each epoch.
    loss_curve_ : list of float
        Mean cross-entropy of each epoch between ``transduction_`` and q(y|x), in nats.
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
        By ``fit``, if no sample has a label, if all labels are of one class, if some labels are strings and
        others are not, or if ``class_prior`` does not hold shares of the classes.

    Warns
    -----
    UserWarning
        By ``fit``, if all samples have a label.

    See Also
    --------
    M2Classifier : A generative model, for tens of labels per class.
    sklearn.semi_supervised.LabelSpreading : Spreads labels over a dense or sparse graph; has no ONNX file.

    Notes
    -----
    The graph W is symmetric. It joins samples of which one is among the nearest of the other, by weights
    :math:`\exp(-d_{ij}^2 / (\sigma_i \sigma_j))`, halved if it is only one, with :math:`\sigma_i` the
    distance of sample i from the farthest of its neighbors. With D the diagonal matrix of the row sums of W
    and Y the one-hot labels, 0 for samples without one:

    - Poisson learning solves :math:`(D - \alpha W) U = Y - \bar Y`, with the mean of the labels,
      :math:`\bar Y`, in the rows that have one; in the paper :math:`\alpha` is 1. Labels are sources and
      sinks of a flow, and the class is the one with the highest potential.
    - Label spreading solves :math:`(I - \alpha D^{-1/2} W D^{-1/2}) F = Y`.

    Probabilities are a softmax of the potentials, or of log F. With ``class_prior`` an offset for each class
    brings it near its share of the samples, as in unbalanced optimal transport, and the potentials of all
    classes are scaled to the deviations that such shares have. (The prior in the paper on Poisson learning,
    a factor, would change nothing where all classes have equally many labels.)

    Both methods take dozens of products with a sparse matrix. Above 20 000 samples the neighbors are found
    by Faiss, approximately.

    q(y|x) is wrong where the graph is, and in a few more cases: see docs/few-labels.md for what that costs.
    Its probabilities say how sure the network is of the graph's classes, not how sure the graph is.

    References
    ----------
    Calder et al. (2020), "Poisson Learning: Graph Based Semi-Supervised Learning At Very Low Label Rates".
    Zhou et al. (2004), "Learning with Local and Global Consistency".
    Zelnik-Manor & Perona (2004), "Self-Tuning Spectral Clustering".
    Chizat et al. (2018), "Scaling Algorithms for Unbalanced Optimal Transport Problems".
    Hinton et al. (2015), "Distilling the Knowledge in a Neural Network".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from vaefeat import GraphClassifier, OnnxEncoderTransformer, mask_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> one_per_class = mask_labels(y, 10, random_state=0)  # the others are -1
    >>> encoder = OnnxEncoderTransformer("exported/digits-image-vae/model.onnx", output="hidden")
    >>> pipe = make_pipeline(encoder, GraphClassifier(n_steps=200, random_state=0))
    >>> pipe.fit(X / 16, one_per_class).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **{name: TRAINING_CONSTRAINTS[name] for name in TRAINING_CONSTRAINTS if name != "n_components"},
        "method": [StrOptions(set(METHODS))],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"cosine", "euclidean"})],
        "alpha": [Interval(Real, 0, 1, closed="neither"), None],
        "class_prior": ["array-like", None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "memory": [str, HasMethods(["cache"]), None],
    }
    _roles = ("classifier",)

    def __init__(
        self,
        method: str = "poisson",
        *,
        n_neighbors: int = 7,
        metric: str = "cosine",
        alpha: float | None = None,
        class_prior: Sequence[float] | None = None,
        hidden_layer_sizes: Sequence[int] = (256,),
        activation: str = "relu",
        kernel_initializer: str | Mapping[str, Any] = "glorot_uniform",
        corruption: Corruption | None = None,
        image_shape: Sequence[int] | None = None,
        batch_size: int = 200,
        optimizer: str | Mapping[str, Any] = "adam",
        learning_rate: str = "cosine",
        learning_rate_init: float = 1e-3,
        n_steps: int = 1_500,
        memory: Any = None,
        callbacks: Sequence[Any] = (),
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.method = method
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.alpha = alpha
        self.class_prior = class_prior
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.kernel_initializer = kernel_initializer
        self.corruption = corruption
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.n_steps = n_steps
        self.memory = memory
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> Self:
        """Spread the labels over the graph of all samples, train the network on them, and export it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Cast to float32.
        y : array-like of shape (n_samples,)
            Classes; -1 where there is no label, as a number or as text, or NaN, None or pd.NA.

        Returns
        -------
        self : object
        """
        with all_or_nothing(self):
            X, y = self._validated(X, marked(y), reset=True)
            self.classes_, codes = encode_labels(y)
            self.label_distributions_ = self._spread(X, codes)
            known = codes != UNLABELED
            spread = np.where(known, codes, self.label_distributions_.argmax(axis=1)).astype(np.int32)
            self.transduction_ = self.classes_[spread]
            self._fit_network(X, spread)
        return self

    def _spread(self, X: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the probability of each class for each sample, (n_samples, n_classes), float32."""
        prior = None if self.class_prior is None else checked_prior(self.class_prior, self.classes_)
        make_graph = check_memory(self.memory).cache(neighbor_graph)
        graph = make_graph(X, self.n_neighbors, self.metric)
        labels = (codes[:, None] == np.arange(len(self.classes_))).astype(np.float32)
        return spread_labels(graph, labels, self.method, self.alpha, prior)

    @training_environment()
    def _fit_network(self, X: np.ndarray, codes: np.ndarray) -> None:
        from vaefeat.training.classifier import Classifier, ClassifierConfig
        from vaefeat.training.loop import new_trainer
        from vaefeat.training.optimizers import make_optimizer

        init_seed, train_seed = spawn_seeds(self.random_state, 2)
        network = network_config(
            self, X.shape[1], len(self.classes_), image_shape=checked_image_shape(self, X.shape[1])
        )
        model = Classifier(ClassifierConfig(network=network, corruption=self.corruption), init_seed)
        model.start_from(X)
        optimizer = make_optimizer(self.optimizer, self.learning_rate_init)
        trainer = new_trainer(model, optimizer, self.batch_size)
        n_epochs = math.ceil(self.n_steps / math.ceil(len(X) / self.batch_size))
        callbacks = self._callbacks(self.learning_rate, n_epochs)
        self._train(trainer, (X, codes), max_epochs=n_epochs, seed=train_seed, callbacks=callbacks)
        self._keep_networks(trainer.model, X)
        release_trainer(trainer)
