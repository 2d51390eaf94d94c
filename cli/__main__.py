"""`python -m cli` is `ringside`."""

from cli.main import script

script()
