"""`python -m tests.drills.mutations [name ...]`: break one invariant at a time, and see a drill or a test notice.

Each mutation changes one place of a copy of this repository and runs the named check there, which must fail. A check
that passes over broken code proves nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import CycloptsError, Parameter

from infra import command_line

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("functions", "infra", "cli", "tests", "docs")
SECONDS = 240.0


@dataclass(frozen=True)
class Mutation:
    """`before` stands once in `file`, and becomes `after`; `check` is a drill, or a test's path.

    `also` is a second place (file, before, after), where two cover for each other.
    """

    invariant: str
    what: str
    file: str
    before: str
    after: str
    check: str
    also: tuple[str, str, str] | None = None


WRITES = "functions/ringside/aws/call_writes.py"
MONITOR = "functions/ringside/monitor"

MUTATIONS = {
    "claim": Mutation(
        "I1",
        "the webhook's claim is made without a condition",
        WRITES,
        'yield put(call_key(call_id), item, "attribute_not_exists(pk)")',
        "yield put(call_key(call_id), item)",
        "storm",
    ),
    "fence": Mutation(
        "I3",
        "a former owner's writes are not fenced by epoch",
        WRITES,
        'owns = "#owner = :owner AND epoch = :epoch"',
        'owns = "(#owner = :owner OR epoch >= :epoch OR epoch < :epoch)"',
        "tests/integration/test_record.py",
    ),
    "lease": Mutation(
        "I3",
        "a monitor believes for ever that it holds its lease",
        f"{MONITOR}/lease.py",
        "return self._monotonic() < self._proven_until",
        "return True",
        "tests/unit/monitor/test_lease.py",
    ),
    "greeting": Mutation(
        "I4",
        "the greeting is claimed anew by every owner",
        f"{MONITOR}/supervisor.py",
        'if attachment.opened == 1 and Step.GREETED not in self._call["steps"]:',
        "if attachment.opened == 1:",
        "rolling",
        also=(
            f"{MONITOR}/effect_runner.py",
            'self._writer.claim("greeting", ',
            'self._writer.claim(f"greeting:{self._supervision.ownership.epoch}", ',
        ),
    ),
    "claimed too late": Mutation(
        "I3",
        "an owner that lost its lease while it claimed a hang-up hangs up all the same",
        f"{MONITOR}/hang_up.py",
        "if not self._supervision.may_act():",
        "if False:",
        "tests/unit/monitor/test_hang_up.py",
    ),
    "receipt": Mutation(
        "I7",
        "an owner does not look for newer receipts of its messages",
        f"{MONITOR}/owned_calls.py",
        "        await self._take_receipts()\n",
        "",
        "receipts",
    ),
    "late beat": Mutation(
        "I7",
        "the next beat waits for the answer to the one before it",
        f"{MONITOR}/lease.py",
        "if len(self._under_way) < MAX_UNANSWERED:",
        "if not self._under_way:",
        "tests/unit/monitor/test_lease.py",
    ),
    "clock ahead": Mutation(
        "I7",
        "a dead owner whose clock was ahead is believed to live",
        f"{MONITOR}/call_taker.py",
        "(left.message_id, left.beats) == (message.id, beat.number)",
        "False",
        "tests/unit/monitor/test_call_taker.py",
    ),
    "restless": Mutation(
        "I6",
        "a sideband that closes at once is opened again without a pause, and for ever",
        f"{MONITOR}/attachment.py",
        "self._futile = 0 if self._has_heard else self._futile + 1",
        "self._futile = 0",
        "at-once",
    ),
    "unheard": Mutation(
        "I7",
        "an owner that died before it could listen counts as one that did",
        f"{MONITOR}/call_taker.py",
        "return last_sign if listened else float(since)",
        "return last_sign",
        "tests/unit/monitor/test_call_taker.py",
    ),
    "stuck tool": Mutation(
        "I7",
        "the process of a tool that hangs is not replaced",
        f"{MONITOR}/tool_workers.py",
        "worker.hung = partial(self._replace, worker)",
        "pass",
        "tools",
    ),
    "dead task": Mutation(
        "I7",
        "a monitor goes on after its lease loop or a poller has died",
        f"{MONITOR}/background.py",
        "self._on_death()",
        "pass",
        "tests/unit/monitor/test_monitor.py",
    ),
    "abandoned": Mutation(
        "I7",
        "a call that cannot be offered keeps the others from being handed over",
        f"{MONITOR}/drain.py",
        "except Exception as error:  # its message is shown when it is released",
        "except UNAVAILABLE as error:  # its message is shown when it is released",
        "tests/unit/monitor/test_drain.py",
    ),
    "tools": Mutation(
        "I4",
        "a new owner runs every unfinished tool again",
        f"{MONITOR}/effect_runner.py",
        "if claimed or (agent.keeps_words and tools.is_repeatable(agent, effect.name)):",
        "if True:",
        "tests/integration/test_takeover.py",
    ),
    "turns": Mutation(
        "I5",
        "turns are not written down",
        f"{MONITOR}/effect_runner.py",
        "self._writer.save(effect.position, self._kept.entry(effect.position, effect.item), effect.replaces)",
        "pass",
        "kill",
    ),
    "end": Mutation(
        "I6",
        "the sweeper is blind",
        "functions/ringside/sweeping.py",
        "self.record.open_calls()",
        "self.record.open_calls()[:0]",
        "all-dead",
    ),
    "visibility": Mutation(
        "I7",
        "the message of a call that is handed over is not made visible",
        f"{MONITOR}/owned_calls.py",
        "would hide the message again\n                await self._queue.show(call.message.receipt)",
        "would hide the message again\n                pass",
        "rolling",
    ),
    "marker": Mutation(
        "I7",
        "an owner that leaves does not wait for the next one to listen",
        f"{MONITOR}/drain.py",
        "0 if announced else MAX_UNANSWERED",
        "MAX_UNANSWERED",
        "rolling",
    ),
    "take-over": Mutation(
        "I7",
        "a dead owner's call is not taken over",
        f"{MONITOR}/call_taker.py",
        "if beat.until > now and not is_silent:",
        "if owner is not None:",
        "kill",
    ),
    "gap": Mutation(
        "I7",
        "a gap is not written down",
        "functions/ringside/conversation/transcript.py",
        'gap, effects = self.remark("gap", since, until, why)',
        'gap, effects = Remark("gap_0", "gap", since, until, why), list[Effect]()',
        "kill",
    ),
    "order": Mutation(
        "I5",
        "turns are written in the order in which they are heard of",
        "functions/ringside/conversation/transcript.py",
        "moved = self.order.place(item_id, previous_id, before)",
        "moved = self.order.place(item_id, None)",
        "tests/unit/conversation/test_transcript.py",
    ),
    "snapshot": Mutation(
        "I7",
        "the keys that were pressed before a hand-over are forgotten",
        "functions/ringside/conversation/keypad.py",
        'self._digits = (snapshot.text(given.get("digits")) or "")[-MAX_DIGITS:]',
        'self._digits = ""',
        "tests/unit/conversation/test_snapshot.py",
    ),
    "old": Mutation(
        "I4",
        "a snapshot is believed, however old it is",
        "functions/ringside/conversation/snapshot.py",
        "if type(epoch) is not int or epoch != owner - 1 or at is None:",
        "if type(epoch) is not int or at is None:",
        "tests/unit/conversation/test_snapshot.py",
    ),
    "answer": Mutation(
        "I4",
        "a claim whose answer was lost counts as somebody else's",
        WRITES,
        'return bool(conflict.refused[1].get("token") == token)',
        "return False",
        "tests/integration/test_record.py",
    ),
    "deaf": Mutation(
        "I5",
        "an owner that lost its lease stops listening at once, and drops what it heard",
        f"{MONITOR}/supervisor.py",
        "await self._services.time.sleep(CATCH_UP_SECONDS)\n        await self._writer.done()",
        "await self._attachment.close()\n        await self._writer.stop()",
        "tests/unit/monitor/test_supervisor.py",
    ),
    "old copies": Mutation(
        "I3",
        "of an item's copies the first that is found counts, not the newest owner's",
        "functions/ringside/aws/entries.py",
        "if other is None or _age(item) > _age(other):",
        "if other is None:",
        "tests/integration/test_record.py",
    ),
    "one key twice": Mutation(
        "I5",
        "two requests write one key at the same time, in either order",
        "functions/ringside/aws/group_commit.py",
        "if key in self._under_way:",
        "if False:",
        "tests/unit/aws/test_group_commit.py",
    ),
    "left out": Mutation(
        "I5",
        "what DynamoDB left out of a group counts as written",
        "functions/ringside/aws/group_commit.py",
        "if unprocessed:",
        "if False:",
        "tests/unit/aws/test_group_commit.py",
    ),
    "ended twice": Mutation(
        "I6",
        "an end whose answer was lost counts as another owner's",
        WRITES,
        'if not found or found["epoch"] != mine.epoch or not Status(found["status"]).is_final:',
        "if True:",
        "tests/integration/test_lost_answers.py",
    ),
    "uncounted": Mutation(
        "I1",
        "a reservation is made whatever the count says",
        "functions/ringside/aws/reservations.py",
        'condition = "attribute_not_exists(n) OR n < :limit" if limit is not None else None',
        'condition = "attribute_not_exists(n) OR n < :limit OR n >= :limit" if limit is not None else None',
        "tests/integration/test_admission.py",
    ),
    "uncut": Mutation(
        "I5",
        "what is too long for an item is not cut",
        "functions/ringside/aws/limits.py",
        "return encoded[:most].decode(",
        "return encoded.decode(",
        "tests/unit/aws/test_limits.py",
    ),
    "retry": Mutation(
        "I5",
        "a write that failed is not tried again, neither by the client nor by the writer",
        f"{MONITOR}/record_writer.py",
        "                if code in HOPELESS:\n                    raise",
        "                raise",
        "aws",
        also=(
            "functions/ringside/aws/json_client.py",
            "TRIES = 4",
            "TRIES = 1",
        ),
    ),
    "gone": Mutation(
        "I6",
        "a hang-up that finds no call has failed",
        f"{MONITOR}/hang_up.py",
        "if reply.outcome in (Outcome.DONE, Outcome.GONE):",
        "if reply.outcome is Outcome.DONE:",
        "tests/integration/test_hang_up.py",
    ),
    "unpaced": Mutation(
        "I7",
        "calls are released whether anybody takes them or not",
        f"{MONITOR}/drain.py",
        "if not answered and self._untaken < MAX_UNTAKEN and not self._in_hurry:",
        "if False:",
        "tests/unit/monitor/test_drain.py",
    ),
    "dropped": Mutation(
        "I5",
        "an owner whose record is away drops what it has heard once its lease is lost",
        f"{MONITOR}/supervisor.py",
        "await self._services.time.sleep(CATCH_UP_SECONDS)\n        await self._writer.done()",
        "await self._attachment.close()\n        await self._writer.stop()",
        "away",
    ),
    "forgotten": Mutation(
        "I4",
        "a claim whose answer was lost is taken for another owner's, under live calls",
        WRITES,
        'return bool(conflict.refused[1].get("token") == token)',
        "return False",
        "forgetful",
    ),
    "understated": Mutation(
        "I7",
        "a gap begins when the call is taken, and what its former owner heard until then is dropped",
        f"{MONITOR}/call_taker.py",
        "        return Takeover(call, unheard_since)\n",
        "        return Takeover(call, now)\n",
        "stopped",
        also=(
            f"{MONITOR}/supervisor.py",
            "await self._services.time.sleep(CATCH_UP_SECONDS)\n        await self._writer.done()",
            "await self._attachment.close()\n        await self._writer.stop()",
        ),
    ),
    "never listened": Mutation(
        "I7",
        "an owner that died before it could listen counts as one that did, under live calls",
        f"{MONITOR}/call_taker.py",
        "return last_sign if listened else float(since)",
        "return last_sign",
        "young",
    ),
    "price": Mutation(
        "latency",
        "every event costs three milliseconds more",
        f"{MONITOR}/attachment.py",
        "event = self._services.contract.decode(frame)",
        "event = (__import__('time').sleep(0.003), self._services.contract.decode(frame))[1]",
        "flood",
    ),
}


def notices(mutation: Mutation, seconds: float = SECONDS) -> tuple[bool, str]:
    """Whether the check fails on a copy of the repository with this mutation; and the first line that says why."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("template.yaml", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, copy / name)
        first = (mutation.file, mutation.before, mutation.after)
        for file, before, after in (first, mutation.also) if mutation.also else (first,):
            source = (copy / file).read_text(encoding="utf-8")
            if source.count(before) != 1:
                raise SystemExit(f"{file} has {source.count(before)} of: {before}")
            (copy / file).write_text(source.replace(before, after), encoding="utf-8")
        is_test = mutation.check.endswith(".py")
        words = ["pytest", "-q", "-x", mutation.check] if is_test else ["tests.drills", "--short", mutation.check]
        environment = {**os.environ, "PYTHONPATH": f"{copy}:{copy / 'functions'}"}
        command = [sys.executable, "-m", *words]
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    said = (done.stdout + done.stderr).splitlines()
    why = next(
        (line for line in said if line.rstrip().endswith("BROKEN") or line.startswith("FAILED")),
        said[-1] if said else "",
    )
    return done.returncode == 1, " ".join(why.split())


program = command_line.program("python -m tests.drills.mutations", __doc__)


@program.default
def _mutate(
    *names: Annotated[str, Parameter(name="NAME", help=f"{', '.join(MUTATIONS)}; all, if none is named")],
) -> int:
    if unknown := set(names) - set(MUTATIONS):
        raise CycloptsError(msg=f"There is no mutation {', '.join(sorted(unknown))}; there are {', '.join(MUTATIONS)}.")
    unnoticed = []
    for name in names or MUTATIONS:
        mutation = MUTATIONS[name]
        noticed, why = notices(mutation)
        outcome = f"is red: {why}" if noticed else "IS GREEN"
        print(f"{mutation.invariant}  {mutation.what}: {mutation.check} {outcome}", flush=True)
        unnoticed += [] if noticed else [name]
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(command_line.run(program))
