"""Settings, credentials, table and queue."""

from collections.abc import Mapping
from typing import Any

from cli.cloud import Cloud
from cli.doctor.finding import Finding, Findings, State
from ringside import settings
from ringside.aws.record import LIST_ATTRIBUTES

INDEXES = ("by_day", "by_caller", "live")


def check_settings(variables: Mapping[str, str]) -> Findings:
    try:
        settings.load(variables)
    except settings.SettingsError as error:
        for problem in str(error).removeprefix("environment: ").split("; "):
            yield Finding("settings", State.WRONG, problem, "set it, or name the stack with --stack")
    else:
        yield Finding("settings", State.OK, "complete")


def check_credentials(where: Cloud) -> Findings:
    region = where.session.region_name
    credentials = where.session.get_credentials()
    if credentials is None:
        yield Finding("credentials", State.WRONG, "no AWS credentials", "run `aws sso login` or set AWS_PROFILE")
    elif not region:
        yield Finding("credentials", State.WRONG, "no AWS region", "set AWS_REGION or use --region")
    else:
        yield Finding("credentials", State.OK, f"found ({credentials.method}), region {region}")


def check_table(where: Cloud) -> Findings:
    if not where.variables.get("RINGSIDE_TABLE"):
        return
    client, name = where.dynamodb, where.table
    redeploy = "deploy template.yaml again"
    try:
        table = client.describe_table(TableName=name)["Table"]
    except client.exceptions.ResourceNotFoundException:
        what = f"there is no table {name} in {where.session.region_name} (named by {where.source})"
        yield Finding("table", State.WRONG, what, "deploy, or correct the name")
        return
    if table.get("TableStatus") != "ACTIVE":
        yield Finding("table", State.WRONG, f"{name} is {table.get('TableStatus')}", "wait, then check again")
        return
    yield Finding("table", State.OK, name)
    indexes = {str(index.get("IndexName")): index for index in table.get("GlobalSecondaryIndexes", [])}
    for index in INDEXES:
        if index not in indexes:
            yield Finding("table", State.WRONG, f"index {index} is missing", redeploy)
            continue
        projected = indexes[index].get("Projection", {}).get("NonKeyAttributes", [])
        missing = [attribute for attribute in LIST_ATTRIBUTES if attribute not in projected]
        if indexes[index].get("IndexStatus", "ACTIVE") != "ACTIVE":
            yield Finding("table", State.WARNING, f"index {index} is still being built", "wait, then check again")
        elif missing:
            yield Finding("table", State.WRONG, f"index {index} lacks {', '.join(missing)}", redeploy)
        else:
            yield Finding("table", State.OK, f"index {index}")
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and ttl.get("AttributeName") == "expires_at":
        yield Finding("table", State.OK, "old calls are deleted (time to live is on)")
    else:
        yield Finding("table", State.WRONG, "time to live is off: old calls are never deleted", redeploy)


def check_queue(where: Cloud) -> Findings:
    url = where.variables.get("RINGSIDE_QUEUE_URL")
    if not url:
        return
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    client = where.sqs
    try:
        counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    except client.exceptions.QueueDoesNotExist:
        yield Finding("queue", State.WRONG, f"there is no queue {url}", "deploy, or correct RINGSIDE_QUEUE_URL")
        return
    waiting, held = (int(counts[name]) for name in names)
    what = f"reachable: {waiting} waiting for a monitor, {held} with a monitor"
    if waiting:
        todo = "if this does not change, no monitor is taking calls: look at the monitor's service"
        yield Finding("queue", State.WARNING, what, todo)
    else:
        yield Finding("queue", State.OK, what)
