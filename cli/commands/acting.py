"""`ringside calls say | instruct | transfer | hang-up | hold | resume`: a hand on a live call."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cli.options import ANY, CallId, Deployment, Json

if TYPE_CHECKING:
    from ringside.conversation.events import ActionKind

Words = Annotated[str, Parameter(metavar="TEXT", help="The words.")]
Yes = Annotated[bool, Parameter(show_default=False, help="Do not ask.")]

SECONDS = 45.0
"""That a command waits for what comes of it: longer than an action is good for."""


def say(call_id: CallId, text: Words, /, *, json: Json = False, deployment: Deployment = ANY) -> int:
    return _act(call_id, "say", text, json=json, deployment=deployment)


def instruct(
    call_id: CallId,
    text: Words,
    /,
    *,
    silent: Annotated[
        bool, Parameter(show_default=False, help="The agent is to know it, and not to say anything because of it.")
    ] = False,
    json: Json = False,
    deployment: Deployment = ANY,
) -> int:
    return _act(call_id, "instruct", text, silent=silent, json=json, deployment=deployment)


def transfer(
    call_id: CallId,
    target: Annotated[
        str, Parameter(metavar="TO", help="A target of the agent's by its name, a number, or a SIP URI.")
    ],
    /,
    *,
    yes: Yes = False,
    json: Json = False,
    deployment: Deployment = ANY,
) -> int:
    question = f"Transfer the caller to {target}?"
    return _act(call_id, "transfer", target, json=json, deployment=deployment, question=question, yes=yes)


def hang_up(
    call_id: CallId,
    /,
    *,
    now: Annotated[bool, Parameter(show_default=False, help="At once, in the middle of a word: no goodbye.")] = False,
    yes: Yes = False,
    json: Json = False,
    deployment: Deployment = ANY,
) -> int:
    question = f"Hang up {'at once' if now else 'after a goodbye'}?"
    return _act(call_id, "hang_up", silent=now, json=json, deployment=deployment, question=question, yes=yes)


def hold(call_id: CallId, /, *, json: Json = False, deployment: Deployment = ANY) -> int:
    return _act(call_id, "hold", json=json, deployment=deployment)


def resume(call_id: CallId, /, *, json: Json = False, deployment: Deployment = ANY) -> int:
    return _act(call_id, "resume", json=json, deployment=deployment)


def _act(
    call_id: str,
    action: "ActionKind",
    text: str = "",
    *,
    silent: bool = False,
    json: bool,
    deployment: Deployment,
    question: str | None = None,
    yes: bool = True,
) -> int:
    """Ask for it, wait, and say what came of it; 0 if it was done."""
    from cli import audit, cloud, json_output, lookup
    from cli.errors import CliError, UsageError
    from cli.terminal import busy, console, safe
    from cli.views import actions as view
    from ringside.records.acting import Acting, CannotAct
    from ringside.records.query import BadQuery

    if not yes and not sys.stdin.isatty():
        raise UsageError("nobody can be asked here: add --yes")
    chosen = cloud.chosen(deployment)
    with chosen.record() as record:
        one = lookup.call_id(record, call_id)
        if not yes and question is not None:
            call = record.call(one) or {}
            print(view.about(call, one), file=sys.stderr)
            if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
                raise CliError("nothing was done")
        acting = Acting(record)
        try:
            asked = acting.ask(one, action, audit.caller(chosen), text, silent=silent)
        except (BadQuery, CannotAct) as error:
            raise CliError(str(error)) from None
        with busy(console(), "Asked for; waiting for the call's monitor", json):
            found = acting.outcome(asked, SECONDS)
    outcome = view.NOBODY if found is None else found["outcome"]
    if json:
        shown = found or {
            "kind": "action",
            "item_id": f"action_{asked.action_id}",
            "action": action,
            "outcome": outcome,
        }
        print(json_output.dumps({"call_id": one, **shown}))
    elif outcome == "done":
        print(safe(view.sentence(action, found)))
    else:
        print(f"ringside: {safe(view.sentence(action, found))}", file=sys.stderr)
    return 0 if outcome == "done" else 1
