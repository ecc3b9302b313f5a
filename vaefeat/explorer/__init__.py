"""The latent-space explorer: a folder of static files in which a browser decodes what a person points at."""
