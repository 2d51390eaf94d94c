"""What operators did with the record, as items of its table: who exported which days, who erased which calls.

    pk EXPORTS    sk <moment>#<token>
    pk ERASURES   sk <moment>#<token>

`by` is an ARN of AWS's, never a number of a caller's.
"""

import secrets
import sys
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.cloud import Cloud
from cli.errors import is_denied
from cli.terminal import safe
from ringside.aws import requests
from ringside.aws.attributes import Item
from ringside.aws.table import Table

EXPORTS = "EXPORTS"


def caller(cloud: Cloud) -> str:
    """Who asks, by AWS's word: an ARN; `unknown` where STS cannot be asked."""
    try:
        return str(cloud.client("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return "unknown"


def key(partition: str) -> Item:
    """The key of a new entry: they are in the order of their moments."""
    return {"pk": partition, "sk": f"{now()}#{secrets.token_hex(4)}"}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def note_export(cloud: Cloud, what: dict[str, Any]) -> None:
    """Note it before anything leaves the record. Who may only read may export, and hears that nobody will know."""
    table = Table(cloud.dynamodb, cloud.table)
    try:
        table.send(requests.put(key(EXPORTS), {**what, "by": caller(cloud)}))
    except ClientError as error:
        if not is_denied(error):
            raise
        said = "this export is not noted in the record, which these credentials may not write: erase will not name it"
        print(f"ringside: {said}", file=sys.stderr)


def exports(cloud: Cloud, first_day: str, last_day: str) -> list[Item]:
    """The exports that may hold calls of these days, oldest first."""
    found = Table(cloud.dynamodb, cloud.table).run(requests.partition(EXPORTS))
    return [one for one in found if one["first_day"] <= last_day and one["last_day"] >= first_day]


def described(export: Item) -> str:
    """One line about an export, for people."""
    moment = str(export["sk"]).partition("#")[0]
    where = "standard output" if export["output"] == "-" else export["output"]
    what = f"{export['first_day']} to {export['last_day']}, {export['format']}"
    words = ", with what was said" if export["items"] else ""
    return safe(f"{moment}  {what}{words}, to {where}, by {export['by']}")
