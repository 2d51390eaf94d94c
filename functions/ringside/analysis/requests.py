"""Who asks for an analysis, and what they are answered: the table's stream, and people by name."""

from collections.abc import Iterator, Mapping
from typing import Any

from ringside.analysis.analyst import Analyst, none
from ringside.aws.entries import partition_of
from ringside.calls import CALL_ID
from ringside.openai.text_model import TextModelUnavailable


def call_ids(event: Mapping[str, Any]) -> Iterator[str]:
    """The calls of a batch of the table's stream (Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB")."""
    for record in event["Records"]:
        name = str(record["dynamodb"]["Keys"]["pk"]["S"])
        if name.startswith(partition_of("")):
            yield name.removeprefix(partition_of(""))


def answer(analyst: Analyst, call_id: object, *, asked: bool = False) -> dict[str, Any]:
    """The analysis of a call. `asked`: by somebody who waits for it, and who wants it anew.

    The stream is not answered but told to come again, by the exception.
    """
    if not isinstance(call_id, str) or not CALL_ID.fullmatch(call_id):
        return none("not a call id")
    try:
        return analyst.analyse(call_id, again=asked)
    except TextModelUnavailable as unavailable:
        if not asked:
            raise
        return {"state": "waiting", "reason": str(unavailable)}
