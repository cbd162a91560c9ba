"""Cocola, Rabindranath: Making Neural Nets Robust Again: classifiers on latent codes, and cuts of singular values."""
