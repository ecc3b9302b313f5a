"""A Pipeline for many samples with few labels."""

from typing import Any

from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat.estimators import M2Classifier
from vaefeat.values.corruptions import GaussianNoise
from vaefeat.values.likelihoods import Gaussian

# Of a latent mean over the data: the code of the paper drops units at or below it.
INACTIVE_VARIANCE = 0.01


def make_m1_m2_pipeline(
    encoder: Any, *, noise: float = 0.3, random_state: Any = None, **m2_params: Any
) -> Pipeline:
    """Return M1+M2: an encoder trained without labels, and M2 on its latent means.

    In between, inactive latent units are dropped and the others standardized, as in the code of the
    paper. That code also draws the latents of a sample anew from q(z1|x) each time the sample is seen.
    Here M2 sees the latent means with added noise, and its target is the means without it. The noise
    imitates q(z1|x) of a VAE as in the paper, whose standard deviation is about a quarter of that of
    the means. For an encoder with a contrastive term it is larger than that of the means, and drawing
    from it does harm.

    Parameters
    ----------
    encoder : transformer
        M1: a VAEEncoderTransformer, a Pipeline that ends in one, or an OnnxEncoderTransformer.
    noise : float, default=0.3
        Standard deviation of the noise, relative to that of the latent means; 0 for none.
    random_state : int, RandomState instance or None, default=None
        Of M2.
    **m2_params
        Further parameters of :class:`vaefeat.M2Classifier`.

    Returns
    -------
    Pipeline
        Unfitted; its ``fit`` takes ``y`` with -1 for unlabeled samples.

    References
    ----------
    Kingma et al. (2014), "Semi-supervised Learning with Deep Generative Models", and its code.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from vaefeat import OnnxEncoderTransformer, mask_labels
    >>> from vaefeat.recipes import make_m1_m2_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = OnnxEncoderTransformer("exported/digits-image-vae/model.onnx")
    >>> pipe = make_m1_m2_pipeline(encoder, random_state=0, max_iter=10)
    >>> pipe.fit(X / 16, mask_labels(y, 50, random_state=0)).score(X / 16, y) > 0.9
    True
    """
    m2 = M2Classifier(
        20,
        # The features are standardized. A learned variance falls, and the fewer of the nats the classes
        # account for, the less weight they get.
        likelihood=Gaussian(variance=1.0),
        corruption=GaussianNoise(noise),
        batch_size=200,
        learning_rate="cosine",
        learning_rate_init=3e-3,
        max_iter=20,
        random_state=random_state,
    )
    m2.set_params(**m2_params)
    return make_pipeline(encoder, VarianceThreshold(INACTIVE_VARIANCE), StandardScaler(), m2)
