"""TECHSPEC.md in, Spec out. Reading never fails on bad text; judging it is lint's work."""
