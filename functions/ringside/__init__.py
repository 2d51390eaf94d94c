"""What the webhook, the monitor and the sweeper share: flat modules, one subject each.

The pure core (calls, events, transcript, conversation, policy, sip, prices) needs neither
socket nor clock nor environment; around it stands one module per neighbour (record: DynamoDB,
callqueue: SQS, callcontrol and sideband: OpenAI, secrets: Secrets Manager); wiring picks them.
"""
