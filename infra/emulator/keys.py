"""The key under which aiohttp's application carries the emulator."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from infra.emulator.app import Emulator

EMULATOR: "web.AppKey[Emulator]" = web.AppKey("emulator")
