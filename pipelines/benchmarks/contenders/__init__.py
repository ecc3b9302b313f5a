"""One network, trained in several ways: ``train(X, batch_size, max_epochs, clock)`` of each module.

The modules that end in ``_service`` are run as scripts: they serve one ONNX file in several ways.

All others train the VAE 784-500-500-50 with ReLU, a Bernoulli likelihood and Adam at 1e-3 on the rows of
``X``, shuffled anew each epoch; ``clock.begin()`` and ``clock.end()`` stand around each epoch.
"""
