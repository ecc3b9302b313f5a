"""The latent-space explorer: static files with which a browser decodes the point under the mouse."""
