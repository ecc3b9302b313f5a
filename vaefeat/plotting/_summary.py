"""A fitted estimator at a glance, for the notebook."""

from base64 import b64encode
from io import BytesIO
from typing import Any

from vaefeat._optional import import_optional
from vaefeat.exceptions import MissingExtraError
from vaefeat.plotting._images import ImageGridDisplay, image_shape_of
from vaefeat.plotting._latent_units import LatentUnitsDisplay
from vaefeat.plotting._loss_curve import LossCurveDisplay
from vaefeat.protocols import LatentModel

DPI = 80


def summary_html(estimator: Any) -> str:
    """Return a picture, as HTML, of the loss, the latent units, and some reconstructions.

    Parameters
    ----------
    estimator : estimator
        What it lacks is not shown; without matplotlib, or if it is not fitted, nothing is.

    Returns
    -------
    str
        With the PNG inside; empty if there is nothing to show.
    """
    panels = [name for name, is_there in _PANELS.items() if is_there(estimator)]
    if not panels:
        return ""
    try:
        figure_module = import_optional("matplotlib.figure", "train")
    except MissingExtraError:
        return ""
    top, bottom = [name for name in panels if name != "images"], ["images"] * ("images" in panels)
    layout = [row for row in (top, bottom * max(len(top), 1)) if row]
    figure = figure_module.Figure(figsize=(8.4, 2.6 * bool(top) + 1.4 * bool(bottom)), layout="constrained")
    axes = figure.subplot_mosaic(layout, height_ratios=[2.6, 1.4][-len(layout) :])
    _draw(estimator, axes)
    png = BytesIO()
    figure.savefig(png, format="png", dpi=DPI, transparent=True)  # a diagram has its own, light background
    data = b64encode(png.getvalue()).decode()
    alt = f"{type(estimator).__name__}, fitted: {', '.join(panels)}"
    return f'<img alt="{alt}" src="data:image/png;base64,{data}" style="max-width: 100%">'


def _draw(estimator: Any, axes: dict[str, Any]) -> None:
    if "loss" in axes:
        LossCurveDisplay.from_estimator(estimator, ax=axes["loss"])
        axes["loss"].legend(frameon=False, fontsize=8)
    if "units" in axes:
        LatentUnitsDisplay.from_estimator(estimator, ax=axes["units"])
    if "images" in axes:
        images = estimator.inverse_transform(estimator.example_codes_)[None]
        title = f"Reconstructions of the first {images.shape[1]} training samples"
        shape = image_shape_of(estimator, images.shape[2])
        ImageGridDisplay(images, image_shape=shape, title=title).plot(axes["images"])


def _shows_images(estimator: Any) -> bool:
    """Return whether features are pixels, as far as the parameters tell."""
    if not isinstance(estimator, LatentModel) or not hasattr(estimator, "example_codes_"):
        return False
    if estimator.image_shape is None and estimator.input_range is None:
        return False
    try:
        image_shape_of(estimator, estimator.inverse_transform(estimator.example_codes_).shape[1])
    except ValueError:
        return False
    return True


_PANELS = {
    "loss": lambda estimator: any(getattr(estimator, "history_", {}).values()),
    "units": lambda estimator: hasattr(estimator, "kl_per_unit_"),
    "images": _shows_images,
}
