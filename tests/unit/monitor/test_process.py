"""The monitor's process: its exit status says whether it stopped, broke, or could not start."""

import pytest

import monitor
from ringside.monitor.background import TaskDied
from ringside.settings import SettingsError


class Wiring:
    def __init__(self, *args: object) -> None:
        self.flushed = 0

    def check(self) -> None: ...

    def flush(self) -> None:
        self.flushed += 1


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> Wiring:
    made = Wiring()
    monkeypatch.setattr("ringside.telemetry.log_as_json", lambda *args: None)
    monkeypatch.setattr("ringside.settings.load", lambda: type("Settings", (), {"log_level": "INFO"}))
    monkeypatch.setattr(monitor, "Wiring", lambda *args: made)
    return made


@pytest.mark.parametrize(
    ("raises", "status"), [(None, 0), (TaskDied("lease"), 1), (ValueError("sk-secret"), 1), (OSError("sk-secret"), 1)]
)
def test_a_monitor_that_breaks_exits_with_1_and_keeps_the_errors_text_to_itself(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wiring: Wiring,
    raises: Exception | None,
    status: int,
) -> None:
    async def work(given: object) -> None:
        if raises is not None:
            raise raises

    monkeypatch.setattr(monitor, "work", work)

    assert (monitor.main(), wiring.flushed) == (status, 1)
    written = capsys.readouterr()
    assert "sk-secret" not in written.out + written.err


def test_a_monitor_that_cannot_start_like_this_says_why_and_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wiring: Wiring
) -> None:
    def refuse() -> None:
        raise SettingsError("RINGSIDE_TABLE is not set")

    monkeypatch.setattr("ringside.settings.load", refuse)

    assert monitor.main() == 2
    assert "RINGSIDE_TABLE" in capsys.readouterr().err
