"""What can go wrong for an operator, as one line that says what to do about it."""

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError


class CliError(Exception):
    """The command cannot be carried out. The message is one line for the terminal."""


class UsageError(CliError):
    """The command line itself is wrong."""


_ACCESS_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "MissingAuthenticationToken",
    }
)


def is_denied(error: ClientError) -> bool:
    """Whether AWS knows who asks, and says no."""
    return error.response["Error"]["Code"] in _ACCESS_DENIED


def explain(error: BotoCoreError | ClientError) -> str:
    """AWS's error in words, on one line."""
    if isinstance(error, ClientError):
        return _explain_answer(error)
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            return "no AWS credentials: run `aws sso login` or `aws configure`, or set AWS_PROFILE"
        case aws.NoRegionError():
            return "no AWS region: set AWS_REGION or give --region"
        case aws.ProfileNotFound():
            return f"AWS profile: {error}"
        case aws.CredentialRetrievalError() | aws.SSOError() | aws.TokenRetrievalError():
            return f"AWS credentials cannot be had (log in again?): {one_line(error)}"
        case aws.HTTPClientError() | aws.EndpointConnectionError() | aws.ConnectionError():
            return f"{one_line(error)}; is the network up, and the endpoint right?"
    return one_line(error)


def _explain_answer(error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _ACCESS_DENIED:
        return f"access denied: {error.operation_name} is not allowed to these credentials ({one_line(message)})"
    if code in _BAD_CREDENTIALS:
        return f"AWS refuses the credentials ({code}): log in again, or choose another AWS_PROFILE"
    return f"{error.operation_name}: {code}: {one_line(message)}"


def one_line(text: object) -> str:
    return " ".join(str(text).split())
