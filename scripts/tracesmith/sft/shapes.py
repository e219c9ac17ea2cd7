"""
What a secret looks like: the detectors of detect-secrets, and the shapes that they do not know.

Left out of the library's detectors are those of random-looking text and of words such as `token`, which redact code,
and Azure's, which takes every lockfile's checksums for keys.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from detect_secrets.plugins import (
    artifactory,
    aws,
    basic_auth,
    cloudant,
    discord,
    github_token,
    ibm_cloud_iam,
    ibm_cos_hmac,
    jwt,
    mailchimp,
    npm,
    sendgrid,
    slack,
    softlayer,
    square_oauth,
    stripe,
    twilio,
)
from detect_secrets.plugins.base import RegexBasedDetector

KEY, MAIL, HOME, HOST, VARIABLE = "KEY", "EMAIL", "USER", "HOST", "ENV"


@dataclass(frozen=True)
class Shape:
    """A way to find secrets of one kind; a text without any of the hints, in lower case, is not searched."""

    kind: str
    find: Callable[[str], Iterable[str]]
    hints: tuple[str, ...]


def _pattern(kind: str, pattern: str, *hints: str, flags: int = 0) -> Shape:
    compiled = re.compile(pattern, flags)

    def _found(text: str) -> Iterator[str]:
        return (match[match.lastindex or 0] for match in compiled.finditer(text))

    return Shape(kind, _found, hints)


def _detector(detector: type[RegexBasedDetector], *hints: str) -> Shape:
    patterns = list(detector().denylist)

    def _found(text: str) -> Iterator[str]:
        for line in text.splitlines():
            if any(hint in line.lower() for hint in hints):
                for match in (match for pattern in patterns for match in pattern.finditer(line)):
                    value = next(filter(None, reversed(match.groups())), match[0])
                    yield match[0] if detector is github_token.GitHubTokenDetector else value

    return Shape(KEY, _found, hints)


NAME = r"(?:(?:api|private|access|auth)[_-]?key|secret|token|passw(?:or)?d|passphrase|credentials?)"
KEYS = [
    _pattern(
        KEY,
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:.{1,20000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:(?:\s|\\n|\d+[\t:|])*[A-Za-z0-9+/=]{20,})+)",
        "private key",
        flags=re.DOTALL,
    ),
    _pattern(KEY, r"\bAGE-SECRET-KEY-1[A-Z0-9]{50,}", "age-secret-key"),
    _pattern(KEY, r"PuTTY-User-Key-File-\d:.{1,20000}?Private-MAC: \w+", "putty-user", flags=re.DOTALL),
    _pattern(KEY, r"\bsk-(?:ant-|proj-|or-v1-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}\b", "sk-"),
    _pattern(
        KEY,
        r"\b(?:gsk|r8|fw|pplx|hf|xai|tvly|ntn|lin_api|figd|sntrys|glsa|nvapi|voyage|pcsk)[_-][A-Za-z0-9_-]{24,}",
        "_",
        "-",
    ),
    _pattern(KEY, r"\bgithub_pat_[A-Za-z0-9_]{22,}", "github_pat_"),
    _pattern(KEY, r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[\w-]{20,}", "gl"),
    _pattern(KEY, r"\bAIza[\w-]{35}", "aiza"),
    _pattern(KEY, r"\bya29\.[\w-]{20,}", "ya29."),
    _pattern(KEY, r"\bGOCSPX-[\w-]{20,}", "gocspx-"),
    _pattern(KEY, r"\bpypi-AgEI[\w-]{50,}", "pypi-agei"),
    _pattern(KEY, r"\bdo[opr]_v1_[a-f0-9]{64}", "_v1_"),
    _pattern(KEY, r"\bdckr_pat_[\w-]{20,}", "dckr_pat_"),
    _pattern(KEY, r"\bhv[sb]\.[\w-]{20,}", "hvs.", "hvb."),
    _pattern(KEY, r"\b\d{8,10}:AA[\w-]{33}\b", ":aa"),
    _pattern(KEY, r"\bdapi[0-9a-f]{32}\b", "dapi"),
    _pattern(KEY, r"\b(?:sk|rk|pk)_(?:test|live)_[0-9A-Za-z]{16,}", "_test_", "_live_"),
    _pattern(KEY, r"\bwhsec_[A-Za-z0-9+/=]{24,}", "whsec_"),
    _pattern(KEY, r"\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{30,}", "xapp-"),
    _pattern(KEY, r"\bxox[a-z](?:\.xox[a-z])?-[\w-]{20,}", "xox"),
    _pattern(KEY, r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", "shp"),
    _pattern(KEY, r"\bAccountKey=([A-Za-z0-9+/]{40,}={0,2})", "accountkey="),
    _pattern(KEY, r"\bsig=([A-Za-z0-9%]{40,})", "sig="),
    _pattern(
        KEY, r"(?i)\bauthorization['\"]?\s*[:=]\s*['\"`]?(?:bearer|basic|token|bot)\s+([\w.~+/=-]{8,})", "authorization"
    ),
    _pattern(KEY, r"(?i)\bbearer\s+(?=[\w.~+/-]*\d)([\w.~+/-]{20,}=*)", "bearer"),
    _pattern(KEY, r"(?i)\bx-(?:api-key|auth-token|goog-api-key)['\"]?\s*[:=]\s*['\"]?([\w.~+/=-]{12,})", "x-"),
    _pattern(KEY, r"(?i)(?:^|\n)(?:set-)?cookie:\s*\w[\w.-]*=([\w.%~+/=-]{16,})", "cookie:"),
    _pattern(KEY, r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S{6,})", "machine "),
    _pattern(
        KEY,
        rf"(?i)\"[\w-]*{NAME}[\w-]*\"\s*:\s*\"(?=[^\"]*\d)(?=[^\"]*[a-z])([\w+/=.!@#%^&*~-]{{12,}})\"",
        "key",
        "secret",
        "token",
        "passw",
        "credential",
        "passphrase",
    ),
    _pattern(
        KEY,
        r"(?m)(?:^|[\s;'\"])(?:export\s+|set\s+|ENV\s+|-e\s+)?[A-Z][A-Z0-9_]*(?:KEY|SECRET|TOKEN|PASSWORD|PASSWD|PWD|PASS|CREDENTIALS?|DSN)(?:_[A-Z0-9]+)?=['\"]?(?!\$|<|\{|\*)([^\s'\"`;&|()<>$]{8,})",
        "=",
    ),
    _pattern(
        KEY,
        r"(?im)^\s*[\w.-]*(?:password|passwd|secret|api[_-]?key|token)\s*[:=]\s*(?=\S*\d)(?=\S*[a-z])([\w+/=!@#%^&*~-]{16,})\s*$",
        "passw",
        "secret",
        "key",
        "token",
    ),
]
LIBRARY = [
    _detector(artifactory.ArtifactoryDetector, "akc", "artif", "jfrog", "buildkit"),
    _detector(aws.AWSKeyDetector, "a3t", "abia", "acca", "akia", "asia", "aws"),
    _detector(basic_auth.BasicAuthDetector, "://"),
    _detector(cloudant.CloudantDetector, "cloudant"),
    _detector(discord.DiscordBotTokenDetector, "discord", "bot", "token"),
    _detector(github_token.GitHubTokenDetector, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _detector(ibm_cloud_iam.IbmCloudIamDetector, "ibm"),
    _detector(ibm_cos_hmac.IbmCosHmacDetector, "ibm_cos", "cos_hmac", "cos-hmac"),
    _detector(jwt.JwtTokenDetector, "eyj"),
    _detector(mailchimp.MailchimpDetector, "-us"),
    _detector(npm.NpmDetector, "npm_", "_authtoken"),
    _detector(sendgrid.SendGridDetector, "sg."),
    _detector(slack.SlackDetector, "xox", "hooks.slack"),
    _detector(softlayer.SoftlayerDetector, "softlayer"),
    _detector(square_oauth.SquareOAuthDetector, "sq0csp"),
    _detector(stripe.StripeDetector, "k_live_"),
    _detector(twilio.TwilioKeyDetector, "twilio"),
]
PERSONS = [
    _pattern(MAIL, r"(?<![\w.+/-])[A-Za-z0-9][\w.+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}\b(?![-\w.]*/)", "@"),
    _pattern(
        HOME,
        r"(?:/home/|/Users/|\b[A-Za-z]:\\{1,2}Users\\{1,2})[A-Za-z0-9][\w.-]{0,31}",
        "/home/",
        "/users/",
        "users\\",
    ),
    _pattern(
        HOST,
        r"(?<![\w.-])(?:(?:[A-Za-z0-9][A-Za-z0-9-]*\.){2,}|[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+|\d)+\.)"
        r"(?:internal|intranet|corp|lan|(?:compute(?:-1)?|rds|elb|elasticache)\.amazonaws\.com|cloudapp\.azure\.com)\b(?![\w(])",
        ".internal",
        ".intranet",
        ".corp",
        ".lan",
        ".amazonaws.com",
        ".cloudapp.azure",
    ),
    _pattern(HOST, r"(?<![\w.-])ip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}\b", "ip-"),
    _pattern(
        HOST,
        r"(?<![\w.-])(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}(?![\w.])",
        "10.",
        "192.168.",
        "172.",
    ),
    _pattern(HOST, r"(?m)^(?:export\s+)?HOSTNAME=['\"]?([\w.-]{4,})", "hostname="),
]
DUMP = re.compile(r"(?m)(?:^(?:declare -x |export )?[A-Za-z_]\w*=.*\n?){5,}")
VARIABLE_LINE = re.compile(r"(?m)^(?:declare -x |export )?([A-Za-z_]\w*)=['\"]?(.*?)['\"]?$")
MARKS = frozenset({"PATH", "HOME", "PWD", "SHLVL", "SHELL", "TERM", "LANG", "USER", "_"})
"""Of a dump of the environment, at least two of these are lines."""
HARMLESS = MARKS | {"OLDPWD", "NODE_ENV", "NODE_VERSION", "YARN_VERSION", "LC_ALL", "LC_CTYPE", "EDITOR", "PAGER", "TZ"}
HARMLESS |= {
    "LS_COLORS",
    "DEBIAN_FRONTEND",
    "INIT_CWD",
    "NODE_PATH",
    "HOSTTYPE",
    "TEMP",
    "TMP",
    "TMPDIR",
    "COLOR",
    "NODE",
}


def variables(text: str) -> Iterator[str]:
    """Yield the values of a dump of the environment, those left out that every container has."""
    for dump in DUMP.finditer(text):
        lines = VARIABLE_LINE.findall(dump[0])
        if len({name for name, _ in lines} & MARKS) >= 2:
            yield from (value for name, value in lines if name not in HARMLESS and not name.startswith("npm_"))


SHAPES = [*KEYS, *LIBRARY, Shape(VARIABLE, variables, ("path=", "home=", "pwd=")), *PERSONS]
