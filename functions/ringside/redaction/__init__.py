"""What must not be kept of what was said: found in written and in spoken form, and replaced by its kind. Pure."""
