from hypothesis import settings

# The same examples on every machine and no clock: a test that fails, fails everywhere.
settings.register_profile("techspec", derandomize=True, deadline=None)
settings.load_profile("techspec")
