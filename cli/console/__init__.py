"""The console: a web server on this machine's loopback address that shows the record of calls.

It reads with the operator's own credentials, through `ringside.records`, and writes nothing.
"""
