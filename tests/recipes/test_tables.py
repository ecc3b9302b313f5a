from sklearn.datasets import load_wine

from vaefeat.recipes import make_table_pipeline, table_encoder


def test_the_pipeline_learns_with_a_gaussian_likelihood():
    X, y = load_wine(return_X_y=True)
    pipe = make_table_pipeline(4, random_state=0, max_iter=20, hidden_layer_sizes=(32,), batch_size=20)
    assert pipe[1].likelihood == "gaussian"
    assert pipe.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.6


def test_the_encoder_returns_its_hidden_layer_unless_asked_for_another():
    assert table_encoder().output == "hidden"
    assert table_encoder(output="z_mean", n_components=3).output == "z_mean"
