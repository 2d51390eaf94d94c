"""The garbage collector of a monitor: it looks rarely, and still finds what is garbage."""

import subprocess
import sys
import textwrap
from pathlib import Path

from ringside.monitor import garbage

FUNCTIONS = Path(garbage.__file__).parents[2]


def test_what_is_imported_is_never_looked_through_again_and_garbage_is_still_found() -> None:
    # In a process of its own: what is set here would hold for all other tests.
    script = """
        import gc, weakref
        from ringside.monitor import garbage

        class Call: pass

        garbage.collect_rarely()
        frozen = gc.get_freeze_count()
        ended = Call()
        ended.itself, seen = ended, weakref.ref(ended)
        del ended
        others = []
        while seen() is not None and len(others) < 3 * garbage.YOUNG:
            others.append([])
        print(frozen > 1000, seen() is None, len(others) > garbage.YOUNG // 2)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=FUNCTIONS, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["True", "True", "True"]
