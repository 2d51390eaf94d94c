"""How the stand-in for AWS is spoken to: region, credentials, and a session that knows no others."""

from typing import Any

import boto3
import botocore.session

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""The stand-in asks for a signature and checks none."""


def local_session() -> boto3.Session:
    """A session with these credentials, which does not look for the profile that AWS_PROFILE may name."""
    without_profile: Any = {"profile": (None, None, None, None)}
    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
        botocore_session=botocore.session.Session(session_vars=without_profile),
    )
