"""The `ringside` command: what an operator asks of the record and of the deployment.

    main        the process: Ctrl-C at any moment, and what to do without the command's packages
    app         the tree of commands, and every error as one line
    commands/   what can be typed: options and their help, a module per command; light, so that help comes at once
    options     the options that several commands share
    errors      what can go wrong, in words
    cloud       which deployment: a stack's, the environment's or the local cloud's

    lookup      which calls are meant: a list's, the one that an id's beginning names, the last
    follow      calls as they happen
    decision    what the admission rules say, without a call
    doctor/     what is right and what is wrong with a deployment, a module per subject
    setup/      connecting a deployment to OpenAI and to a number

    shapes      what `--json` shows
    views/      what people see, as rich renderables; nothing of a call gets there but through `terminal.safe`
    terminal    the console, and nothing unsafe on it

`shapes`, `views` and `follow.Follower` are pure: items of the record in, values out. A new command is a module in
`commands/`, named in `app.py`.
"""
