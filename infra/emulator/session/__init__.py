"""A Realtime session: its configuration, its conversation, responses and their playback, and what the caller says."""
