"""Secrets of thirty forms, made from a seed: none of them ever opened a door."""

import base64
import json
import random
import string
from collections.abc import Callable

LETTERS, DIGITS = string.ascii_letters, string.digits


class Canaries:
    """Makes secrets, another one at each call."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - nothing is kept secret by it

    def some(self, count: int, letters: str = LETTERS + DIGITS) -> str:
        """Return random characters, a digit and a small letter among them where they may be."""
        body = "".join(self.random.choice(letters) for _ in range(count - 2))
        ends = [self.random.choice([c for c in letters if c in kind] or letters) for kind in (DIGITS, "abcdefxyz")]
        return ends[0] + body + ends[1]

    def pem(self, kind: str) -> str:
        """Return a private key over several lines."""
        lines = "\n".join(self.some(64, LETTERS + DIGITS + "+/") for _ in range(6))
        return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"

    def jwt(self) -> str:
        """Return a JSON web token."""
        parts = [json.dumps({"alg": "HS256"}), json.dumps({"sub": self.some(12)})]
        head = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
        return f"{head}.{self.some(43, LETTERS + DIGITS + '-_')}"


UPPER, LOWER, HEX = string.ascii_uppercase, string.ascii_lowercase, "0123456789abcdef"
FORMS: dict[str, Callable[[Canaries], tuple[str, str]]] = {
    "aws_id": lambda c: (s := "AKIA" + c.some(16, UPPER + DIGITS).upper(), f"aws_access_key_id = {s}"),
    "aws_secret": lambda c: (s := c.some(40), f"aws_secret_access_key = {s}"),
    "github": lambda c: (s := "ghp_" + c.some(36), f"remote: https://x-access-token:{s}@github.com/o/r.git"),
    "github_fine": lambda c: (s := "github_pat_" + c.some(22) + "_" + c.some(59), f"token {s}"),
    "gitlab": lambda c: (s := "glpat-" + c.some(20), f"PRIVATE-TOKEN: {s}"),
    "npm": lambda c: (s := "npm_" + c.some(36), f"//registry.npmjs.org/:_authToken={s}"),
    "pypi": lambda c: (s := "pypi-AgEI" + c.some(70), f"password = {s}"),
    "openai": lambda c: (s := "sk-proj-" + c.some(48), f"Incorrect API key provided: {s}."),
    "anthropic": lambda c: (s := "sk-ant-api03-" + c.some(90), f"x-api-key: {s}"),
    "hugging_face": lambda c: (s := "hf_" + c.some(34), f"login with {s}"),
    "google": lambda c: (s := "AIza" + c.some(35), f"https://maps.googleapis.com/?key={s}"),
    "slack": lambda c: (s := f"xoxb-{c.some(12, DIGITS)}-{c.some(12, DIGITS)}-{c.some(24)}", f"slack: {s}"),
    "slack_hook": lambda c: (
        s := f"https://hooks.slack.com/services/T{c.some(8)}/B{c.some(8)}/{c.some(24)}",
        f"curl {s}",
    ),
    "stripe": lambda c: (s := "sk_live_" + c.some(24), f'stripe("{s}")'),
    "sendgrid": lambda c: (s := f"SG.{c.some(22)}.{c.some(43)}", f"key {s} is invalid"),
    "twilio": lambda c: (s := "SK" + c.some(32, LOWER + DIGITS), f"twilio {s}"),
    "discord": lambda c: (s := f"M{c.some(23)}.{c.some(6)}.{c.some(27)}", f"discord bot token {s}"),
    "telegram": lambda c: (s := f"{c.some(9, DIGITS)}:AA{c.some(33)}", f"https://api.telegram.org/bot {s}"),
    "jwt": lambda c: (s := c.jwt(), f"Cookie says {s}"),
    "bearer": lambda c: (s := c.some(40), f"Authorization: Bearer {s}"),
    "basic_url": lambda c: (s := c.some(14), f"postgres://admin:{s}@db/app"),
    "pem": lambda c: (s := c.pem("RSA "), f"$ cat id_rsa\n{s}\n"),
    "pem_openssh": lambda c: (s := c.pem("OPENSSH "), f"{s}"),
    "password_variable": lambda c: (s := c.some(16), f"export DB_PASSWORD={s}"),
    "json_secret": lambda c: (s := c.some(24), f'{{"clientSecret": "{s}"}}'),
    "azure": lambda c: (s := c.some(86) + "==", f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={s};"),
    "netrc": lambda c: (s := c.some(18), f"machine api.heroku.com login me password {s}"),
    "mail": lambda c: (s := f"{c.some(8, LOWER)}.{c.some(6, LOWER)}@{c.some(9, LOWER)}.io", f"Author: A B <{s}>"),
    "home": lambda c: (s := f"/home/{c.some(9, LOWER)}", f"at {s}/src/app.ts:3"),
    "host": lambda c: (s := f"{c.some(7, LOWER)}.{c.some(5, LOWER)}.internal", f"ssh: connect to host {s} port 22"),
    "environment": lambda c: (
        s := c.some(20),
        f"PATH=/usr/bin\nHOME=/root\nPWD=/testbed\nBUILD_THING={s}\nSHLVL=1\nTERM=xterm",
    ),
}


def plant(count: int, seed: int = 7) -> list[tuple[str, str, str]]:
    """Return this many (form, secret, text that holds it), the forms by turns."""
    canaries = Canaries(seed)
    names = list(FORMS)
    planted = []
    for number in range(count):
        form = names[number % len(names)]
        planted.append((form, *FORMS[form](canaries)))
    return planted
