import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA

from vaefeat import LatentSpaceDisplay, OnnxEncoderTransformer, export_onnx


def test_two_units_are_shown_as_they_are(vae_2, digits):
    X, _ = digits
    display = LatentSpaceDisplay.from_estimator(vae_2, X)
    assert_array_equal(display.Z, vae_2.transform(X))
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("unit 0", "unit 1")
    (points,) = display.points_
    assert len(points.get_offsets()) == len(X)


def test_each_class_has_a_color_and_its_name_at_its_center(vae_2, digits):
    X, y = digits
    display = LatentSpaceDisplay.from_estimator(vae_2, X, y)
    colors = {tuple(points.get_facecolor()[0]) for points in display.points_}
    assert len(colors) == 10
    assert [text.get_text() for text in display.ax_.texts] == [str(label) for label in range(10)]
    threes = vae_2.transform(X[y == 3])
    assert_allclose(display.points_[3].get_offsets(), threes)
    assert_allclose(display.ax_.texts[3].get_position(), np.median(threes, axis=0), rtol=1e-5)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_of_more_units_the_most_active_are_shown_and_named(n_dimensions, vae, digits):
    X, y = digits
    display = LatentSpaceDisplay.from_estimator(vae, X, y, n_dimensions=n_dimensions)
    Z = vae.transform(X)
    units = np.argsort(-Z.var(axis=0))[:n_dimensions]
    assert_array_equal(display.Z, Z[:, units])
    assert display.ax_.get_ylabel() == f"unit {units[1]}"
    assert display.ax_.get_title() == f"Latent means: the {n_dimensions} most active of 4 units"
    assert (display.ax_.name == "3d") == (n_dimensions == 3)


def test_or_the_principal_components_of_all(vae, digits):
    X, _ = digits
    display = LatentSpaceDisplay.from_estimator(vae, X, projection="pca")
    assert_allclose(
        np.abs(display.Z), np.abs(PCA(2, random_state=0).fit_transform(vae.transform(X))), atol=1e-5
    )
    assert display.ax_.get_xlabel().startswith("component 1 (")
    assert display.ax_.get_title() == "Latent means: principal components of 4 units"


@pytest.mark.parametrize("y", [np.arange(1797), np.linspace(0, 1, 1797)], ids=["many values", "fractions"])
def test_a_quantity_has_a_color_bar(y, vae_2, digits):
    display = LatentSpaceDisplay.from_estimator(vae_2, digits[0], y)
    (points,) = display.points_
    assert points.get_array().tolist() == pytest.approx(y.tolist())
    assert len(display.figure_.axes) == 2


def test_each_of_many_string_classes_has_its_own_color_and_marker(vae_2, digits):
    y = np.array([f"class {i % 25}" for i in range(1797)])
    display = LatentSpaceDisplay.from_estimator(vae_2, digits[0], y)
    markers = {
        (tuple(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes())
        for points in display.points_
    }
    assert len(markers) == 25


def test_classes_may_be_strings_and_samples_a_data_frame(vae_2, digits):
    X, y = digits
    frame = pd.DataFrame(X[:500]).add_prefix("pixel")
    vae = clone(vae_2).set_params(max_iter=1, early_stopping=False).set_output(transform="pandas").fit(frame)
    names = pd.Series(np.where(y[:500] < 5, "low", "high"))
    display = LatentSpaceDisplay.from_estimator(vae, frame, names)
    assert [points.get_label() for points in display.points_] == ["high", "low"]


def test_latent_means_are_shown_whatever_the_output_is(vae, digits):
    hidden = clone(vae).set_params(output="hidden").fit(digits[0])
    display = LatentSpaceDisplay.from_estimator(hidden, digits[0])
    assert display.title == "Latent means: the 2 most active of 4 units"
    assert hidden.output == "hidden"


def test_an_encoder_from_a_file_is_shown(vae, digits, tmp_path):
    encoder = OnnxEncoderTransformer(export_onnx(vae, tmp_path / "model.onnx")).fit(digits[0])
    Z = LatentSpaceDisplay.from_estimator(encoder, digits[0]).Z
    assert_array_equal(Z, LatentSpaceDisplay.from_estimator(vae, digits[0]).Z)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_dimensions": 4}, "n_dimensions must be 2 or 3, got 4"),
        ({"projection": "tsne"}, r"projection must be one of \('units', 'pca'\), got 'tsne'"),
        ({"n_dimensions": 3}, "3 dimensions need as many latent units, got 2"),
        ({"y": [0, 1]}, "Got 1797 samples and 2 classes"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(options, message, vae_2, digits):
    with pytest.raises(ValueError, match=message):
        LatentSpaceDisplay.from_estimator(vae_2, digits[0], **options)


@pytest.mark.parametrize(("n_dimensions", "projection"), [(3, None), (2, "3d")])
def test_axes_of_another_number_of_dimensions_are_refused(n_dimensions, projection, vae, digits):
    ax = plt.figure().add_subplot(111, projection=projection)
    with pytest.raises(ValueError, match=f"dimensions for {n_dimensions}: make them with figure.add_subplot"):
        LatentSpaceDisplay.from_estimator(vae, digits[0], n_dimensions=n_dimensions, ax=ax)
