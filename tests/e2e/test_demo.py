"""`make demo` keeps its promise, also to somebody whose environment is full of other things."""

import os
import re
import signal
import subprocess
import sys

import pytest

from infra.local.template import REPOSITORY

ELSEWHERE = {
    "AWS_PROFILE": "somebody-elses",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "OPENAI_BASE_URL": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}


def test_the_demo_shows_a_call_answered_one_transferred_and_one_declined() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.local", "demo", "--pace", "0.05"],
        cwd=REPOSITORY,
        env=os.environ | ELSEWHERE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    story = [re.escape(part) for part in (
        "+14255550112 rings +18005551212",
        "accept, by agent concierge",
        "agent      Thank you for calling Example Corp",
        "caller     Hi. Could you tell me when you are open on Saturday?",
        "tool       opening_hours(day='saturday') -> 10 am to 4 pm",
        "the end    agent_hung_up",
        "ringside calls show",
        "$0.0",
        "+14255550134 rings +18005551212",
        "tool       transfer(to='desk')",
        "transfer   the outcome: OpenAI took it, and the caller has left us",
        "the end    transferred",
        "+19005550100 rings +18005551212",
        "the caller hears SIP 603",
        "+14255550156 rings +18005551213, the voicemail",
        "Name: Robin Sample",
        "Number: +14255550156",
        "ringside calls list",
        "rejected",
        "transferred",
        "ended: agent_hung_up",
    )]  # fmt: skip
    assert re.search(".*".join(story), done.stdout, re.DOTALL), done.stdout
    assert "\x1b" not in done.stdout  # no colour where no terminal is


IN_THE_BACKGROUND = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]


@pytest.mark.parametrize("started", [[], IN_THE_BACKGROUND], ids=["in front", "in the background"])
def test_ctrl_c_ends_the_demo_with_one_line(started: list[str]) -> None:
    running = subprocess.Popen(
        [*started, sys.executable, "-m", "infra.local", "demo"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    while "Starting" not in running.stdout.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)

    _, complaints = running.communicate(timeout=30)
    assert (running.returncode, complaints) == (130, "Interrupted.\n")
