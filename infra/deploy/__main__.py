"""`python -m infra.deploy check | plan | image | deploy | destroy`: what `make` runs under these names."""

import argparse
import sys
from collections.abc import Callable

from infra.deploy import checks
from infra.deploy.tools import ToolError


def main() -> int:
    """Run one command; 1 with its error on standard error if it fails."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser("check", help="what can be known without an account").set_defaults(run=_check)
    args = parser.parse_args()
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _check(args: argparse.Namespace) -> int:
    return checks.check()


if __name__ == "__main__":
    sys.exit(main())
