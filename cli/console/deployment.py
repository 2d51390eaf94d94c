"""The deployment that the console shows: its record, a hand on its live calls, and the agent files of this checkout."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from cli import audit, headers, lookup
from cli.cloud import ENVIRONMENT, Cloud
from cli.errors import CliError
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.agentfile.yaml_lines import AgentFileError
from ringside.aws.counters import Counters
from ringside.aws.record import Record
from ringside.aws.table import Table
from ringside.records.acting import Acting
from ringside.records.reader import Reader


class Deployed:
    """One deployment. `folder`: where its agent files are here."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud = cloud
        self.folder = folder
        self.source = f"table {cloud.table}" if cloud.source == ENVIRONMENT else cloud.source

    @contextmanager
    def problems_in_words(self) -> Iterator[None]:
        """A missing table, or a local cloud that has stopped, is an error that says so."""
        with self._cloud.reading():
            yield

    @cached_property
    def reader(self) -> Reader:
        return Reader(self._record, self._counters, self.agents, headers.trunk(self._cloud.variables))

    @cached_property
    def acting(self) -> Acting:
        return Acting(self._record)

    @cached_property
    def caller(self) -> str:
        """Whose credentials these are: an ARN."""
        return audit.caller(self._cloud)

    @cached_property
    def _record(self) -> Record:
        return Record(self._dynamodb, self._cloud.table, retention_days=0)  # it reads, and asks for actions

    @cached_property
    def _dynamodb(self) -> Any:
        return self._cloud.dynamodb

    def _counters(self) -> Counters:
        return Counters(Table(self._dynamodb, self._cloud.table))

    def call_id(self, text: str) -> str:
        """The whole id of the call whose id begins so, or of the `last`; `CliError` if there is none."""
        return lookup.call_id(self._record, text)

    def agents(self) -> Agents:
        """The agent files as they are now; `CliError` names what is wrong in them."""
        try:
            return load_agents(self.folder)
        except AgentFileError as error:
            raise CliError("; ".join(str(error).splitlines())) from None

    def agents_or_none(self) -> list[dict[str, str]]:
        """The agents' names for a filter; none where the files cannot be read."""
        try:
            return [{"name": agent.name} for agent in self.agents()]
        except CliError:
            return []
