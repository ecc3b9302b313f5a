import numpy as np
import pandas as pd
import pytest

from vaefeat.data.loading import load_data


def test_a_name_is_that_of_a_data_set_and_a_data_set_stays_as_it_is():
    digits = load_data("digits")
    assert digits.name == "digits"
    assert load_data(digits) is digits
    with pytest.raises(ValueError, match="Unknown data 'nothing'"):
        load_data("nothing")


def test_rows_of_ones_own_are_read(tmp_path):
    frame = pd.DataFrame({"a": np.arange(60.0), "home": ["rent", "own"] * 30, "price": np.linspace(0, 1, 60)})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    for data in (tmp_path / "rows.csv", str(tmp_path / "rows.csv"), frame):
        dataset = load_data(data, "price", drop=["a"])
        assert (dataset.task, dataset.X.shape, len(dataset.X_test)) == ("regression", (60, 2), 0)
