import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_wine

from vaefeat import Bernoulli, Categorical, Gaussian
from vaefeat.fitting import ColumnEncoder
from vaefeat.recipes import make_table_pipeline, table_encoder, table_likelihood, table_scaler

FRAME = pd.DataFrame(
    {
        "age": [30.0, 40.0, 50.0, 60.0],
        "income": [1.0, None, 3.0, 4.0],
        "home": ["rent", "own", "rent", None],
        "color": ["red", "blue", "red", "blue"],
        "member": [True, False, True, True],
        "since": pd.to_datetime(["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01"]),
        "amount": [5, 6, 7, 9],
    }
)


def test_the_pipeline_learns_with_a_gaussian_likelihood():
    X, y = load_wine(return_X_y=True)
    pipe = make_table_pipeline(4, random_state=0, max_iter=20, hidden_layer_sizes=(32,), batch_size=20)
    assert pipe[1].likelihood == "gaussian"
    assert pipe.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.6


def test_the_encoder_returns_its_hidden_layer_unless_asked_for_another():
    assert table_encoder().output == "hidden"
    assert table_encoder(output="z_mean", n_components=3).output == "z_mean"


def test_each_column_of_a_table_has_the_likelihood_of_its_kind():
    plan = ColumnEncoder().fit(FRAME).plan_
    likelihood = table_likelihood(plan)
    assert likelihood.groups == (
        (Gaussian(0.1), 2),  # two numbers
        (Bernoulli(), 1),  # a gap
        (Categorical(), 3),
        (Categorical(), 2),  # a category is never merged with another
        (Bernoulli(), 1),
        (Gaussian(0.1), 2),  # a date, and a number
    )
    assert likelihood.n_columns == len(plan.feature_names)
    assert table_likelihood(plan, variance="learned").groups[0] == (Gaussian("learned"), 2)


def test_numbers_are_standardized_and_the_features_keep_their_order():
    encoder = ColumnEncoder().fit(FRAME)
    X = np.nan_to_num(encoder.transform(FRAME), nan=2.0)
    scaled = table_scaler(encoder.plan_).fit_transform(X)
    is_number = np.isin(encoder.plan_.feature_names, ["age", "income", "since", "amount"])
    assert_array_equal(scaled[:, ~is_number], X[:, ~is_number])
    assert_allclose(scaled[:, is_number].mean(axis=0), 0, atol=1e-6)
    assert_allclose(scaled[:, is_number].std(axis=0), 1, rtol=1e-6)
