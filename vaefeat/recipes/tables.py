"""A Pipeline and an encoder for numeric tables; a likelihood and a scaler for any."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from vaefeat.estimators import VAEEncoderTransformer
from vaefeat.values.column_likelihood import ColumnLikelihood
from vaefeat.values.corruptions import SwapNoise
from vaefeat.values.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood

if TYPE_CHECKING:
    from vaefeat.data.plan import Column, ColumnPlan

NOISE_VARIANCE = 0.1  # of standardized features: fixed, it keeps more units active than a learned one
SHARE_SWAPPED = 0.4


def make_table_pipeline(
    n_components: int = 50, *, classifier: Any = None, random_state: Any = None, **vae_params: Any
) -> Pipeline:
    """Return a Pipeline for numeric tables: raw and learned features side by side, and a classifier.

    Gaps are filled with medians, and the features standardized. Beside these, the classifier sees the hidden
    layer of :func:`table_encoder`.

    Parameters
    ----------
    n_components : int, default=50
        Number of latent units.
    classifier : classifier, optional
        By default LogisticRegression.
    random_state : int, RandomState instance or None, default=None
        Of the encoder.
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`.

    Returns
    -------
    Pipeline
        Unfitted.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from vaefeat.recipes import make_table_pipeline
    >>> X, y = load_wine(return_X_y=True)
    >>> make_table_pipeline(random_state=0, max_iter=1).fit(X, y).predict(X[:2]).shape
    (2,)
    """
    encoder = table_encoder(n_components, random_state=random_state, **vae_params)
    if classifier is None:
        classifier = LogisticRegression(max_iter=5_000)
    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        FeatureUnion([("raw", FunctionTransformer()), ("vae", encoder)]),
        classifier,
    )


def table_encoder(
    n_components: int = 50, *, random_state: Any = None, **vae_params: Any
) -> VAEEncoderTransformer:
    """Return a VAE for standardized tables whose last hidden layer serves few labels.

    The encoder sees each row twice, each time with 40 % of its values taken from other rows. The decoder's
    target is the row itself, and a contrastive term pulls the two views of a row together.

    Parameters
    ----------
    n_components : int, default=50
        Number of latent units.
    random_state : int, RandomState instance or None, default=None
    **vae_params
        Further parameters of :class:`vaefeat.VAEEncoderTransformer`. ``n_steps`` is 2 000.

    Returns
    -------
    VAEEncoderTransformer
        Unfitted; returns the last hidden layer, of 256 units, unless ``output`` says otherwise.

    References
    ----------
    Bahri et al. (2022), "SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption".

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from vaefeat.recipes import table_encoder
    >>> X = load_wine().data
    >>> table_encoder(max_iter=1, random_state=0).fit_transform((X - X.mean(0)) / X.std(0)).shape
    (178, 256)
    """
    vae = VAEEncoderTransformer(
        n_components,
        hidden_layer_sizes=(256,),
        likelihood=Gaussian(NOISE_VARIANCE),
        corruption=SwapNoise(SHARE_SWAPPED),
        contrastive_weight=10.0,
        temperature=0.5,
        batch_size=256,
        learning_rate="cosine",
        n_steps=2_000,
        output="hidden",
        random_state=random_state,
    )
    return vae.set_params(**vae_params)


def table_likelihood(plan: "ColumnPlan", *, variance: float | str = NOISE_VARIANCE) -> ColumnLikelihood:
    """Return the likelihood of the features that a column plan makes of a table.

    Numbers and dates are Gaussian, booleans and the columns that mark gaps are Bernoulli, and each category
    is Categorical.

    Parameters
    ----------
    plan : ColumnPlan
        As :class:`vaefeat.fitting.ColumnEncoder` makes it.
    variance : float or {"shared", "learned"}, default=0.1
        Of numbers and dates as :func:`table_scaler` leaves them, see :class:`vaefeat.Gaussian`.

    Returns
    -------
    ColumnLikelihood

    Examples
    --------
    >>> import pandas as pd
    >>> from vaefeat.fitting import ColumnEncoder
    >>> from vaefeat.recipes import table_likelihood
    >>> frame = pd.DataFrame({"home": ["rent", "own", "rent", "own"], "age": [30, 40, 50, 60]})
    >>> table_likelihood(ColumnEncoder().fit(frame).plan_).groups
    ((Categorical(), 2), (Gaussian(variance=0.1), 1))
    """
    groups: list[tuple[Likelihood, int]] = []
    for likelihood, width in (group for column in plan.columns for group in _groups(column, variance)):
        if groups and groups[-1][0] == likelihood and likelihood != Categorical():
            width += groups.pop()[1]
        groups.append((likelihood, width))
    return ColumnLikelihood(groups)


def _groups(column: "Column", variance: float | str) -> Iterator[tuple[Likelihood, int]]:
    """Yield the likelihoods of the features of a column, with the number of them."""
    if column.kind == "category":
        yield Categorical(), len(column.categories)
        return
    yield Bernoulli() if column.kind == "boolean" else Gaussian(variance), 1
    if column.has_gaps:
        yield Bernoulli(), 1


def table_scaler(plan: "ColumnPlan") -> ColumnTransformer:
    """Return a step that standardizes the numbers and dates of a column plan, and leaves 0 and 1 as they are.

    Parameters
    ----------
    plan : ColumnPlan
        As :class:`vaefeat.fitting.ColumnEncoder` makes it.

    Returns
    -------
    ColumnTransformer
        Unfitted; the features keep their order.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from vaefeat import VAEEncoderTransformer
    >>> from vaefeat.fitting import ColumnEncoder
    >>> from vaefeat.recipes import table_likelihood, table_scaler
    >>> frame = pd.DataFrame({"home": ["rent", "own", "rent", "own"], "age": [30, 40, 50, 60]})
    >>> encoder = ColumnEncoder().fit(frame)
    >>> vae = VAEEncoderTransformer(2, likelihood=table_likelihood(encoder.plan_), max_iter=1, random_state=0)
    >>> make_pipeline(encoder, table_scaler(encoder.plan_), vae).fit_transform(frame).shape
    (4, 2)
    """
    steps, start = [], 0
    groups = table_likelihood(plan).groups
    for is_number, run in groupby(groups, lambda group: isinstance(group[0], Gaussian)):
        stop = start + sum(width for _, width in run)
        step = StandardScaler() if is_number else "passthrough"
        steps.append((f"columns {start} to {stop - 1}", step, slice(start, stop)))
        start = stop
    return ColumnTransformer(steps)
