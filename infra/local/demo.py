"""`make demo`: a call answered, one transferred, one declined, and a message that is mailed, each step checked."""

import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from infra.local.agents import DEMO_AGENTS
from infra.local.cloud import LocalCloud
from infra.local.mailbox import Mailbox
from infra.local.narration import Narration
from infra.local.process import ProcessDied
from infra.local.records import CallRecord
from infra.local.template import REPOSITORY

CALLER, IN_NEED, DENIED, CALLED = "+14255550112", "+14255550134", "+19005550100", "+18005551212"
AT_NIGHT, VOICEMAIL = "+14255550156", "+18005551213"
EXAMPLE = REPOSITORY / "docs" / "examples" / "agents" / "voicemail.yaml"
MESSAGE: dict[str, Any] = {
    "lines": [
        {"agent": "Hello, you have reached Example Corp. We are closed, but I can take a message. Who is calling?"},
        {"caller": "This is Robin Sample. Two boxes are missing from my delivery. Please call this number back."},
        {
            "agent": "I have noted that, and it will be read tomorrow morning. Goodbye!",
            "tools": [
                {"name": "note", "arguments": {"key": "name", "value": "Robin Sample"}},
                {"name": "note", "arguments": {"key": "number", "value": AT_NIGHT}},
                {"name": "note", "arguments": {"key": "reason", "value": "Two boxes are missing from the delivery"}},
                {"name": "hang_up", "arguments": {}},
            ],
        },
    ],
    "then": "stay",
}
MAIL_SECONDS = 10.0
CALL_SECONDS = 60.0
INDENT = 2


class Unexpected(Exception):
    """Something is not as this demonstration promises."""


def run(console: Console, pace: float) -> int:
    """Show it; the exit status is 0 only when everything went as it should."""
    console.print("Ringside answers a phone call, all on this machine: no cloud, no phone, no key.", style="bold")
    console.print()
    began = time.monotonic()
    stays = console.is_terminal and sys.stdin.isatty()  # somebody is there to look, and to end it
    remark(console, "Starting stand-ins for AWS and OpenAI, the webhook and a monitor ...")
    try:
        with TemporaryDirectory() as folder, LocalCloud(pace=pace, console=stays, agents=agents(folder)) as cloud:
            remark(console, f"Ready after {time.monotonic() - began:.1f} s. The webhook is {cloud.webhook_url}")
            Demo(cloud, console).run()
            if cloud.console_url:
                remark(console, f"The four calls in a browser, until you press Enter: {cloud.console_url}")
                sys.stdin.readline()
    except (Unexpected, ProcessDied) as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    remark(
        console,
        "Next: `make local` keeps it running and prints the console's URL, and `make call` rings it. "
        "functions/agents/ is yours to change.",
    )
    return 0


def agents(folder: str) -> Path:
    """The demonstration's agents, and the voicemail of docs/examples, in a folder."""
    found = Path(folder, "agents")
    shutil.copytree(DEMO_AGENTS, found)
    text = EXAMPLE.read_text(encoding="utf-8").replace("answers: default", f'answers: "{VOICEMAIL}"')
    (found / "voicemail.yaml").write_text(text, encoding="utf-8")
    return found


def remark(console: Console, text: str) -> None:
    console.print(Padding(Text(text, "dim"), (0, 0, 0, INDENT), expand=False))


