"""One network, trained in several ways: ``train(X, network, batch_size, max_epochs, clock)`` of each module.

The modules that end in ``_service`` are run as scripts: they serve one ONNX file in several ways.

All others train a VAE of 50 latents with a Bernoulli likelihood and Adam at 1e-3 on the rows of ``X``,
images of 28 x 28 pixels, shuffled anew each epoch; ``clock.begin()`` and ``clock.end()`` stand around each
epoch.
"""
