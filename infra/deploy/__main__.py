"""`python -m infra.deploy check | plan | image | deploy | rollback | destroy`: what `make` runs under these names."""

import sys

from infra import command_line


def main() -> int:
    command_line.starting()
    from infra.deploy import commands

    return command_line.run(commands.program, *commands.EXPECTED)


if __name__ == "__main__":
    sys.exit(main())
