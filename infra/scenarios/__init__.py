"""Tests of agents: `*.scenario.yaml` files, played through the real path of a call on this machine.

Ships nowhere: neither the Lambda zip nor the image has it (ADR 0013).
"""
