"""`python -m infra.emulator`: OpenAI's side of SIP calls on localhost."""

import asyncio
import signal
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from infra.emulator.app import Emulator
from infra.emulator.errors import BadInput
from infra.emulator.settings import Settings
from infra.emulator.strict_model import checked

program = App(name="python -m infra.emulator", help=__doc__, version_flags=(), result_action="return_value")


@program.default
def emulate(
    *,
    host: Annotated[str, Parameter(help="the address to listen on")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="the port to listen on; 0 is any free one")] = 0,
    webhook_url: Annotated[str | None, Parameter(help="where realtime.call.incoming goes")] = None,
    webhook_secret: Annotated[str | None, Parameter(help="whsec_...; made up if not given")] = None,
    api_key: Annotated[str | None, Parameter(help="the only key that is accepted; any is, if not given")] = None,
    scripts: Annotated[Path | None, Parameter(help="a folder of scripts beside the shipped ones")] = None,
    pace: Annotated[float, Parameter(help="1 is real time, 0.02 is fifty times as fast")] = 1.0,
    tls_cert: Annotated[Path | None, Parameter(help="a certificate, to listen with TLS")] = None,
    tls_key: Annotated[Path | None, Parameter(help="the certificate's key")] = None,
) -> None:
    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        emulator = Emulator(
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            api_key=api_key,
            scripts=scripts,
            settings=checked(Settings, {"pace": pace}),
            host=host,
            port=port,
            tls=_tls(tls_cert, tls_key),
        )
        async with emulator:
            print(f"emulator listening on {emulator.origin}", flush=True)
            await stop.wait()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve())


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if bool(certificate) != bool(key):
        raise BadInput("--tls-cert and --tls-key belong together.")
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one: a thousand calls are mostly small timers and small writes."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def main() -> int:
    try:
        program(exit_on_error=False, print_error=False)
    except (BadInput, CycloptsError, OSError) as problem:
        print(f"emulator: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
