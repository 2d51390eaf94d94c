"""`python -m infra.deploy check | plan | image | deploy | destroy`: what `make` runs under these names."""

import argparse
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy import account, checks, image, plan, stack
from infra.deploy.tools import ToolError
from infra.local import template as templates


def main() -> int:
    """Run one command; 1 with its error on standard error if it fails."""
    args = _parser().parse_args()
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except ToolError as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {' '.join(str(error).split())}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser("check", help="what can be known without an account").set_defaults(run=_check)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--config", default="default", metavar="NAME", help="section of samconfig.toml: default, prod")
    where.add_argument("--stack", metavar="NAME", help="the stack's name, instead of the section's")
    what = argparse.ArgumentParser(add_help=False)
    what.add_argument("--set", dest="parameters", nargs="+", default=[], metavar="NAME=VALUE", help="parameters")

    planning = commands.add_parser("plan", parents=[where, what], help="what would be created; needs no account")
    planning.add_argument("--image", metavar="NAME@DIGEST", help="the monitor's image")
    planning.set_defaults(run=_plan)
    making = commands.add_parser("image", parents=[where, what], help="build and push the monitor's image")
    making.add_argument("--refresh", action="store_true", help="start from the newest Python image, and pin that")
    making.add_argument("--registry", metavar="HOST/NAME", help="push there instead of to ECR; needs no account")
    making.add_argument("--platform", default=image.PLATFORM, help="of an image for another registry (%(default)s)")
    making.add_argument("--python-image", metavar="IMAGE", help="start from this one instead of the pinned one")
    making.add_argument("--build-flag", action="append", default=[], metavar="FLAG", help="one more for the builder")
    making.set_defaults(run=_image)
    deploying = commands.add_parser("deploy", parents=[where, what], help="build and deploy everything")
    deploying.add_argument("--image", metavar="NAME@DIGEST", help="an image that was pushed before")
    deploying.add_argument("--dry-run", action="store_true", help="the same as plan")
    deploying.set_defaults(run=_deploy)
    destroying = commands.add_parser("destroy", parents=[where], help="delete the stack")
    destroying.add_argument("--yes", action="store_true", help="do not ask")
    destroying.add_argument("--with-records", action="store_true", help="delete the record of calls, too")
    destroying.set_defaults(run=_destroy)
    return parser


def _check(args: argparse.Namespace) -> int:
    return checks.check()


def _chosen(args: argparse.Namespace) -> tuple[str, plan.Parameters]:
    name, parameters = plan.configured(args.config)
    return args.stack or name, {**parameters, **plan.assignments(getattr(args, "parameters", []))}


def _plan(args: argparse.Namespace) -> int:
    name, parameters = _chosen(args)
    if args.image:
        parameters |= plan.assignments([f"MonitorImage={args.image}"])
    print("\n".join(plan.show(name, parameters)))
    return 0


def _repository(parameters: plan.Parameters) -> str:
    return parameters.get("MonitorRepository") or str(
        templates.translate()["Parameters"]["MonitorRepository"]["Default"]
    )


def _image(args: argparse.Namespace) -> int:
    _, parameters = _chosen(args)
    if args.registry:
        given = {"platform": args.platform, "base": args.python_image, "flags": args.build_flag}
        print(image.make_elsewhere(args.registry, refresh=args.refresh, **given))
        return 0
    print(image.make(account.find(docker=True), _repository(parameters), refresh=args.refresh))
    return 0


def _deploy(args: argparse.Namespace) -> int:
    if args.dry_run:
        return _plan(args)
    name, parameters = _chosen(args)
    if args.image:
        parameters |= plan.assignments([f"MonitorImage={args.image}"])
    here = account.find(docker="MonitorImage" not in parameters, build=True)
    if "MonitorImage" not in parameters:
        parameters["MonitorImage"] = image.make(here, _repository(parameters))
    stack.deploy(here, name, args.config, parameters)
    return 0


def _destroy(args: argparse.Namespace) -> int:
    name, _ = _chosen(args)
    stack.destroy(account.find(), name, yes=args.yes, records=args.with_records)
    return 0


if __name__ == "__main__":
    sys.exit(main())
