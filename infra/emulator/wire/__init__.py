"""What crosses the wire as the API documents it: identifiers, server events, and the shapes of what clients send."""
