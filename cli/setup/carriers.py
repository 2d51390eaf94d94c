"""What to enter at the carrier, so that calls to a number reach OpenAI. Pure."""

from urllib.parse import urlsplit

NO_PROJECT = "proj_..."
"""Shown where the project's id is not known."""


def sip_uri(project: str, base_url: str) -> str:
    """Where a carrier sends calls for a project. A project with European residency has a host of its own; mixing the
    two regions ends in 404s."""
    host = "sip-eu.api.openai.com" if (urlsplit(base_url).hostname or "").startswith("eu.") else "sip.api.openai.com"
    return f"sip:{project or NO_PROJECT}@{host};transport=tls"


def instructions(uri: str) -> list[str]:
    """What to enter, carrier by carrier, as lines."""
    user, _, host = uri.removeprefix("sip:").partition(";")[0].partition("@")
    return [
        f"Your SIP URI:  {uri}",
        "",
        "Twilio, Elastic SIP trunk (a number that only the agent answers)",
        "  1. Elastic SIP Trunking, Trunks, Create.",
        f"  2. Origination: add the URI {uri}",
        "  3. Numbers: add the phone number to the trunk.",
        "  4. General: Secure trunking on, for encrypted audio.",
        "  The dialled number is then in the Diversion header; Ringside looks there first.",
        "",
        "Twilio, <Dial><Sip> (after a menu, or for some of a number's calls)",
        "  Let the number's webhook or TwiML bin answer:",
        f'    <Response><Dial answerOnBridge="true"><Sip>{uri}</Sip></Dial></Response>',
        "",
        "Telnyx, TeXML",
        "  Give the number a TeXML application whose bin answers:",
        f"    <Response><Dial><Sip>{uri}</Sip></Dial></Response>",
        "  Or, as a trunk, use an FQDN connection: inbound over TLS with SRTP, to",
        f"  {host}, port 5061, with {user} as the user of the INVITE.",
        "",
        "Then list the number under `answers` in an agent file (functions/agents/), deploy, and call it.",
        "  ringside calls watch      shows the call as it happens",
    ]
