"""The cloud on a laptop: real stand-ins over the wire, and nothing patched in the code under test.

    emulator --signed webhook--> gateway --event--> the real handler --> AWS stand-in (moto)
        ^                                                                    ^
        '------------- sideband --------- the real monitor ------------------'

`template.yaml` is the one definition: the queue, the table, the secret, the functions, their routes, schedules and
environments are all read from it. What differs from production is URLs and credentials, nothing else.
"""
