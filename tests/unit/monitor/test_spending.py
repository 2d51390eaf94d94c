"""What a call costs, and when that is written."""

from ringside.agentfile.agent import Agent
from ringside.agentfile.sections import Limits
from ringside.conversation.events import Usage
from ringside.monitor.spending import USAGE_EVERY, Spending
from tests.unit.monitor.fakes import AGENT
from tests.unit.monitor.world import World

MILLION = Usage(input_text=1_000_000)  # one dollar
UNPRICED = Usage(input_audio=1)


def limited(dollars: float | None) -> Agent:
    return AGENT.model_copy(update={"limits": Limits(max_cost=dollars)})


def spending(world: World, agent: Agent = AGENT, others: Usage | None = None) -> Spending:
    made = Spending(agent, world.services.prices, world.writer(world.supervision()), world.clock.monotonic)
    made.others = others or Usage()
    return made


async def saved(world: World, made: Spending, *usages: Usage, pause: float) -> list[Usage]:
    """What is written of these totals, told so many seconds apart."""
    for usage in usages:
        made.save(usage)
        world.clock.now += pause
    await made._writer.done()
    return [usage for usage, _ in world.record.of("usage")]


def totals(count: int) -> list[Usage]:
    return [Usage(input_text=number) for number in range(1, count + 1)]


def test_a_call_costs_what_its_usage_costs_and_what_has_no_price_has_no_cost() -> None:
    made = spending(World())

    assert (made.cost(Usage()), made.cost(MILLION), made.cost(UNPRICED)) == (0.0, 1.0, None)


def test_a_call_is_over_its_limit_from_the_cent_on_that_reaches_it() -> None:
    world = World()

    assert [spending(world, limited(dollars)).is_over(MILLION) for dollars in (0.99, 1.0, 1.01, None)] == [
        True,
        True,
        False,
        False,
    ]
    assert not spending(world, limited(0.01)).is_over(UNPRICED)


async def test_the_first_total_is_written_at_once_and_the_others_now_and_then() -> None:
    world = World()
    usages = totals(21)

    assert await saved(world, spending(world), *usages, pause=USAGE_EVERY / 10) == [usages[0], usages[10], usages[20]]


async def test_what_the_record_has_is_not_written_again() -> None:
    world = World()

    assert await saved(world, spending(world), MILLION, MILLION, pause=60) == [MILLION]
    assert world.record.of("share") == [(MILLION,)]


async def test_every_change_is_written_as_this_owners_share_and_the_total_has_what_others_saw_used() -> None:
    world = World()
    first, second = totals(2)

    assert await saved(world, spending(world, others=MILLION), first, second, pause=1) == [MILLION + first]
    assert world.record.of("share") == [(first,), (second,)]


def test_what_former_owners_saw_used_counts_towards_the_limit() -> None:
    made = spending(World(), limited(1.5), others=MILLION)

    assert (made.is_over(Usage()), made.is_over(MILLION)) == (False, True)


async def test_an_owner_that_leaves_writes_its_last_total_however_soon_it_comes() -> None:
    world = World()
    made, (first, second) = spending(world), totals(2)
    await saved(world, made, first, pause=1)
    made.leave()

    assert await saved(world, made, second, pause=0) == [first, second]
