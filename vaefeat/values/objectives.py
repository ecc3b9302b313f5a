"""Objectives as pure functions: one value per example, in nats, with its equation.

Every function takes NumPy arrays or TensorFlow tensors and answers in kind, so that the formula
that trains a model is the very one that scores samples where TensorFlow is not installed.
"""

from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or a TensorFlow tensor

LOG_2PI = float(np.log(2.0 * np.pi))
ACTIVE_VARIANCE = 0.01  # of a unit's mean over the data: Burda et al. call a unit active above it


def namespace(array: Array) -> Any:
    """Return the module whose functions compute on ``array``: NumPy or ``keras.ops``."""
    if isinstance(array, np.ndarray):
        return np
    from keras import ops

    return ops


def gaussian_kl_per_unit(z_mean: Array, z_log_var: Array) -> Array:
    r"""KL divergence from the standard normal of each latent unit, in nats.

    .. math:: KL_j = \tfrac12 (\exp s_j + m_j^2 - 1 - s_j), \quad q_j = N(m_j, \exp s_j), p_j = N(0, 1)

    Parameters
    ----------
    z_mean, z_log_var : arrays of shape (n_samples, n_components)

    Returns
    -------
    array of shape (n_samples, n_components), each entry >= 0

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", appendix B.
    """
    xp = namespace(z_mean)
    return 0.5 * (xp.exp(z_log_var) + xp.square(z_mean) - 1.0 - z_log_var)


def gaussian_kl(z_mean: Array, z_log_var: Array) -> Array:
    r"""KL divergence of a diagonal Gaussian from the standard normal, in nats.

    .. math:: KL(q(z|x) \| p(z)) = \sum_j KL_j

    with :math:`KL_j` of :func:`gaussian_kl_per_unit`.

    Parameters
    ----------
    z_mean, z_log_var : arrays of shape (n_samples, n_components)

    Returns
    -------
    array of shape (n_samples,)
    """
    return namespace(z_mean).sum(gaussian_kl_per_unit(z_mean, z_log_var), axis=-1)


def reparameterize(z_mean: Array, z_log_var: Array, noise: Array) -> Array:
    r"""Turn standard normal noise into a draw from q(z|x): :math:`z = m + \exp(s / 2)\,\epsilon`.

    Parameters
    ----------
    z_mean, z_log_var : arrays of shape (n_samples, n_components)
    noise : array of shape (n_samples, n_components), or any that broadcasts to it

    Returns
    -------
    array of shape (n_samples, n_components)

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", section 2.4.
    """
    return z_mean + namespace(z_mean).exp(0.5 * z_log_var) * noise


def bernoulli_log_prob(x: Array, x_logits: Array, observed: Array | None = None) -> Array:
    r"""Log-likelihood of features in [0, 1] under independent Bernoullis, in nats.

    .. math:: \log p(x|z) = \sum_i x_i l_i - \log(1 + \exp l_i)

    For gray values strictly between 0 and 1 it is the negative cross-entropy, which both theses
    use; it is then not the logarithm of a normalized density.

    Parameters
    ----------
    x : array of shape (n_samples, n_features), values in [0, 1]
    x_logits : array of shape (n_samples, n_features), log-odds of each feature
    observed : array of shape (n_samples, n_features), optional
        1 where x is known; where it is 0 the feature is left out of the sum.

    Returns
    -------
    array of shape (n_samples,)

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", appendix C.1.
    """
    xp = namespace(x)
    softplus = xp.maximum(x_logits, 0.0) + xp.log1p(xp.exp(-xp.abs(x_logits)))
    return _sum_of_observed(x * x_logits - softplus, observed)


def gaussian_log_prob(x: Array, x_mean: Array, log_variance: Array, observed: Array | None = None) -> Array:
    r"""Log-density of features under independent Gaussians, in nats.

    .. math:: \log p(x|z) = -\tfrac12 \sum_i \log 2\pi + v_i + (x_i - \mu_i)^2 \exp(-v_i)

    Parameters
    ----------
    x, x_mean : arrays of shape (n_samples, n_features)
    log_variance : array of shape (n_features,), or any that broadcasts to ``x``
    observed : array of shape (n_samples, n_features), optional
        1 where x is known; where it is 0 the feature is left out of the sum.

    Returns
    -------
    array of shape (n_samples,)

    References
    ----------
    Kingma & Welling (2014), "Auto-Encoding Variational Bayes", appendix C.2.
    """
    xp = namespace(x)
    squared_error = xp.square(x - x_mean) * xp.exp(-log_variance)
    return -0.5 * _sum_of_observed(LOG_2PI + log_variance + squared_error, observed)


