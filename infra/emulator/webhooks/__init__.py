"""Signed webhooks: what is in them, and how they are delivered."""
