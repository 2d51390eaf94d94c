"""`python -m tests.drills`, which is `make drills`."""

import sys

from infra import command_line


def main() -> int:
    command_line.starting()
    from tests.drills import command

    return command_line.run(command.program)


if __name__ == "__main__":
    sys.exit(main())
