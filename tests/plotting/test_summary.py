import base64
import re
from io import BytesIO

import numpy as np
import pytest
from matplotlib import image
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline

from vaefeat import OnnxEncoderTransformer, export_onnx
from vaefeat.plotting import summary_html

needs_attributes = pytest.mark.skipif(
    not hasattr(BaseEstimator, "_get_fitted_attr_html"),
    reason="scikit-learn < 1.9 does not show them",
)


def alt_and_picture(html):
    alt, data = re.search(r'<img alt="(.*?)" src="data:image/png;base64,(.*?)"', html).groups()
    return alt, image.imread(BytesIO(base64.b64decode(data)))


def test_a_fitted_vae_shows_loss_units_and_reconstructions(vae):
    alt, picture = alt_and_picture(summary_html(vae))
    assert alt == "VAEEncoderTransformer, fitted: loss, units, images"
    assert np.ptp(picture) == 1


def test_an_autoencoder_shows_its_loss_and_reconstructions_of_what_takes_images(autoencoder, digits):
    assert alt_and_picture(summary_html(autoencoder))[0] == "AutoencoderTransformer, fitted: loss, images"
    table = clone(autoencoder).set_params(loss="squared_error").fit(digits[0])
    assert alt_and_picture(summary_html(table))[0] == "AutoencoderTransformer, fitted: loss"


def test_a_classifier_shows_its_loss(m2):
    assert alt_and_picture(summary_html(m2))[0] == "M2Classifier, fitted: loss"


@needs_attributes
@pytest.mark.parametrize("wrap", [lambda vae: vae, lambda vae: make_pipeline("passthrough", vae)])
def test_the_picture_stands_once_in_scikit_learn_s_diagram_of_an_estimator_or_a_pipeline(vae, wrap):
    html = wrap(vae)._repr_html_()
    assert "sk-container" in html
    assert html.count(summary_html(vae)) == 1
    bundle = wrap(vae)._repr_mimebundle_()
    assert bundle["text/html"].count("<img") == 1
    assert bundle["text/plain"] == repr(wrap(vae))


def test_the_picture_is_transparent_so_that_it_suits_light_and_dark_pages(vae):
    _, picture = alt_and_picture(summary_html(vae))
    assert picture[0, 0, 3] == 0


def test_a_vae_of_measurements_shows_no_images(vae, digits):
    table = clone(vae).set_params(likelihood="gaussian").fit(digits[0])
    assert alt_and_picture(summary_html(table))[0].endswith("loss, units")
    odd = clone(vae).fit(digits[0][:, :50])
    assert alt_and_picture(summary_html(odd))[0].endswith("loss, units")


def test_an_untrained_one_shows_no_loss(vae, digits):
    untrained = clone(vae).set_params(max_iter=0).fit(digits[0])
    assert alt_and_picture(summary_html(untrained))[0].endswith("fitted: units, images")


def test_where_nothing_was_trained_there_is_the_diagram_alone(vae, digits, tmp_path):
    encoder = OnnxEncoderTransformer(export_onnx(vae, tmp_path / "model.onnx")).fit(digits[0])
    for estimator in (clone(vae), encoder):
        assert summary_html(estimator) == ""
        assert "<img" not in estimator._repr_html_()


def test_text_stays_text(vae):
    with config_context(display="text"):
        assert list(vae._repr_mimebundle_()) == ["text/plain"]
        assert not hasattr(vae, "_repr_html_")


def test_it_changes_nothing(vae):
    before = vars(vae).copy()
    vae._repr_html_()
    assert list(before) == list(vars(vae))


@needs_attributes
@pytest.mark.parametrize(
    ("absent", "has_picture"), [(["tensorflow", "keras"], True), (["matplotlib"], False)]
)
def test_it_needs_no_tensorflow_and_does_without_matplotlib(absent, has_picture, vae, tmp_path, run_fresh):
    import joblib

    joblib.dump(vae, tmp_path / "vae.joblib")
    script = f"""
        import joblib
        html = joblib.load({str(tmp_path / "vae.joblib")!r})._repr_html_()
        print("sk-container" in html, "<img" in html)
    """
    assert run_fresh(script, absent=absent) == f"True {has_picture}"
