"""What could not be read in recent calls, and which setting would have helped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cli import headers, lookup
from cli.cloud import Cloud
from cli.doctor.finding import Finding, Findings, State
from ringside import phone_numbers
from ringside.agentfile.agents import Agents
from ringside.calls import UNKNOWN
from ringside.sip import parties
from ringside.sip.headers import addresses, values
from ringside.sip.placeholders import is_placeholder
from ringside.sip.trunk import Trunk

CHECK = "calls"

Call = Mapping[str, Any]


def check_last_calls(where: Cloud, agents: Agents, most: int) -> Findings:
    """Look at the newest calls, at most so many, of the last days."""
    with where.record() as record:
        calls = [found for found in map(record.call, lookup.newest(record, most)) if found is not None]
    trunk = headers.trunk(where.variables)
    found = Counter(problem for call in calls for problem in problems(call, agents, trunk))
    for (what, todo), times in found.most_common():
        yield Finding(CHECK, State.WARNING, f"{what} ({times} of the last {len(calls)} calls)", todo)
    if not found:
        yield Finding(CHECK, State.OK, f"the last {len(calls)} calls could be read" if calls else "none yet")


def problems(call: Call, agents: Agents, trunk: Trunk) -> Iterator[tuple[str, str]]:
    """What of a call could not be read, and what would help; nothing for a call that could. Pure."""
    rows = [{"name": str(row.get("name")), "value": str(row.get("value"))} for row in call.get("sip_headers") or ()]
    if not call.get("agent"):
        yield _unanswered(call, rows, agents, trunk)
    if call.get("caller") == UNKNOWN and rows:
        yield _unread(call, rows, agents, trunk)
    for value in values(rows, "From"):
        for address in addresses(value):
            user = address.uri.user
            if is_placeholder(address.display_name) and call.get("caller") == phone_numbers.read(user, trunk.plain):
                what = f"{user} came with the name {address.display_name}: it may stand for a withheld number"
                yield what, f'add it to the agent file: placeholders: ["{user}"]'


def _unanswered(call: Call, rows: list[dict[str, str]], agents: Agents, trunk: Trunk) -> tuple[str, str]:
    what = "no agent answers the dialled number"
    for plain in _plains(agents):
        candidates = parties.dialled(rows, Trunk(trunk.dialled_in, plain))
        if any(candidate.e164 and agents.answers(candidate.e164) for candidate in candidates):
            return what, f"set the stack's parameter PlainNumbers={plain}: then an agent does"
    for name in _other_names(rows, trunk):
        agent, _ = agents.route(parties.dialled(rows, Trunk((name,), trunk.plain)))
        if agent is not None:
            listed = ",".join((name, *trunk.dialled_in))
            return what, f"set the stack's parameter DialledNumberHeaders={listed}: then an agent does"
    if call.get("dialled"):
        return f"{what} {call['dialled']}", "add the number to `answers` of an agent file, or let one answer `default`"
    shown = "; ".join(f"{row['name']}: {row['value']}" for row in rows if row["name"].casefold() in ("to", "diversion"))
    return (
        f"the dialled number cannot be read ({shown or 'no header has one'})",
        "let the carrier send it: docs/carriers.md",
    )


def _unread(call: Call, rows: list[dict[str, str]], agents: Agents, trunk: Trunk) -> tuple[str, str]:
    shown = call.get("caller_shown")
    what = f"a caller shows {shown}, which is not a number" if shown else "a caller shows nothing that can be read"
    for plain in _plains(agents):
        found = parties.caller(rows, Trunk(trunk.dialled_in, plain)).name
        if found.startswith("+"):
            return "a caller shows digits without a plus", f"set the stack's parameter PlainNumbers={plain}"
    return what, "let the carrier send the number in From or P-Asserted-Identity: docs/carriers.md"


def _plains(agents: Agents) -> list[str]:
    """What plain digits may mean here: E.164, or national numbers of a country whose numbers are answered."""
    countries = {phone_numbers.country(number) for agent in agents for number in agent.answers}
    return [phone_numbers.E164, *sorted(country for country in countries if country)]


def _other_names(rows: Iterable[Mapping[str, str]], trunk: Trunk) -> list[str]:
    """Headers beside the configured ones, also those that are parameters in `To`."""
    known = {name.casefold() for name in trunk.dialled_in}
    found = {row["name"]: None for row in rows}
    for value in values(rows, "To"):
        for address in addresses(value):
            found |= dict.fromkeys((*address.uri.headers, *address.uri.parameters))
    skipped = known | {"from", "p-asserted-identity", "remote-party-id", "privacy"}
    return [name for name in found if name.casefold() not in skipped]
