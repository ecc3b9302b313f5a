"""What all Displays have in common."""

import inspect

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from vaefeat import (
    AnalogyDisplay,
    InterpolationDisplay,
    LatentSpaceDisplay,
    LatentUnitsDisplay,
    LossCurveDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
)

IMAGES = [AnalogyDisplay, InterpolationDisplay, ManifoldDisplay, ReconstructionDisplay, SamplesDisplay]
OTHERS = [LatentSpaceDisplay, LatentUnitsDisplay, LossCurveDisplay]
DISPLAYS = [*IMAGES, *OTHERS]


def make(display, estimator, X, **options):
    """Make a Display of the samples that it takes."""
    parameters = inspect.signature(display.from_estimator).parameters
    if "X_start" in parameters:
        return display.from_estimator(estimator, X[:3], X[3:6], **options)
    return display.from_estimator(estimator, *([X] if "X" in parameters else []), **options)


@pytest.fixture
def fitted(request, vae, m2):
    return lambda display: m2 if display is AnalogyDisplay else vae


@pytest.mark.parametrize("display", DISPLAYS)
def test_it_draws_on_new_axes_with_a_title(display, fitted, digits):
    drawn = make(display, fitted(display), digits[0])
    assert isinstance(drawn, display)
    assert drawn.figure_ is drawn.ax_.figure
    assert drawn.ax_.get_title() != ""


@pytest.mark.parametrize("display", DISPLAYS)
def test_it_draws_on_given_axes(display, fitted, digits):
    _, axes = plt.subplots(1, 2)
    drawn = make(display, fitted(display), digits[0], ax=axes[1])
    assert drawn.ax_ is axes[1]
    assert not axes[0].has_data()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("display", DISPLAYS)
def test_it_draws_again_elsewhere(display, fitted, digits):
    drawn = make(display, fitted(display), digits[0])
    _, ax = plt.subplots()
    assert drawn.plot(ax=ax) is drawn
    assert drawn.ax_ is ax


@pytest.mark.parametrize("display", DISPLAYS)
def test_an_estimator_that_is_not_fitted_is_refused(display, fitted, digits):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        make(display, clone(fitted(display)), digits[0])


@pytest.mark.parametrize("display", DISPLAYS)
def test_another_kind_of_estimator_is_refused_in_words(display, digits):
    wrong = LogisticRegression(max_iter=1_000).fit(digits[0][:100], digits[1][:100])
    with pytest.raises(TypeError, match=rf"{display.__name__} needs .* but LogisticRegression has no"):
        make(display, wrong, digits[0])


@pytest.mark.parametrize("display", sorted({*DISPLAYS} - {LatentSpaceDisplay, InterpolationDisplay}, key=str))
def test_of_a_pipeline_the_last_step_is_asked_for(display, fitted, digits):
    pipe = make_pipeline(FunctionTransformer(), fitted(display))
    with pytest.raises(TypeError, match=r"Pipeline has no .* Pass its last step"):
        make(display, pipe, digits[0])


@pytest.mark.parametrize("display", DISPLAYS)
def test_what_is_no_estimator_is_refused(display, digits):
    with pytest.raises(TypeError, match="not an estimator instance"):
        make(display, np.eye(3), digits[0])


@pytest.mark.parametrize("display", IMAGES)
def test_an_image_shape_may_be_given(display, fitted, digits):
    drawn = make(display, fitted(display), digits[0], image_shape=(4, 16))
    n_rows, n_columns, _ = drawn.images.shape
    assert drawn.image_.get_array().shape == (n_rows * 5 - 1, n_columns * 17 - 1)


@pytest.mark.parametrize("display", IMAGES)
def test_an_image_shape_that_does_not_fit_is_refused(display, fitted, digits):
    with pytest.raises(ValueError, match=r"image_shape=\(5, 5\) does not fit 64 features"):
        make(display, fitted(display), digits[0], image_shape=(5, 5))


@pytest.mark.parametrize("display", [LatentSpaceDisplay, InterpolationDisplay])
def test_what_decodes_need_not_be_a_vae(display, digits):
    make(display, PCA(3, random_state=0).fit(digits[0]), digits[0])
