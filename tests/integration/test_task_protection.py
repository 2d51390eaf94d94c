"""The task that a monitor runs in: protected while there are calls, and given up when it is replaced."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from ringside import settings
from ringside.monitor.background import TaskDied
from ringside.monitor.task_protection import TaskProtection
from ringside.telemetry import Metrics
from ringside.wiring import Wiring
from tests.integration.ecs import OWN, Answer, Ecs, says, says_nothing

BLOCKED = '{"failure":{"Arn":"arn:aws:ecs:task","Detail":null,"Reason":"DEPLOYMENT_BLOCKED"}}'
DENIED = '{"error":{"Arn":"arn:aws:ecs:task","Code":"AccessDeniedException","Message":"not authorized"}}'
OFF = {"ProtectionEnabled": False}


class Monitor:
    """Has calls, and keeps what it was told."""

    def __init__(self) -> None:
        self.calls = 0
        self.stopped: list[float] = []

    def stop(self, wait: float) -> None:
        self.stopped.append(wait)


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def ecs() -> AsyncIterator[Ecs]:
    async with Ecs() as ecs:
        yield ecs


@pytest.fixture
def monitor() -> Monitor:
    return Monitor()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("monitor")


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def task_protection(ecs: Ecs, monitor: Monitor, metrics: Metrics, time: Time) -> TaskProtection:
    """Lets calls end for twenty minutes, and has done nothing yet."""
    return TaskProtection(ecs.task(timeout=0.3), monitor, metrics, 20, clock=time)


def on(minutes: int = 30) -> dict[str, object]:
    return {"ProtectionEnabled": True, "ExpiresInMinutes": minutes}


def failures(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> int:
    metrics.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return sum(line.get("KeepingsFailed", [0])[0] for line in lines)


# --- protection ---


async def test_a_task_without_calls_is_never_protected(ecs: Ecs, task_protection: TaskProtection, time: Time) -> None:
    for _ in range(3):
        await task_protection.look()
        time.now += 400

    assert ecs.protections == []


async def test_a_task_is_protected_with_its_first_call_and_no_longer_after_its_last(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor
) -> None:
    monitor.calls = 2
    await task_protection.look()
    monitor.calls = 1
    await task_protection.look()
    assert ecs.protections == [on()]

    monitor.calls = 0
    await task_protection.look()
    await task_protection.look()
    assert ecs.protections == [on(), OFF]


async def test_protection_is_renewed_so_that_it_always_outlasts_the_waiting(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, time: Time
) -> None:
    monitor.calls = 1
    asked_at = []
    for _ in range(180):
        before = len(ecs.protections)
        await task_protection.look()
        asked_at += [time.now] * (len(ecs.protections) - before)
        time.now += 5

    assert asked_at == [1000, 1300, 1600]
    # At the latest a minute before it is renewed a deployment is noticed, and twenty minutes are waited.
    assert all(asked["ExpiresInMinutes"] * 60 - 300 - 60 > 20 * 60 for asked in ecs.protections)


async def test_part_of_a_minute_is_rounded_up(ecs: Ecs, monitor: Monitor, metrics: Metrics) -> None:
    monitor.calls = 1
    await TaskProtection(ecs.task(), monitor, metrics, 0.5).look()

    assert ecs.protections == [on(11)]


@pytest.mark.parametrize(
    "answer",
    [
        says(BLOCKED),
        says(DENIED, 400),
        says("Internal Server Error", 500),
        says(""),
        says("[]"),
        says("{}"),
        says('{"protection": null}'),
        says('{"protection": {"ProtectionEnabled": false}}'),
        says_nothing,
    ],
)
async def test_whatever_the_agent_does_it_is_counted_and_asked_again(
    ecs: Ecs,
    task_protection: TaskProtection,
    monitor: Monitor,
    metrics: Metrics,
    time: Time,
    capsys: pytest.CaptureFixture[str],
    answer: Answer,
) -> None:
    ecs.agent_says = answer
    monitor.calls = 1
    await asyncio.wait_for(task_protection.look(), 10)
    time.now += 29
    await task_protection.look()
    assert (len(ecs.protections), failures(metrics, capsys)) == (1, 1)

    ecs.agent_says = None
    time.now += 1
    await task_protection.look()
    await task_protection.look()
    assert (ecs.protections, failures(metrics, capsys)) == ([on()] * 2, 0)


async def test_the_log_says_why_ecs_refused(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    for answer in (says(BLOCKED), says(DENIED, 400), says("{}")):
        ecs.agent_says = answer
        monitor.calls = 1 - monitor.calls  # a change is asked for at once
        await task_protection.look()

    logged = [vars(record)["error"] for record in caplog.records if record.getMessage() == "task.not_kept"]
    assert logged == ["DEPLOYMENT_BLOCKED", "AccessDeniedException", "no reason given"]


async def test_protection_that_could_not_be_taken_away_is_taken_away_later(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, time: Time
) -> None:
    monitor.calls = 1
    await task_protection.look()
    monitor.calls, ecs.agent_says = 0, says(DENIED, 400)
    await task_protection.look()
    ecs.agent_says = None
    time.now += 30
    await task_protection.look()
    time.now += 1000
    await task_protection.look()

    assert ecs.protections == [on(), OFF, OFF]


# --- being replaced ---


async def test_a_task_of_the_wanted_version_goes_on(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, time: Time
) -> None:
    for _ in range(60):
        await task_protection.look()
        time.now += 5

    assert monitor.stopped == []
    # Who it is is asked once, what its service wants once a minute.
    assert ecs.asked == ["DescribeTasks", *["DescribeServices"] * 5]


async def test_a_task_goes_on_until_all_that_are_to_replace_it_run(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, time: Time
) -> None:
    ecs.deploy(running=1, desired=2)
    await task_protection.look()
    assert monitor.stopped == []

    ecs.deploy(running=2, desired=2)
    time.now += 60
    await task_protection.look()
    assert monitor.stopped == [20 * 60]


async def test_the_same_version_deployed_anew_replaces_a_task_too(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor
) -> None:
    ecs.deploy(OWN, running=1)
    await task_protection.look()

    assert monitor.stopped == [20 * 60]


async def test_a_task_whose_deployment_is_no_longer_listed_is_known_by_its_version(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor
) -> None:
    ecs.deploy(running=1)
    del ecs.deployments[1]
    await task_protection.look()

    assert monitor.stopped == [20 * 60]


async def test_a_monitor_is_stopped_once_and_its_task_stays_protected_until_its_calls_have_ended(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, time: Time
) -> None:
    monitor.calls = 1
    ecs.deploy(running=1)
    for _ in range(120):
        await task_protection.look()
        time.now += 5
    assert (monitor.stopped, ecs.protections) == ([20 * 60], [on()] * 2)

    monitor.calls = 0
    await task_protection.look()
    assert ecs.protections[2:] == [OFF]


@pytest.mark.parametrize("answer", [says("<html>"), says("[]"), says("{}"), says("no", 500), says_nothing])
async def test_a_task_that_does_not_know_itself_is_not_protected_until_it_does(
    ecs: Ecs,
    task_protection: TaskProtection,
    monitor: Monitor,
    metrics: Metrics,
    time: Time,
    capsys: pytest.CaptureFixture[str],
    answer: Answer,
) -> None:
    """It would not see a deployment, and hold it up for as long as calls come in."""
    ecs.metadata_says = answer
    monitor.calls = 1
    await asyncio.wait_for(task_protection.look(), 10)
    assert (ecs.protections, failures(metrics, capsys)) == ([], 1)

    ecs.metadata_says = None
    time.now += 60
    await task_protection.look()
    assert (ecs.protections, monitor.stopped) == ([on()], [])


@pytest.mark.parametrize("deployments", [[], [{"status": "PRIMARY"}], [{}]])
async def test_protection_is_not_renewed_while_what_the_service_wants_cannot_be_told(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, time: Time, deployments: list[dict[str, object]]
) -> None:
    monitor.calls = 1
    await task_protection.look()
    known, ecs.deployments = ecs.deployments, deployments
    for _ in range(200):
        time.now += 5
        await task_protection.look()
    assert (ecs.protections, monitor.stopped) == ([on()], [])

    ecs.deployments = known
    time.now += 60
    await task_protection.look()
    assert ecs.protections == [on()] * 2


async def test_a_task_of_no_service_is_left_alone(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    ecs.group = "family:monitor"
    monitor.calls = 1
    await task_protection.look()

    assert (ecs.protections, monitor.stopped) == ([], [])
    assert [vars(record)["error"] for record in caplog.records] == ["not a task of a service"]


# --- beside the work ---


async def test_protection_ends_with_the_work(ecs: Ecs, task_protection: TaskProtection, monitor: Monitor) -> None:
    async def work() -> None:
        monitor.calls = 1
        await task_protection.look()

    await task_protection.keep(work)

    assert ecs.protections[-1] == OFF


async def test_protection_ends_with_work_that_failed_and_the_failure_is_not_hidden(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor
) -> None:
    async def work() -> None:
        monitor.calls = 1
        await task_protection.look()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await task_protection.keep(work)

    assert ecs.protections[-1] == OFF


async def test_a_monitor_whose_task_can_be_protected_no_longer_stops_and_says_so(
    ecs: Ecs, task_protection: TaskProtection, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = asyncio.Event()
    monkeypatch.setattr(task_protection, "look", lambda: 1 / 0)
    monkeypatch.setattr(monitor, "stop", lambda wait: stopped.set())

    with pytest.raises(TaskDied, match="task protection"):
        await task_protection.keep(stopped.wait)


async def test_what_was_never_protected_needs_no_end_of_it(ecs: Ecs, task_protection: TaskProtection) -> None:
    async def work() -> None:
        await task_protection.look()

    await task_protection.keep(work)

    assert ecs.protections == []


# --- who has one ---

SETTINGS = {"RINGSIDE_TABLE": "calls", "RINGSIDE_QUEUE_URL": "https://sqs.example/q", "RINGSIDE_SECRET_ID": "secret"}
TASK = {"ECS_AGENT_URI": "http://169.254.170.2/api", "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4"}


@pytest.mark.parametrize(
    "given", [TASK, {"RINGSIDE_DRAIN": "0", **TASK}, {"RINGSIDE_DRAIN": "20"}, {"RINGSIDE_DRAIN": ""}]
)
def test_who_does_not_wait_or_is_no_task_has_no_task_protection_and_no_client(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")  # without a region no client can be built

    assert Wiring(settings.load({**SETTINGS, **given}), "monitor").task_protection(Monitor()) is None


def test_a_task_that_waits_is_protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    loaded = settings.load({**SETTINGS, **TASK, "RINGSIDE_DRAIN": "20"})

    assert isinstance(Wiring(loaded, "monitor").task_protection(Monitor()), TaskProtection)
