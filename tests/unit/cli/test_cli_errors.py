"""AWS's errors, as one line that says what to do."""

from typing import Any

import pytest
from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

from cli import doctor
from cli.doctor import Finding, State
from cli.errors import explain


def refused(code: str, message: str = "", operation: str = "Query") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(answer, operation)


def test_a_refusal_names_the_operation() -> None:
    error = refused("AccessDeniedException", "User: arn:aws:iam::1:user/ann is not\n authorized")
    assert explain(error) == (
        "access denied: Query is not allowed to these credentials (User: arn:aws:iam::1:user/ann is not authorized)"
    )


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"]
)
def test_credentials_that_are_no_good_are_told(code: str) -> None:
    assert explain(refused(code)).startswith(f"AWS refuses the credentials ({code}): log in again")


def test_any_other_answer_is_told_on_one_line() -> None:
    assert explain(refused("Throttled", "slow\ndown")) == "Query: Throttled: slow down"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (aws.NoCredentialsError(), "no AWS credentials: "),
        (aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "no AWS credentials: "),
        (aws.NoRegionError(), "no AWS region: set AWS_REGION or give --region"),
        (aws.ProfileNotFound(profile="work"), "AWS profile: The config profile (work) could not be found"),
        (
            aws.TokenRetrievalError(provider="sso", error_msg="expired"),
            "AWS credentials cannot be had (log in again?): ",
        ),
        (aws.UnauthorizedSSOTokenError(), "AWS credentials cannot be had (log in again?): "),
        (aws.EndpointConnectionError(endpoint_url="https://x"), 'Could not connect to the endpoint URL: "https://x"; '),
        (aws.ReadTimeoutError(endpoint_url="https://x"), 'Read timeout on endpoint URL: "https://x"; '),
        (aws.DataNotFoundError(data_path="x\ny"), "Unable to load data for: x y"),
    ],
)
def test_what_goes_wrong_before_an_answer_is_told(error: BotoCoreError, told: str) -> None:
    assert explain(error).startswith(told)
    assert "\n" not in explain(error)


def test_the_doctor_warns_of_what_it_may_not_look_at() -> None:
    def findings() -> doctor.Findings:
        yield Finding("table", State.OK, "calls")
        raise refused("AccessDeniedException", operation="DescribeTimeToLive")

    ok, warning = doctor._guarded("table", findings())
    assert ok.state is State.OK
    assert (warning.check, warning.state) == ("table", State.WARNING)
    assert "DescribeTimeToLive" in warning.what
