"""Optimizers that Keras does not ship."""
