import os

from hypothesis import settings

# A model that is installed would rank in every test of a search; those of models set their own.
os.environ["TECHSPEC_EMBEDDINGS"] = "off"

# The same examples on every machine and no clock: a test that fails, fails everywhere.
settings.register_profile("techspec", derandomize=True, deadline=None)
settings.load_profile("techspec")
