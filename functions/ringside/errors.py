"""The error tree: what can go wrong, by whose hands. Each error is defined beside what raises it. Pure.

An error's text is for the people of the deployment: it names the place and what to do, and holds no secret.
`docs/design.md` draws the tree.
"""


class RingsideError(Exception):
    """The root of every error that this package defines."""


class UserMistake(RingsideError):
    """What the deployment's owner wrote is wrong: an agent file, a tool or a setting. The text says where."""


class RecordError(RingsideError):
    """A conditional write was refused, because the record is not as the writer believed."""


class ServiceError(RingsideError):
    """A service that Ringside depends on did not answer, or not as it should."""


class RequestError(RingsideError):
    """A request from outside is refused."""
