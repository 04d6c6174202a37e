"""One function a tool: it reads its arguments, makes one call of the engine and answers.

The engine is imported inside them, not above: an agent's client waits for the handshake, and
most sessions call few of these.
"""