def poisson_log_prob(x: Array, log_rate: Array, observed: Array | None = None) -> Array:
    r"""Log-probability of counts under independent Poisson distributions, in nats.

    .. math:: \log p(x|z) = \sum_i x_i l_i - \exp l_i - \log x_i!

    Parameters
    ----------
    x : array of shape (n_samples, n_features), not negative
    log_rate : array of shape (n_samples, n_features)
        Logarithm of the expected count of each feature.
    observed : array of shape (n_samples, n_features), optional
        1 where x is known; where it is 0 the feature is left out of the sum.

    Returns
    -------
    array of shape (n_samples,)

    References
    ----------
    McCullagh & Nelder (1989), "Generalized Linear Models", section 6.2.
    """
    return _sum_of_observed(x * log_rate - namespace(x).exp(log_rate) - log_factorial(x), observed)


def categorical_log_prob(x: Array, x_logits: Array, observed: Array | None = None) -> Array:
    r"""Log-probability of a category, one-hot, in nats.

    .. math:: \log p(x|z) = \sum_k x_k (l_k - \log \sum_j \exp l_j)

    Parameters
    ----------
    x : array of shape (n_samples, n_categories)
        1 for the category and 0 for the others; where all are 0, the category is unknown and adds nothing.
    x_logits : array of shape (n_samples, n_categories)
    observed : array of shape (n_samples, n_categories), optional
        1 where x is known; where it is 0 the category is left out of the sum.

    Returns
    -------
    array of shape (n_samples,)

    References
    ----------
    Nazábal et al. (2020), "Handling Incomplete Heterogeneous Data using VAEs", section 2.2.
    """
    return _sum_of_observed(x * log_softmax(x_logits), observed)


def log_factorial(x: Array) -> Array:
    r"""Logarithm of :math:`x! = \Gamma(x + 1)`, by Stirling's series of :math:`\Gamma(x + 4)`.

    .. math:: \log x! = (y - \tfrac12) \log y - y + \tfrac12 \log 2\pi + \frac{1}{12 y} - \frac{1}{360 y^3}
        - \log (x + 1)(x + 2)(x + 3), \quad y = x + 4

    Operations that ONNX has too, so that an exported score is the same; the error is below 1e-6.

    Parameters
    ----------
    x : array, not negative

    Returns
    -------
    array of the same shape

    References
    ----------
    Abramowitz & Stegun (1964), "Handbook of Mathematical Functions", equation 6.1.41.
    """
    xp = namespace(x)
    product = (x + 1.0) * (x + 2.0) * (x + 3.0)
    y = x + 4.0
    leading = (y - 0.5) * xp.log(y) - y
    inverse = 1.0 / y
    series = inverse * (1.0 / 12.0 - inverse * inverse * (1.0 / 360.0)) + 0.5 * LOG_2PI
    return leading + series - xp.log(product)


def squared_error(x: Array, x_mean: Array, observed: Array | None = None) -> Array:
    r"""Squared distance of a sample from its reconstruction: :math:`\sum_i (x_i - \mu_i)^2`.

    Parameters
    ----------
    x, x_mean : arrays of shape (n_samples, n_features)
    observed : array of shape (n_samples, n_features), optional
        1 where x is known; where it is 0 the feature is left out of the sum.

    Returns
    -------
    array of shape (n_samples,), in squared units of the features
    """
    return _sum_of_observed(namespace(x).square(x - x_mean), observed)


def _sum_of_observed(terms: Array, observed: Array | None) -> Array:
    """Return the sum over the features that are known; the others say nothing about the model.

    Little & Rubin (2002), "Statistical Analysis with Missing Data", section 6.2: where values are
    missing at random, the likelihood is that of the observed ones.
    """
    if observed is not None:
        terms = terms * observed
    return namespace(terms).sum(terms, axis=-1)


