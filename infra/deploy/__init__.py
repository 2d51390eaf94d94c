"""From this checkout to an AWS account, and back: what `make check`, `plan`, `image`, `deploy` and `destroy` do.

    programs   the programs that are run, each in a pinned version, and Python 3.13 to build with
    checks     what can be known without an account: templates, built functions, their behaviour under Lambda's runtime
    runtime    AWS's own emulator of Lambda's runtime, around a built function
    account    what must be there before anything is deployed; says exactly what is missing
    image      the monitor's image: built, pushed, known by its digest
    repository the ECR repository of a stack: what was deployed is kept in it
    stack      deploy and destroy
    concurrency how many webhooks may run at once, as far as the account allows
    failures   the first real reason of a deployment that failed
    plan       what a deployment would create
    cost       what it costs, from `pricelist`; writes the tables of docs/cost.md
    samlocal   `sam local` with the local cloud behind it
    load       what a call costs a monitor, measured

Run as `python -m infra.deploy COMMAND`.
"""
