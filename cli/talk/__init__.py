"""A call without a phone: an agent's session in text, its tools, and a conversation as the monitor would have it."""
