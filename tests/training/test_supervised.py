from vaefeat.training.networks import NetworkConfig
from vaefeat.training.supervised import EncoderClassifier

NETWORK = NetworkConfig(n_inputs=6, n_outputs=2, hidden_layer_sizes=(8,))


def test_an_encoder_classifier_does_not_train_what_its_softmax_does_not_see():
    classifier = EncoderClassifier(NETWORK, 3, 0)
    names = {variable.path.split("/")[-2] for variable in classifier.trainable_variables}
    assert names == {"hidden_1", "z_mean", "y_logits"}
