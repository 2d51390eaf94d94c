"""What operators want done on live calls, as items of partitions of their own.

    pk ACTIONS#<call_id>    sk <action id>    what is wanted of a call, until it is settled
    pk ACTIONS#<call_id>    sk TOKEN#<hash>   the action that was asked for by this token: it is not asked for twice
    pk MAILBOX#<owner>      sk <action id>    the same, for the call's owner, which looks here for all of its calls
    pk ANYWHERE#<call_id>   sk <action id>    the number of a transfer that is not to a target of the agent's

No other item's key begins so: a policy lets somebody act by `dynamodb:LeadingKeys`, and lets them write nothing else
(docs/operations.md). An owner takes an action by a claim of the record, as all that may be done once (`claim_effect`),
and deletes its items when the record says what came of it. Sentences (`requests`), as those of the record.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ringside.aws import requests
from ringside.aws.attributes import Item
from ringside.aws.call_writes import call_key
from ringside.aws.requests import Sentence
from ringside.calls import Status
from ringside.conversation.events import ActionKind

KEPT_SECONDS = 3600
"""For which an action is kept that nobody settles: DynamoDB deletes it then."""

TEXT_CHARACTERS = 2_000
"""Of what is to be said, at most."""


@dataclass(frozen=True)
class Asked:
    """An action that somebody asked for. `asked_at` in Unix seconds; the rest is `events.ActionAsked`'s."""

    call_id: str
    action_id: str
    action: ActionKind
    by: str
    asked_at: float
    text: str = ""
    silent: bool = False


def new_id(now: float) -> str:
    """An id that no other action has; in the order of time. 21 characters: an item of the session is named by it."""
    return f"{int(now * 1000):013d}{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Known:
    """An action that was asked for by a token. `wanted` tells whether the same is asked for again (`wanted_of`)."""

    action_id: str
    asked_at: float
    wanted: str


def wanted_of(asked: Asked) -> str:
    """A hash of what is wanted, which says nothing of the words."""
    return _hash(asked.action, asked.text, str(asked.silent))


def ask(call: Mapping[str, Any], asked: Asked, uri: str | None = None, token: str = "") -> Sentence[None]:
    """Ask the owner of a live call for something. `call` is its item as it was just read.

    Raises `Conflict` with the item as it is now, if the call is not live any more, has changed hands, or was asked by
    this token before: read both and ask again. `uri`: of a transfer that is not to a target of the agent's.
    """
    owner = call.get("owner")
    condition, values = "#status = :live AND epoch = :epoch", {":live": Status.LIVE, ":epoch": call["epoch"]}
    names = {"#status": "status", "#owner": "owner"}
    if owner is None:
        condition += " AND attribute_not_exists(#owner)"
    else:
        condition, values = f"{condition} AND #owner = :owner", {**values, ":owner": owner}
    item = {**asdict(asked), **_kept(asked)}
    writes = [requests.put(_of_call(asked.call_id, asked.action_id), item)]
    if owner is not None:  # else the next one finds it with the call
        writes.append(requests.put(_of_owner(str(owner), asked.action_id), item))
    if uri is not None:
        writes.append(requests.put(_anywhere(asked.call_id, asked.action_id), {"uri": uri, **_kept(asked)}))
    if token:
        item = asdict(Known(asked.action_id, asked.asked_at, wanted_of(asked)))
        key = _of_token(asked.call_id, asked.by, token)
        writes.append(requests.put(key, {**item, **_kept(asked)}, "attribute_not_exists(pk)"))
    check = requests.check(call_key(asked.call_id), condition, values, names)
    yield requests.transaction(secrets.token_hex(16), check, *writes)


def known(call_id: str, by: str, token: str) -> Sentence[Known | None]:
    """What this caller has asked for by this token, for an hour after it was asked."""
    found = yield requests.get(_of_token(call_id, by, token))
    return None if found is None else Known(str(found["action_id"]), float(found["asked_at"]), str(found["wanted"]))


def asked_of(owner: str) -> Sentence[list[Asked]]:
    """What is in an owner's mailbox, in the order of time. Read without consistency: what is missed comes with the next
    look, a moment later, for half the price."""
    found = yield from requests.partition(f"MAILBOX#{owner}", consistent=False)
    return [asked for item in found if (asked := _asked(item)) is not None]


def open_of(call_id: str) -> Sentence[list[Asked]]:
    """What is wanted of a call and is not settled, in the order of time."""
    found = yield from requests.partition(f"ACTIONS#{call_id}")
    return [asked for item in found if (asked := _asked(item)) is not None]


def is_open(call_id: str, action_id: str) -> Sentence[bool]:
    """Whether an action is not settled yet."""
    return (yield requests.get(_of_call(call_id, action_id))) is not None


def number_of(call_id: str, action_id: str) -> Sentence[str | None]:
    """Where a transfer goes that is not to a target of the agent's, if whoever asked for it may choose any number."""
    found = (yield requests.get(_anywhere(call_id, action_id))) or {}
    uri = found.get("uri")
    return uri if isinstance(uri, str) else None


def keys_of(asked: Asked, owner: str) -> list[Item]:
    """All items of an action, to be deleted once it is settled. `owner`: whose mailbox it was put into."""
    of_call = [_of_call(asked.call_id, asked.action_id), _anywhere(asked.call_id, asked.action_id)]
    return [*(of_call if asked.action == "transfer" else of_call[:1]), _of_owner(owner, asked.action_id)]


def _asked(item: Item) -> Asked | None:
    """None for what is no action: somebody may write here by hand."""
    given = {each.name: item[each.name] for each in fields(Asked) if each.name in item}
    try:
        asked = Asked(**given)
    except TypeError:
        return None
    is_well_formed = all(
        isinstance(text, str) for text in (asked.call_id, asked.action_id, asked.action, asked.by, asked.text)
    )
    return asked if is_well_formed and isinstance(asked.asked_at, int | float) else None


def _kept(asked: Asked) -> Item:
    return {"expires_at": int(asked.asked_at) + KEPT_SECONDS}


def _of_call(call_id: str, action_id: str) -> Item:
    return {"pk": f"ACTIONS#{call_id}", "sk": action_id}


def _of_owner(owner: str, action_id: str) -> Item:
    return {"pk": f"MAILBOX#{owner}", "sk": action_id}


def _of_token(call_id: str, by: str, token: str) -> Item:
    return {"pk": f"ACTIONS#{call_id}", "sk": f"TOKEN#{_hash(by, token)}"}


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _anywhere(call_id: str, action_id: str) -> Item:
    return {"pk": f"ANYWHERE#{call_id}", "sk": action_id}
