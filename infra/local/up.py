"""`python -m infra.local up`: the local cloud in a terminal, until Ctrl-C."""

import json
import os
import signal
import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from cli.check import check
from cli.terminal import safe
from infra.local import containers, envfile
from infra.local import tunnel as tunnels
from infra.local.agents_watch import AgentsWatch
from infra.local.calls_watch import CallsWatch
from infra.local.cloud import LocalCloud
from infra.local.engine import Way
from ringside.settings import SHIPPED

POLL_SECONDS = 0.2
UNSAID = frozenset({"level", "location", "message", "timestamp", "service"})


@dataclass
class Output:
    """Every component's lines, one at a time, each behind its component's name."""

    console: Console
    raw: bool = False
    logs: bool = True
    """Without them only what goes wrong is shown, and what tools print."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def line(self, name: str, line: str) -> None:
        text = line if self.raw else readable(line)
        if text is not None and (self.logs or self.raw or is_worth_a_look(name, line)):
            self.say((f"{name:<10}|", "dim"), f" {safe(text)}")

    def say(self, *parts: str | tuple[str, str]) -> None:
        """One line, of parts with or without a style."""
        # Once the terminal is gone this fails; the signal that comes with it stops the cloud.
        with self._lock, suppress(OSError):
            self.console.print(Text.assemble(*parts), soft_wrap=True)
            self.console.file.flush()


def readable(line: str) -> str | None:
    """A log line in JSON as `event key=value ...`; metrics are not for reading; any other line as it is."""
    try:
        content = json.loads(line)
    except ValueError:
        return line
    if not isinstance(content, dict) or "message" not in content:
        return None if isinstance(content, dict) and "_aws" in content else line
    details = " ".join(f"{name}={value}" for name, value in content.items() if name not in UNSAID)
    level = str(content.get("level", "INFO"))
    return " ".join(filter(None, ["" if level == "INFO" else level, str(content["message"]), details]))


def is_worth_a_look(name: str, line: str) -> bool:
    """Whether somebody who does not read logs wants to see a line: errors, and what tools print or raise."""
    try:
        content = json.loads(line)
    except ValueError:
        return name.startswith("monitor") or (name == "gateway" and not line.startswith("gateway "))
    return isinstance(content, dict) and content.get("level") in ("ERROR", "CRITICAL")


class Stop:
    """Set by the signals that end a program in a terminal. They interrupt nothing: a second one changes nothing.

    Under `nohup` the end of the terminal stays ignored.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self.asked.set())


def run_until_stopped(
    cloud: LocalCloud,
    output: Output,
    stop: Stop,
    directory: Path = envfile.DIRECTORY,
    way: Way | None = None,
    folder: Path | None = None,
    tunnel: str | None = None,
) -> int:
    """Start the cloud, announce it, keep it up; stop all of it when told to, or when a component dies.

    `way`: how containers are to reach it, if they are to. `folder`: the agents', whose changes are followed.
    `tunnel`: how the real OpenAI is to reach it, if we are to see to that.
    """
    calls: CallsWatch | None = None
    failure: list[Exception] = []
    opened = ExitStack()

    def start() -> None:
        try:
            cloud.start()
        except Exception as error:
            failure.append(error)

    # In a thread: stopping must be possible while it starts, and a signal must not cut a start in half.
    starting = threading.Thread(target=start, name="start", daemon=True)
    starting.start()
    try:
        announced = False
        while not stop.asked.wait(POLL_SECONDS):
            if starting.is_alive():
                continue
            if failure:
                print(failure[0], file=sys.stderr)
                return 1
            if dead := cloud.dead():
                print(dead.obituary(), file=sys.stderr)
                return 1
            if not announced:
                announced = True
                envfile.write(cloud.env, directory)
                announce(cloud, output, has_tunnel=tunnel is not None)
                if tunnel is not None:
                    opened.enter_context(tunnels.connected(cloud, tunnel, lambda text: output.say(safe(text))))
                if way is not None:
                    path = opened.enter_context(containers.opened(way, cloud.env, directory))
                    output.say(f"  Containers reach it at {way.host}: sam local invoke --env-vars {path}")
                if folder is not None:
                    watching = AgentsWatch(cloud, folder, lambda text, style: output.say((safe(text), style)))
                    watching.start()
                    opened.callback(watching.stop)
                if not (output.logs or output.raw):
                    calls = CallsWatch(cloud.records, output.console)
            if calls is not None:
                with suppress(ClientError, BotoCoreError):  # the stand-in for AWS may be going down
                    calls.look()
        return 0
    finally:
        output.say(("Stopping ...", "dim"))
        opened.close()
        cloud.stop()
        starting.join()


def announce(cloud: LocalCloud, output: Output, *, has_tunnel: bool = False) -> None:
    """Where everything is, and what to do next."""
    rows = {
        "webhook": cloud.webhook_url,
        "AWS": cloud.aws_url,
        "OpenAI": cloud.openai_base_url,
        "table": cloud.table,
        "queue": cloud.queue_url,
    }
    if cloud.console_url:
        rows["console"] = cloud.console_url
    output.say()
    output.say(("The local cloud is up.", "bold"))
    for name, value in rows.items():
        output.say(f"  {name:<9}", (value, "cyan"))
    output.say()
    if has_tunnel:
        output.say("  Opening the tunnel ...")
    elif cloud.openai.is_real:
        port = cloud.gateway_url.rpartition(":")[2]
        output.say(f"  OpenAI must reach the webhook. Open a tunnel to port {port}, for example")
        output.say(f"    cloudflared tunnel --url {cloud.gateway_url}")
        output.say("  make https://<tunnel>/webhook your project's webhook for realtime.call.incoming, and call.")
        output.say("  Or let TUNNEL=cloudflared (ngrok, or an address) do all of that.")
    else:
        output.say("  Ring it, in another terminal:   make call      (AGENT=name SCRIPT=path/to/my.yaml)")
        output.say("  Type with an agent:             .venv/bin/ringside talk --stand-in")
        output.say("  Look at the calls:              open the console's URL in a browser")
        output.say("                                  .venv/bin/ringside calls list --local")
    for problem in check(Path(os.environ.get("RINGSIDE_AGENTS") or SHIPPED / "agents")).problems:
        output.say((f"  {safe(problem.text)}", "yellow"))
    output.say("  Change the agent files: the next call has the change. Stop with Ctrl-C.")
    output.say()
