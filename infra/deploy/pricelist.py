"""AWS's prices as of November 2026 in us-east-1, what it gives for nothing, and what was measured of our own."""

PRICE = {
    "Fargate, ARM, a vCPU-hour": 0.03238,
    "Fargate, ARM, a GB-hour": 0.00356,
    "public IPv4 address, an hour": 0.005,
    "NAT gateway, an hour": 0.045,
    "Secrets Manager, a secret a month": 0.40,
    "CloudWatch, an alarm a month": 0.10,
    "CloudWatch, a high-resolution alarm a month": 0.30,
    "CloudWatch, a metric a month": 0.30,
    "CloudWatch, a dashboard a month": 3.00,
    "CloudWatch Logs, a GB": 0.50,
    "SQS, a million requests": 0.40,
    "DynamoDB, a million writes": 0.625,
    "DynamoDB, a million reads": 0.125,
    "Lambda, ARM, a GB-second": 0.0000133334,
    "Lambda, a million requests": 0.20,
    "EventBridge Scheduler, a million": 1.00,
    "EventBridge, a million events": 1.00,
    "EventBridge, a million requests to API destinations": 0.20,
    "SNS, a thousand mails": 0.02,
    "SES, a thousand mails": 0.10,
    "HTTP API, a million requests": 1.00,
    "ECR, a GB-month": 0.10,
}
"""AWS's list prices in US dollars."""

FREE_ALARMS, FREE_METRICS, FREE_DASHBOARDS, FREE_LOG_GB = 10, 10, 3, 5.0
FREE_SQS, FREE_SCHEDULER, FREE_LAMBDA_GB_SECONDS, FREE_LAMBDA_REQUESTS = 1e6, 14e6, 400_000, 1e6
"""What AWS gives every account every month, without an end. Nothing of a new account's first year is counted."""

# Measured with infra/deploy/load.py: 60 calls in which somebody is always speaking, on one core of a server.
CALL_CPU = 0.00135  # seconds of CPU a second
CALL_MEMORY_KB = 95 + 61  # and what an idle TLS connection costs with uvloop
MONITOR_MEMORY_KB = 76_000
BUSY = 0.8  # of a vCPU: what is left is for taking over another monitor's calls
BEAT_LINE_BYTES = 420  # a line of metrics
SWEEP_LINES_BYTES = 900  # the sweeper's lines, Lambda's own included
SWEEP_SECONDS = 0.3
WEBHOOK_SECONDS = 0.5
ANALYSIS_SECONDS = 4.0  # of a model that answers in 3 s; a call without an analysis takes a hundredth of that
WALK_SECONDS = 2.0  # the canary's, most of it waiting for OpenAI's 404
WALK_LINES_BYTES = 3000  # of the canary and of the webhook, with Lambda's own and API Gateway's
IMAGE_GB = 0.08
KEPT_IMAGES = 10
LAMBDA_POLLERS = (
    5  # long polls of an idle queue that Lambda reads (Lambda developer guide, "Using Lambda with Amazon SQS")
)
NOTICE_SECONDS = 0.5  # a receiver that answers in 0.3 s
MAIL_SECONDS, ROW_SECONDS = 0.3, 3.0  # of the functions of docs/examples/after-the-call; Apps Script takes its time
POLLERS, BEATS_A_LEASE = 3, 3  # ringside/monitor/monitor.py, ringside/monitor/lease.py
SWEEP_READS = 4 * 0.5 + 2  # the shards of the live calls, and two sets of places
IDLE_METRICS = 3  # LiveCalls, FreeSlots and LeasesHeld: the others are written, and paid for, when something happens
