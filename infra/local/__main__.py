"""`python -m infra.local up | demo | call`."""

import sys

from infra import command_line


def main() -> int:
    command_line.starting()
    from infra.local import commands

    return command_line.run(commands.program, *commands.EXPECTED)


if __name__ == "__main__":
    sys.exit(main())
