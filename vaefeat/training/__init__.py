"""The engine: networks, objectives, models and the training loop. Complete without scikit-learn."""
