"""Spec in, findings out: everything that is wrong with it, at once, before any compute is spent."""
