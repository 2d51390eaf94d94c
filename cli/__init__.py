"""The `ringside` command: what an operator asks of the record and of the deployment.

    main       the parser, and every error as one line
    errors     what can go wrong, in words
    cloud      which table: a stack's, the environment's or the local cloud's
    calls      `ringside calls list | show | watch`
    doctor     `ringside doctor`
    setup      `ringside setup`; setup_openai its REST API, setup_carriers what to enter where
    listing    a list of calls as lines    show   one call as lines    watch   a call as it happens
    shapes     what `--json` shows          terminal   width, colour, and nothing unsafe

`listing`, `show`, `watch.Follower` and `shapes` are pure: items of the record in, lines out.

A new command is a module with `add_to(commands)`, named in `main.COMMANDS`.
"""
