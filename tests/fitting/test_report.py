import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from vaefeat.data.samples import Samples
from vaefeat.fitting import choose, verdict, write_report


@pytest.fixture(scope="module")
def choice():
    x = np.linspace(-1, 1, 60)
    frame = pd.DataFrame({"a": x, "one": 1, "b|c": -x, "kind": np.where(x > 0, "<good>", "bad")})
    return choose(frame, "kind", classifier="logistic-regression", max_seconds=0)


def test_the_report_says_what_was_found(choice, tmp_path):
    markdown, page = write_report(choice, tmp_path)
    text = markdown.read_text()
    assert verdict(choice) in text
    assert "| majority: <good> | 50.0% | 50.0% |  |  |" in text
    assert "| raw, logistic regression | " in text
    assert "| one | left out | is constant |" in text
    assert "| b\\|c | number | as it is |" in text
    assert "| skipped |" in text
    assert "<td>majority: &lt;good&gt;</td>" in page.read_text()
    assert "data:image/png;base64," in page.read_text()


def test_the_report_of_quantities_has_errors_and_no_confusion(tmp_path):
    x = np.linspace(-1, 1, 60)
    choice = choose(pd.DataFrame({"a": x, "price": 3 * x}), "price", classifier="ridge", max_seconds=0)
    text = write_report(choice, tmp_path)[0].read_text()
    assert "| candidate | R² | RMSE | MAE |  |" in text
    assert "| mean: " in text
    assert "Classes (lines)" not in text


def test_the_page_shows_scores_over_labels_and_reconstructions(tmp_path):
    X, y = load_digits(return_X_y=True)
    rows = np.flatnonzero(y < 2)[:80]
    samples = Samples("digits", X[rows].astype(np.float32), y[rows], image_shape=(8, 8))
    choice = choose(samples, encoder_only=True, max_iter=1)
    assert list(choice.curves) == [20, 40, 80]
    assert {len(values) for values in choice.curves.values()} == {1}
    page = write_report(choice, tmp_path)[1].read_text()
    for picture in ("Score of each candidate", "Score by number of labels", "Reconstructions"):
        assert f'<img alt="{picture}" src="data:image/png' in page


def test_what_an_untrained_decoder_makes_of_images_is_not_shown(tmp_path):
    X, y = load_digits(return_X_y=True)
    samples = Samples("digits", X[:60].astype(np.float32), y[:60] % 2, image_shape=(8, 8))
    page = write_report(choose(samples, encoder_only=True, max_iter=0), tmp_path)[1].read_text()
    assert "Reconstructions" not in page


def test_few_labels_have_no_curve(choice):
    assert list(choice.curves) == [30, 60]
