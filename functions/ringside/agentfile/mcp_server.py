"""An MCP server as an agent file may name it, and as the session's `tools` take it. Pure.

What the server wants to see is not in the file: the file names it, and the webhook, which alone can read it, fills it
in when a call is accepted (`RealtimeSessionCreateRequest`, `tools` of type `mcp`).
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ringside.strict_model import Strict

CREDENTIAL_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"

_SENSITIVE = re.compile(r"auth|token|key|secret|cookie|password|passwd|credential|signature|session", re.IGNORECASE)
"""Names of headers whose values are no business of a file."""

_NOT_FILLED_IN = re.compile(
    r"\$\{|\$\(|^\$[A-Za-z_]|\{\{|^<[^<>]*>$|^%\w+%$|^\[[^]]*\]$|^(os\.environ|process\.env|env[:.])"
)
"""Placeholders, as other programs fill them in."""

STORE = "write {secret: NAME} here, and store it with `ringside setup --mcp-credential NAME`"


class ToolFilter(Strict):
    """Some of an MCP server's tools."""

    read_only: bool | None = None
    tool_names: tuple[str, ...] | None = None


class Credential(Strict):
    """The name of what is stored in the webhook's secret, under `mcp_credentials`."""

    secret: str = Field(pattern=CREDENTIAL_NAME)


class McpServer(Strict):
    """An MCP server whose tools OpenAI calls. A tool that asks for approval gets it only if `approve` lists it.

    `approve`: tool names; or `all`, with which OpenAI never asks; or `{read_only: true, tool_names: […]}`, with
    which it does not ask for tools that the server marks as read-only.
    """

    server_label: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    server_url: str | None = Field(default=None, pattern=r"^https://\S+$")
    connector_id: str | None = Field(default=None, pattern=r"^connector_[a-z]+$")
    tunnel_id: str | None = Field(default=None, min_length=1)
    server_description: str | None = None
    authorization: Credential | None = None
    headers: dict[str, str | Credential] | None = None
    allowed_tools: tuple[str, ...] | ToolFilter | None = None
    allowed_callers: tuple[Literal["direct", "programmatic"], ...] | None = None
    defer_loading: bool | None = None
    approve: Literal["all"] | ToolFilter | tuple[str, ...] = ()

    @property
    def approved_tools(self) -> tuple[str, ...]:
        """The tools that get an approval when they ask for one."""
        if isinstance(self.approve, ToolFilter):
            return self.approve.tool_names or ()
        return () if self.approve == "all" else self.approve

    @property
    def credential_names(self) -> frozenset[str]:
        """Which credentials it needs."""
        given = [self.authorization, *(self.headers or {}).values()]
        return frozenset(each.secret for each in given if isinstance(each, Credential))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        allowed = self.allowed_tools.tool_names if isinstance(self.allowed_tools, ToolFilter) else self.allowed_tools
        for name in self.approved_tools:
            if allowed is not None and name not in allowed:
                raise ValueError(f"approve: {name} is not in allowed_tools, so the model cannot call it")
        if isinstance(self.approve, ToolFilter) and self.approve.read_only is False:
            raise ValueError("approve: read_only can only be true: list the tools that may change something by name")
        return self

    @field_validator("authorization", mode="before")
    @classmethod
    def _is_named(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"an access token must not be in the file: {STORE}")
        return value

    @field_validator("headers", mode="before")
    @classmethod
    def _are_named(cls, value: Any) -> Any:
        for name, text in (value if isinstance(value, dict) else {}).items():
            if isinstance(text, str) and _SENSITIVE.search(str(name)):
                raise ValueError(f"{name}: a secret must not be in the file: {STORE}")
            if isinstance(text, str) and _NOT_FILLED_IN.search(text):
                raise ValueError(f"{name}: is sent as it is written: variables are not filled in")
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if sum(address is not None for address in (self.server_url, self.connector_id, self.tunnel_id)) != 1:
            raise ValueError("an MCP server needs exactly one of server_url, connector_id and tunnel_id")
        return self

    def as_tool(self, credentials: Mapping[str, str]) -> dict[str, Any]:
        """The server as an entry of the session's `tools`. OpenAI's own default is to ask before every call.

        `credentials`: those that it needs, by name.
        """
        fields = self.model_dump(mode="json", exclude_none=True, exclude={"approve", "authorization", "headers"})
        if self.authorization is not None:
            fields["authorization"] = credentials[self.authorization.secret]
        if self.headers is not None:
            fields["headers"] = {
                name: credentials[value.secret] if isinstance(value, Credential) else value
                for name, value in self.headers.items()
            }
        asks: Any = "always"
        if self.approve == "all":
            asks = "never"
        elif isinstance(self.approve, ToolFilter) and self.approve.read_only:
            asks = {"never": {"read_only": True}}
        return {"type": "mcp", **fields, "require_approval": asks}
