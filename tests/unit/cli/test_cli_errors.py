"""AWS's errors, as one line that says what to do."""

from typing import Any

import pytest
from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.examine import guarded
from cli.doctor.finding import Finding, Findings, State
from cli.errors import explain


def refused(code: str, message: str = "", operation: str = "Query") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(answer, operation)


def test_a_refusal_names_the_operation() -> None:
    error = refused("AccessDeniedException", "User: arn:aws:iam::1:user/ann is not\n authorized")
    assert explain(error) == (
        "access denied: these credentials may not call Query (User: arn:aws:iam::1:user/ann is not authorized)"
    )


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"]
)
def test_credentials_that_aws_rejects_are_named_by_its_code(code: str) -> None:
    assert explain(refused(code)).startswith(f"AWS rejected the credentials ({code}): log in again")


def test_any_other_answer_is_shown_on_one_line() -> None:
    assert explain(refused("Throttled", "slow\ndown")) == "Query: Throttled: slow down"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (aws.NoCredentialsError(), "no AWS credentials: "),
        (aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "no AWS credentials: "),
        (aws.NoRegionError(), "no AWS region: set AWS_REGION or use --region"),
        (aws.ProfileNotFound(profile="work"), "AWS profile: The config profile (work) could not be found"),
        (
            aws.TokenRetrievalError(provider="sso", error_msg="expired"),
            "could not get AWS credentials (log in again?): ",
        ),
        (aws.UnauthorizedSSOTokenError(), "could not get AWS credentials (log in again?): "),
        (
            aws.EndpointConnectionError(endpoint_url="https://x"),
            'Could not connect to the endpoint URL: "https://x" (check the network',
        ),
        (
            aws.ReadTimeoutError(endpoint_url="https://x"),
            'Read timeout on endpoint URL: "https://x" (check the network',
        ),
        (aws.DataNotFoundError(data_path="x\ny"), "Unable to load data for: x y"),
    ],
)
def test_what_goes_wrong_before_an_answer_is_explained(error: BotoCoreError, message: str) -> None:
    assert explain(error).startswith(message)
    assert "\n" not in explain(error)


def test_the_doctor_warns_of_what_it_may_not_look_at() -> None:
    def findings() -> Findings:
        yield Finding("table", State.OK, "calls")
        raise refused("AccessDeniedException", operation="DescribeTimeToLive")

    ok, warning = guarded("table", findings())
    assert ok.state is State.OK
    assert (warning.check, warning.state) == ("table", State.WARNING)
    assert "DescribeTimeToLive" in warning.what
