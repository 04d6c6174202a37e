"""Numbers in, results out: tests, intervals and power; knows no experiments, arms or specs.

scipy and numpy are imported inside the functions that use them, so importing this package is cheap.
"""
