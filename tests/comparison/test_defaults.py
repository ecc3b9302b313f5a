import numpy as np
import pytest

from vaefeat import VAEEncoderTransformer, load_dataset
from vaefeat.comparison import default_extractors
from vaefeat.data import Dataset


@pytest.mark.parametrize(("image_shape", "likelihood"), [((2, 3), "bernoulli"), (None, "gaussian")])
def test_default_extractors_suit_the_kind_of_data(image_shape, likelihood):
    X = np.random.default_rng(0).uniform(size=(150, 6)).astype(np.float32)
    extractors = default_extractors(Dataset("noise", X, None, X, None, "0", image_shape))
    vae = extractors["vae"][-1]
    for_images = ["image vae"] if image_shape else []
    assert list(extractors) == ["raw", "pca", "untrained", "vae", *for_images, "supervised"]
    assert isinstance(vae, VAEEncoderTransformer)
    assert (vae.likelihood, vae.n_components) == (likelihood, 6)
    assert (vae.max_iter, vae.n_steps) == ("auto", 10_000)
    assert extractors["untrained"][-1].max_iter == 0
    assert {len(extractor) for extractor in extractors.values()} == {1 if image_shape else 2}


def test_on_small_data_the_image_encoder_trains_for_at_least_two_thousand_steps():
    image_vae = default_extractors(load_dataset("digits"))["image vae"][-1]
    assert (image_vae.batch_size, image_vae.max_iter, image_vae.n_steps) == (134, "auto", 2_000)
    assert default_extractors(load_dataset("digits"), max_iter=3)["image vae"][-1].max_iter == 3
