"""An eager PyTorch loop."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pipelines.benchmarks.common import N_COMPONENTS, N_PIXELS, SIDE, Network
from pipelines.benchmarks.training import Clock


class TorchVAE(nn.Module):
    def __init__(self, network: Network):
        super().__init__()
        sizes = network.hidden_layer_sizes
        convolutions, n_inputs = _convolutions(network.filters)
        self.encoder = nn.Sequential(convolutions, _perceptron(n_inputs, *sizes))
        self.z_mean = nn.Linear(sizes[-1], N_COMPONENTS)
        self.z_log_var = nn.Linear(sizes[-1], N_COMPONENTS)
        self.decoder = nn.Sequential(_perceptron(N_COMPONENTS, *sizes[::-1]), nn.Linear(sizes[0], N_PIXELS))

    def forward(self, x):
        """Return the mean loss of the batch, in nats."""
        hidden = self.encoder(x)
        z_mean, z_log_var = self.z_mean(hidden), self.z_log_var(hidden)
        x_logits = self.decoder(z_mean + (0.5 * z_log_var).exp() * torch.randn_like(z_mean))
        reconstruction = functional.binary_cross_entropy_with_logits(x_logits, x, reduction="sum")
        kl = 0.5 * (z_log_var.exp() + z_mean.square() - 1.0 - z_log_var).sum()
        return (reconstruction + kl) / len(x)


def _convolutions(filters: tuple[int, ...]) -> tuple[nn.Sequential, int]:
    """Return the convolutions, or nothing if there are none, and the number of their outputs."""
    if not filters:
        return nn.Sequential(), N_PIXELS
    pairs = pairwise((1, *filters))
    layers = [layer for n, m in pairs for layer in (nn.Conv2d(n, m, 3, 2, padding=1), nn.ReLU())]
    side = SIDE
    for _ in filters:
        side = -(-side // 2)
    return nn.Sequential(nn.Unflatten(1, (1, SIDE, SIDE)), *layers, nn.Flatten()), filters[-1] * side**2


def _perceptron(*sizes: int) -> nn.Sequential:
    layers = [layer for n, m in pairwise(sizes) for layer in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(*layers)


def train(X: np.ndarray, network: Network, batch_size: int, max_epochs: int, clock: Clock) -> None:
    """Train on rows held in memory, with Adam in its quickest form on a CPU."""
    vae = TorchVAE(network)
    optimizer = torch.optim.Adam(vae.parameters(), 1e-3, fused=True)
    X = torch.from_numpy(X)
    for _ in range(max_epochs):
        clock.begin()
        for indices in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            vae(X[indices]).backward()
            optimizer.step()
        clock.end()
