"""A whole call by OpenAI's package for Node, which opens its socket with `wss://` whatever `baseURL` says."""

import asyncio
import json
import os
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from infra.emulator import Emulator
from infra.emulator.client import Control
from infra.emulator.settings import Settings
from tests import certificate

SOURCES = Path(__file__).parents[1] / "node"
NPM = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
KEY, SECRET = "sk-any", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's program, with its packages beside it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs Node 20 or newer with npm: install nodejs and npm")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    done = subprocess.run(NPM, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode:
        pytest.skip(f"npm could not fetch OpenAI's package: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "agent.mjs"


async def test_openais_package_for_node_answers_a_call_and_hangs_up(agent: Path, tmp_path: Path) -> None:
    trusted, server = certificate.for_loopback(tmp_path)
    settings = Settings(pace=0.02)
    async with Emulator(webhook_secret=SECRET, api_key=KEY, settings=settings, tls=server) as emulator:
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_EXTRA_CA_CERTS": str(trusted),
            "OPENAI_BASE_URL": emulator.base_url,
            "OPENAI_API_KEY": KEY,
            "OPENAI_WEBHOOK_SECRET": SECRET,
        }
        running = await asyncio.create_subprocess_exec(
            "node", str(agent), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            assert running.stdout is not None
            port = int(await running.stdout.readline())
            trusting = ssl.create_default_context(cafile=str(trusted))
            async with Control(emulator.control_url, trusting) as control:
                await control.settings(webhook_url=f"http://127.0.0.1:{port}/webhook")
                call_id = await control.ring(script="opening-hours")
                call = await control.until_ended(call_id, within_s=30)
            output, complaints = await asyncio.wait_for(running.communicate(), 30)
        finally:
            if running.returncode is None:
                running.kill()

    assert call["ended"]["by"] == "hangup"
    assert [words["role"] for words in call["spoken"]] == ["agent", "caller", "agent", "agent", "caller", "agent"]
    assert (running.returncode, complaints) == (0, b"")
    seen = json.loads(output)
    assert (seen[0], seen.count("error")) == ("session.created", 0)
    assert "output_audio_buffer.stopped" in seen
