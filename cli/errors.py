"""What can go wrong for an operator, as one line that says what to do about it.

CliError          the command cannot be carried out
  UsageError      the command line itself is wrong
  OpenAIError     OpenAI refused, or did not answer (setup/openai.py)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def is_denied(error: "ClientError") -> bool:
    """Whether AWS knows who asks, and refuses."""
    return error.response["Error"]["Code"] in _ACCESS_DENIED


def explain(error: "BotoCoreError | ClientError") -> str:
    """AWS's error in words, on one line."""
    from botocore import exceptions as aws

    if isinstance(error, aws.ClientError):
        return _explain_answer(error)
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            return "no AWS credentials: run `aws sso login` or `aws configure`, or set AWS_PROFILE"
        case aws.NoRegionError():
            return "no AWS region: set AWS_REGION or use --region"
        case aws.ProfileNotFound():
            return f"AWS profile: {one_line(error)}"
        case aws.CredentialRetrievalError() | aws.SSOError() | aws.TokenRetrievalError():
            return f"could not get AWS credentials (log in again?): {one_line(error)}"
        case aws.HTTPClientError() | aws.EndpointConnectionError() | aws.ConnectionError():
            return f"{one_line(error)} (check the network and the endpoint)"
    return one_line(error)


def _explain_answer(error: "ClientError") -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _ACCESS_DENIED:
        return f"access denied: these credentials may not call {error.operation_name} ({one_line(message)})"
    if code in _BAD_CREDENTIALS:
        return f"AWS rejected the credentials ({code}): log in again, or set AWS_PROFILE to another profile"
    return f"{error.operation_name}: {code}: {one_line(message)}"


def one_line(text: object) -> str:
    return " ".join(str(text).split())
