"""Spec in, Plan out: which runs, in which order, at what cost, and what the budget leaves out."""
