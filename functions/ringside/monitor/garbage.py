"""Python's garbage collector, set for a process that holds thousands of calls.

As it comes, it looks through young objects every few hundred allocations and, as these grow old, through everything:
a tenth of the CPU of a monitor with 300 calls. What a call is made of lives for minutes; little of it is garbage.
"""

import gc

YOUNG, MIDDLE, OLD = 10_000, 20, 20
"""Objects more than were freed before the young are looked through; how often that happens before the others are."""


def collect_rarely() -> None:
    """To be called once everything is imported: what is there by now is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