class Demo:
    """Four calls to a running cloud."""

    def __init__(self, cloud: LocalCloud, console: Console) -> None:
        self._cloud = cloud
        self._console = console

    def run(self) -> None:
        """All of them; `Unexpected` if one did not go as it should."""
        self.answered()
        self.transferred()
        self.declined()
        self.noted()
        self._title("The four calls, as `ringside calls list` shows them")
        self._ringside("calls", "list")
        self._console.print()

    def answered(self) -> None:
        """A caller asks for the opening hours."""
        self._title(f"{CALLER} rings {CALLED}")
        call_id = self._cloud.emulator.ring("opening-hours", CALLER, CALLED)
        record = self._follow(call_id)
        said = [(item["role"], item.get("text")) for item in record.items if item["kind"] == "turn"]
        tools = [item["name"] for item in record.items if item["kind"] == "tool" and item["outcome"] == "ok"]
        require(record.call["end_reason"] == "agent_hung_up", f"the call ended with {record.call['end_reason']}")
        require(any(role == "caller" and text for role, text in said), "the caller's words are not in the record")
        require(any(role == "agent" and text for role, text in said), "the agent's words are not in the record")
        require("opening_hours" in tools, "the tool opening_hours is not in the record")
        require(bool(record.call.get("usage")) and bool(record.call.get("cost")), "usage or cost is not in the record")
        self._title("Its record, read back with `ringside calls show`")
        self._ringside("calls", "show", call_id)

    def transferred(self) -> None:
        """A caller who wants to speak to a person."""
        self._title(f"{IN_NEED} rings {CALLED} and wants to speak to a person")
        call_id = self._cloud.emulator.ring("transfer", IN_NEED, CALLED)
        record = self._follow(call_id)
        require(record.call["end_reason"] == "transferred", f"the call ended with {record.call['end_reason']}")
        require(record.call["transfer"]["verdict"] == "left", "the record does not say that the caller has left us")
        require(len(self._asked(call_id, "refer")) == 1, "OpenAI was not asked for the transfer once")

    def declined(self) -> None:
        """A caller whom the agent's policy turns away."""
        self._title(f"{DENIED} rings {CALLED}; premium-rate callers are turned away")
        call_id = self._cloud.emulator.ring("opening-hours", DENIED, CALLED)
        record = self._follow(call_id)
        require(record.status == "rejected", f"the call that should be declined is {record.status}")
        require(record.call["decision"]["sip_status"] == 603, "the call was not declined with SIP 603")
        statuses = [request["body"].get("status_code") for request in self._asked(call_id, "reject")]
        require(statuses == [603], "OpenAI was not asked for a SIP 603")

    def noted(self) -> None:
        """A caller who leaves a message with the voicemail, which is mailed."""
        mailbox = Mailbox(self._cloud.env, "voicemail")
        self._title(f"{AT_NIGHT} rings {VOICEMAIL}, the voicemail, which mails what it noted")
        call_id = self._cloud.emulator.ring(MESSAGE, AT_NIGHT, VOICEMAIL)
        self._follow(call_id)
        try:
            letter = mailbox.letter(MAIL_SECONDS)
        except TimeoutError as late:
            raise Unexpected(str(late)) from None
        require("Robin Sample" in letter, "the mail does not say who called")
        self._title("The mail (docs/examples/after-the-call/mail.yaml)")
        for line in letter.splitlines():
            remark(self._console, line)

    def _asked(self, call_id: str, endpoint: str) -> list[dict[str, Any]]:
        """What OpenAI was asked at one endpoint of a call."""
        requests: list[dict[str, Any]] = self._cloud.emulator.shown(call_id)["requests"]
        return [request for request in requests if request["path"].endswith(f"/{endpoint}")]

    def _follow(self, call_id: str) -> CallRecord:
        """Tell the call as it happens; its record once it is closed."""
        narration = Narration(self._console)

        def is_over(record: CallRecord) -> bool:
            narration.update(record)
            if dead := self._cloud.dead():
                raise ProcessDied(dead.obituary())
            return record.is_final

        try:
            return self._cloud.records.wait(call_id, is_over, CALL_SECONDS)
        except TimeoutError as late:
            raise Unexpected(str(late)) from None

    def _ringside(self, *arguments: str) -> None:
        """The `ringside` command's own output, as it would look in this terminal."""
        variables = {"COLUMNS": str(self._console.width - INDENT)} if self._console.is_terminal else {}
        if self._console.color_system:
            variables["FORCE_COLOR"] = "1"
        done = self._cloud.cli(*arguments, variables=variables)
        require(done.returncode == 0, f"`ringside {' '.join(arguments)}` failed: {done.stderr.strip()}")
        for line in done.stdout.splitlines():
            self._console.print(Text.from_ansi(f"{'':{INDENT}}{line}".rstrip()), soft_wrap=True)

    def _title(self, text: str) -> None:
        self._console.print()
        self._console.print(text, style="bold")
        self._console.print()


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unexpected(otherwise)
