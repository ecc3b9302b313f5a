import matplotlib
import pytest

matplotlib.use("agg")
from vaefeat import AutoencoderTransformer, M2Classifier, VAEEncoderTransformer, mask_labels


@pytest.fixture(scope="session")
def vae_2(digits):
    """Return a VAE of two units that has had validation samples."""
    return VAEEncoderTransformer(
        2,
        hidden_layer_sizes=(64,),
        likelihood="bernoulli",
        max_iter=20,
        early_stopping=True,
        random_state=0,
    ).fit(digits[0])


@pytest.fixture(scope="session")
def autoencoder(digits):
    return AutoencoderTransformer(
        3, hidden_layer_sizes=(16,), loss="log_loss", max_iter=2, random_state=0
    ).fit(digits[0])


@pytest.fixture(scope="session")
def m2(digits):
    X, y = digits
    m2 = M2Classifier(3, hidden_layer_sizes=(32,), likelihood="bernoulli", max_iter=15, random_state=0)
    return m2.fit(X, mask_labels(y, 500, random_state=0))
