"""The bundled trainer: small decoders that learn addition. A program, not a library.

`python -m trainer` is its only door (docs/trainer-contract.md); it knows torch and the standard
library, and nothing of techspec.
"""