def contrastive_loss(first: Array, second: Array, temperature: float = 0.1) -> Array:
    r"""Contrastive loss: how hard it is to match two views of a sample within a batch, in nats.

    .. math:: -\log \frac{\exp(\cos(a_i, b_i) / \tau)}{\sum_{c \ne a_i} \exp(\cos(a_i, c) / \tau)}

    where c runs over both views of all samples but :math:`a_i` itself; the mean of this and of the
    same with a and b exchanged. It bounds the mutual information of the views: it is the evidence
    lower bound of a model whose likelihood is made from the encoder.

    Parameters
    ----------
    first, second : arrays of shape (n_samples, n_components)
        Latents of the two views.
    temperature : float
        :math:`\tau`; the smaller, the more the nearest of the others count.

    Returns
    -------
    array of shape (n_samples,)

    References
    ----------
    Chen et al. (2020), "A Simple Framework for Contrastive Learning of Visual Representations".
    Aitchison & Ganev (2024), "InfoNCE is Variational Inference in a Recognition Parameterised Model".
    """
    xp = namespace(first)
    n = first.shape[0]
    views = xp.concatenate([first, second])
    squared_norm = xp.sum(xp.square(views), axis=-1, keepdims=True)
    views = views / xp.sqrt(xp.maximum(squared_norm, 1e-12))  # a blank image may have the latent zero
    itself = 1e9 * np.eye(2 * n, dtype=np.float32)
    similarity = xp.matmul(views, xp.transpose(views)) / temperature - itself
    partner = np.roll(np.arange(2 * n), n)
    loss = categorical_cross_entropy(partner, similarity)
    return 0.5 * (loss[:n] + loss[n:])


def categorical_cross_entropy(y: Array, y_logits: Array) -> Array:
    r"""Negative log-probability of the true class, in nats.

    .. math:: -\log p(y|x) = \log \sum_k \exp l_k - l_y

    Parameters
    ----------
    y : array of shape (n_samples,), integers in [0, n_classes)
    y_logits : array of shape (n_samples, n_classes)

    Returns
    -------
    array of shape (n_samples,)
    """
    y_log_prob = log_softmax(y_logits)
    return -namespace(y_logits).take_along_axis(y_log_prob, y[:, None], axis=-1)[:, 0]


def labeled_bound(log_prob: Array, log_prior: Array, kl: Array) -> Array:
    r"""Upper bound of the negative log-density of a sample together with its class, in nats.

    .. math:: L(x, y) = -E_{q(z|x,y)}[\log p(x|y,z)] - \log p(y) + KL(q(z|x,y) \| p(z))

    Parameters
    ----------
    log_prob : array of any shape
        :math:`\log p(x|y,z)` at a draw of z.
    log_prior : array that broadcasts to it
        :math:`\log p(y)`.
    kl : array of the same shape as ``log_prob``

    Returns
    -------
    array of the same shape as ``log_prob``

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", equation 6.
    """
    return kl - log_prob - log_prior


def unlabeled_bound(labeled_bounds: Array, y_log_prob: Array) -> Array:
    r"""Upper bound of the negative log-density of a sample whose class is unknown, in nats.

    .. math:: U(x) = \sum_y q(y|x) L(x, y) - H(q(y|x)) = \sum_y q(y|x) (L(x, y) + \log q(y|x))

    Over all q(y|x) it is smallest, :math:`-\log \sum_y \exp -L(x, y)`, where q(y|x) is proportional to
    :math:`\exp -L(x, y)`.

    Parameters
    ----------
    labeled_bounds : array of shape (n_samples, n_classes)
        :math:`L(x, y)` of :func:`labeled_bound`, for each class.
    y_log_prob : array of shape (n_samples, n_classes)
        :math:`\log q(y|x)`.

    Returns
    -------
    array of shape (n_samples,)

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", equation 7.
    """
    xp = namespace(y_log_prob)
    return xp.sum(xp.exp(y_log_prob) * (labeled_bounds + y_log_prob), axis=-1)


def log_softmax(logits: Array) -> Array:
    r"""Logarithms of probabilities from logits: :math:`l_k - \log \sum_j \exp l_j`.

    Parameters
    ----------
    logits : array of shape (n_samples, n_classes)

    Returns
    -------
    array of shape (n_samples, n_classes), in nats, each entry <= 0
    """
    xp = namespace(logits)
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
