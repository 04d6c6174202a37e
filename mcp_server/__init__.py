"""The same verbs as the `techspec` command, as MCP tools. It holds no model and trains nothing."""
