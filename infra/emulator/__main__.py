"""`python -m infra.emulator`: OpenAI's side of SIP calls on localhost."""

import argparse
import asyncio
import signal
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

from infra.emulator.app import Emulator
from infra.emulator.faults import checked
from infra.emulator.problems import BadInput
from infra.emulator.settings import Settings


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--webhook-url", help="where realtime.call.incoming goes")
    parser.add_argument("--webhook-secret", help="whsec_...; made up when not given")
    parser.add_argument("--api-key", help="when given, any other key gets 401")
    parser.add_argument("--scripts", type=Path, help="a folder of scripts beside the shipped ones")
    parser.add_argument("--pace", type=float, default=1.0, help="1 is real time, 0.02 is fifty times as fast")
    parser.add_argument("--tls-cert", type=Path, help="listen with TLS")
    parser.add_argument("--tls-key", type=Path)
    given = parser.parse_args(argv)
    if bool(given.tls_cert) != bool(given.tls_key):
        parser.error("--tls-cert and --tls-key belong together.")
    return given


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def serve(given: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    emulator = Emulator(
        webhook_url=given.webhook_url,
        webhook_secret=given.webhook_secret,
        api_key=given.api_key,
        scripts=given.scripts,
        settings=checked(Settings, {"pace": given.pace}),
        host=given.host,
        port=given.port,
        tls=_tls(given.tls_cert, given.tls_key),
    )
    async with emulator:
        print(f"emulator listening on {emulator.origin}", flush=True)
        await stop.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one: a thousand calls are mostly small timers and small writes."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def main(argv: list[str] | None = None) -> int:
    given = arguments(argv)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(given))
    except (BadInput, OSError) as problem:
        print(f"emulator: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
