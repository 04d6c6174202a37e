"""What an agent's client starts: it answers the handshake at once, and installs the rest.

Standard library and Python 3.9 alone, since nothing is installed yet when it runs.
"""
