"""The environment, read once into a typed value. No other module reads `os.environ`.

`template.yaml` sets every variable named here but those of ECS; a test compares the two.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from ringside import phone_numbers
from ringside.errors import UserMistake
from ringside.sip.trunk import DIALLED_IN, Trunk

_FOR_TOOLS = re.compile(
    r"(?:AWS|RINGSIDE|PYTHON|LC|TOOLS)\w+|PATH|HOME|LANG|TZ|TMPDIR|VIRTUAL_ENV|LD_LIBRARY_PATH"
    r"|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY",
)
_SECRET = re.compile(r"^RINGSIDE_\w*(?:SECRET|KEY|TOKEN|PASSWORD)")

SHIPPED = Path(__file__).resolve().parent.parent  # functions/, /var/task or /app


class SettingsError(UserMistake):
    """The environment is incomplete or wrong; the message names each variable."""


def _plain_numbers(text: str) -> str:
    found = text.upper()
    if found and found != phone_numbers.E164 and not phone_numbers.is_country(found):
        raise ValueError(f"{text} is neither a country (ISO 3166, such as US) nor {phone_numbers.E164}")
    return found


class Settings(BaseModel):
    """What an entry point needs to know about where it runs."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    table: str = Field(alias="RINGSIDE_TABLE", min_length=1)
    queue_url: str = Field(alias="RINGSIDE_QUEUE_URL", min_length=1)
    secret_id: str = Field(alias="RINGSIDE_SECRET_ID", min_length=1)  # of OpenAI's key
    webhook_secret_id: str = Field(default="", alias="RINGSIDE_WEBHOOK_SECRET_ID")  # empty: verifies no webhook
    agents: Path = Field(default=SHIPPED / "agents", alias="RINGSIDE_AGENTS")
    openai_base_url: str = Field(
        default="https://api.openai.com/v1", alias="OPENAI_BASE_URL", pattern=r"^https?://[^\s?#]+$"
    )
    ring_limit: float = Field(default=60, alias="RINGSIDE_RING_LIMIT", gt=0, le=600)  # seconds a caller lets it ring
    dialled_in: str = Field(default=",".join(DIALLED_IN), alias="RINGSIDE_DIALLED_IN")  # SIP headers, in this order
    plain_numbers: Annotated[str, AfterValidator(_plain_numbers)] = Field(default="", alias="RINGSIDE_PLAIN_NUMBERS")
    keep_withheld: bool = Field(default=False, alias="RINGSIDE_KEEP_WITHHELD")  # a withheld number, in the record
    retention_days: int = Field(default=90, alias="RINGSIDE_RETENTION_DAYS", ge=1, le=3650)
    max_calls: int = Field(default=140, alias="RINGSIDE_MAX_CALLS", ge=1, le=10_000)  # a monitor's slots
    lease: float = Field(default=12, alias="RINGSIDE_LEASE", ge=2, le=600)  # seconds until a silent owner is replaced
    poll: float = Field(default=10, alias="RINGSIDE_POLL", ge=1, le=20)  # seconds of one long poll
    drain: float = Field(default=0, alias="RINGSIDE_DRAIN", ge=0, le=60)  # minutes until a deployment hands over
    attach_window: float = Field(default=12, alias="RINGSIDE_ATTACH_WINDOW", gt=0, le=120)  # seconds
    notify_secret_id: str = Field(default="", alias="RINGSIDE_NOTIFY_SECRET_ID")  # empty: signs no message
    notify_queue_url: str = Field(default="", alias="RINGSIDE_NOTIFY_QUEUE_URL")  # messages to receivers
    notify_private: bool = Field(default=False, alias="RINGSIDE_NOTIFY_PRIVATE")  # to this machine: for the laptop
    event_bus: str = Field(default="", alias="RINGSIDE_EVENT_BUS")  # empty: nobody is told of calls
    webhook_url: str = Field(
        default="", alias="RINGSIDE_WEBHOOK_URL"
    )  # where the canary knocks; empty: it is no canary
    stack: str = Field(default="", alias="RINGSIDE_STACK")  # whose metrics and events they are
    ecs_agent: str = Field(default="", alias="ECS_AGENT_URI")  # these two are set by ECS; empty: not a task of it
    ecs_metadata: str = Field(default="", alias="ECS_CONTAINER_METADATA_URI_V4")
    tracebacks: bool = Field(default=False, alias="RINGSIDE_TRACEBACKS")  # of tools, with their texts: for the laptop
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", alias="RINGSIDE_LOG_LEVEL")

    _tools_environment: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def tools_environment(self) -> dict[str, str]:
        """All of the environment of the process that runs the agents' tools."""
        return self._tools_environment

    @property
    def trunk(self) -> Trunk:
        """How the carrier's headers are to be read."""
        names = tuple(name.strip() for name in self.dialled_in.split(",") if name.strip())
        return Trunk(names, self.plain_numbers, self.keep_withheld)

    @property
    def task_name(self) -> str:
        """Where this process runs, for the `owner` of a call: the host's name is the task's on Fargate."""
        return os.uname().nodename


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raise `SettingsError` naming every variable that is missing or wrong."""
    source = os.environ if environ is None else environ
    try:
        found = Settings.model_validate({name: value for name, value in source.items() if value != ""})
    except ValidationError as error:
        problems = (f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        raise SettingsError("environment: " + "; ".join(problems)) from None
    found._tools_environment = for_tools(source)
    return found


def for_tools(environ: Mapping[str, str]) -> dict[str, str]:
    """What of this environment the agents' tools may see: where they run, the role's credentials, and what is theirs.

    Neither OpenAI's key nor where the secrets are. What a deployment wants its tools to know begins with `TOOLS_`.
    """
    return {name: value for name, value in environ.items() if _FOR_TOOLS.fullmatch(name) and not _SECRET.search(name)}
