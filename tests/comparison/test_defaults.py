import numpy as np
import pytest

from vaefeat import VAEEncoderTransformer, load_dataset
from vaefeat.comparison import HiddenLayer, default_extractors
from vaefeat.data import Dataset


@pytest.mark.parametrize(("image_shape", "likelihood"), [((2, 3), "bernoulli"), (None, "gaussian")])
def test_default_extractors_suit_the_kind_of_data(image_shape, likelihood):
    X = np.random.default_rng(0).uniform(size=(150, 6)).astype(np.float32)
    extractors = default_extractors(Dataset("noise", X, None, X, None, "0", image_shape))
    vae = extractors["vae"][-1]
    wide = ["image vae", "hidden"] if image_shape else ["hidden", "raw beside hidden"]
    names = ["raw", "pca", "untrained", "vae", "untrained hidden", *wide, "supervised"]
    assert list(extractors) == names
    assert isinstance(vae, VAEEncoderTransformer)
    assert (vae.likelihood, vae.n_components) == (likelihood, 6)
    assert (vae.max_iter, vae.n_steps) == ("auto", 10_000)
    assert extractors["untrained"][-1].max_iter == 0
    pipelines = [each for each in extractors.values() if not isinstance(each, HiddenLayer)]
    assert {len(pipeline) for pipeline in pipelines} == {1 if image_shape else 2}


def test_large_images_are_encoded_as_photographs_too():
    X = np.random.default_rng(0).uniform(size=(150, 256)).astype(np.float32)
    photo = default_extractors(Dataset("noise", X, None, X, None, "0", (16, 16)), max_iter=3)["photo hidden"]
    assert (photo[-1].n_patches, photo[-1].output, photo[-1].max_iter) == (800, "hidden", 0)
    assert "photo hidden" not in default_extractors(load_dataset("digits"))


def test_an_encoder_with_labels_is_no_control_for_quantities():
    X = np.random.default_rng(0).uniform(size=(150, 6)).astype(np.float32)
    extractors = default_extractors(Dataset("noise", X, X[:, 0], X, X[:, 0], "0", task="regression"))
    assert "supervised" not in extractors


def test_on_small_data_the_image_encoder_trains_for_at_least_two_thousand_steps():
    image_vae = default_extractors(load_dataset("digits"))["image vae"][-1]
    assert (image_vae.batch_size, image_vae.max_iter, image_vae.n_steps) == (134, "auto", 2_000)
    assert default_extractors(load_dataset("digits"), max_iter=3)["image vae"][-1].max_iter == 3
