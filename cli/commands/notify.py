"""`ringside notify secret | test | list | replay`: webhooks to the receivers of agent files."""

import re
from typing import Annotated

from cyclopts import App, Parameter

from cli.options import ANY, OPTIONS, CallId, Deployment, Json

app = App(name="notify", group_parameters=OPTIONS)

ReceiverName = Annotated[str, Parameter(metavar="RECEIVER", help="The receiver's name in the agent file.")]


@app.command(name="secret")
def make_secret(receiver: ReceiverName, /, *, deployment: Deployment = ANY) -> None:
    """Make a signing secret for a receiver, store it, and show it once.

    Until the next one is made, messages are signed with the secret before it as well: give the new one to the receiver
    in the meantime.
    """
    from cli import cloud, notify
    from cli.errors import UsageError

    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", receiver):
        raise UsageError(f"{receiver} is not a receiver's name (lower-case letters, digits and _)")
    print(notify.new_secret(cloud.chosen(deployment), receiver))


@app.command(name="test")
def try_receiver(
    agent: Annotated[str, Parameter(metavar="AGENT", help="The agent's name.")],
    receiver: ReceiverName,
    /,
    *,
    json: Json = False,
    deployment: Deployment = ANY,
) -> None:
    """Send a receiver a signed message of the type ringside.test, and show its answer."""
    from cli import cloud, json_output, notify
    from cli.terminal import safe

    found = notify.Notices(cloud.chosen(deployment)).test(agent, receiver)
    print(json_output.dumps(found) if json else safe(notify.line(found)))
    raise SystemExit(0 if found["state"] == "delivered" else 1)


@app.command(name="list")
def list_messages(call_id: CallId, /, *, json: Json = False, deployment: Deployment = ANY) -> None:
    """Show what became of the messages about a call."""
    from cli import cloud, json_output, lookup, notify
    from cli.terminal import safe

    with cloud.chosen(deployment).record() as record:
        call, _ = lookup.whole_call(record, call_id)
    found = notify.deliveries(call)
    if json:
        print(json_output.dumps(found))
    elif not found:
        print("no messages")
    else:
        for each in found:
            print(safe(f"{each.get('event')}  {each.get('receiver')}  {notify.line(each)}"))


@app.command(name="replay")
def replay_messages(
    call_id: CallId,
    /,
    *,
    event: Annotated[str | None, Parameter(metavar="TYPE", help="Only this one, such as call.ended.")] = None,
    receiver: Annotated[str | None, Parameter(metavar="NAME", help="Only to this receiver.")] = None,
    json: Json = False,
    deployment: Deployment = ANY,
) -> None:
    """Send the messages about a call again, at once and each once, under the ids that they had."""
    from cli import cloud, json_output, lookup, notify
    from cli.terminal import safe

    chosen = cloud.chosen(deployment)
    notices, states = notify.Notices(chosen), []
    with chosen.record() as record:
        call, _ = lookup.whole_call(record, call_id)
    for each in notify.chosen(call, event, receiver):
        found = notices.send(str(call["call_id"]), str(each["event"]), str(each["receiver"]))
        states.append(found["state"])
        if json:
            print(json_output.dumps_line(found), flush=True)
        else:
            print(safe(f"{each['event']}  {each['receiver']}  {notify.line(found)}"), flush=True)
    raise SystemExit(0 if set(states) == {"delivered"} else 1)
