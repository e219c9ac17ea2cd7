"""The proxy variables: read as every program reads them, and never shown with a password."""

import pytest

from tracesmith import proxies
from tracesmith.errors import InputError

PLANTED = "pl@nted/0123"
QUOTED = "pl%40nted%2F0123"


def test_the_eight_variables_are_one_list() -> None:
    names = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    assert set(proxies.VARIABLES) == names | {name.upper() for name in names}
    given = dict.fromkeys(proxies.VARIABLES, "x")
    assert proxies.variables({**given, "PATH": "/bin"}) == given


@pytest.mark.parametrize(
    ("value", "shown", "loopback"),
    [
        ("http://127.0.0.1:7890", "http://127.0.0.1:7890", True),
        ("127.0.0.1:7890", "http://127.0.0.1:7890", True),
        (" http://localhost:8080/ ", "http://localhost:8080", True),
        ("http://[::1]:7890", "http://[::1]:7890", True),
        ("http://proxy.example", "http://proxy.example:80", False),
        ("https://proxy.example", "https://proxy.example:443", False),
        ("socks5h://172.17.0.1", "socks5h://172.17.0.1:1080", False),
        (f"http://user:{QUOTED}@proxy.example:3128", "http://proxy.example:3128", False),
    ],
)
def test_an_address_is_shown_without_user_and_password(value: str, shown: str, loopback: bool) -> None:
    endpoint = proxies.endpoint("http_proxy", value)
    assert str(endpoint) == shown
    assert endpoint.is_loopback == loopback
    assert endpoint.is_socks == shown.startswith("socks")


@pytest.mark.parametrize(
    "value", ["", "http://", f"ftp://{QUOTED}", f"http://u:{QUOTED}@h:port", f"http://u:{QUOTED} @h:1", "http://[::1"]
)
def test_what_is_no_address_is_refused_without_a_part_of_it(value: str) -> None:
    with pytest.raises(InputError) as raised:
        proxies.endpoint("HTTP_PROXY", value)
    assert str(raised.value) == "HTTP_PROXY: not the URL of a proxy, such as http://127.0.0.1:7890"


def test_the_lower_case_counts_first() -> None:
    assert proxies.value({"all_proxy": "a", "ALL_PROXY": "b"}, "all_proxy") == "a"
    assert proxies.value({"all_proxy": "", "ALL_PROXY": "b"}, "all_proxy") == "b"


def test_passwords_are_blotted_out_of_what_a_program_said() -> None:
    environment = {"HTTPS_PROXY": f"http://user:{QUOTED}@proxy.example:1", "no_proxy": "a:b", "all_proxy": "http://h:2"}
    said = f"connect to http://user:{QUOTED}@proxy.example:1 failed (user:{PLANTED}); tried {PLANTED} and {QUOTED}"
    blotted = proxies.blot(said, environment)
    assert blotted == "connect to http://***@proxy.example:1 failed (***); tried *** and ***"
    assert proxies.blot("a:b http://h:2", environment) == "a:b http://h:2"


def test_a_token_in_the_place_of_a_user_is_blotted_out_of_addresses() -> None:
    environment = {"https_proxy": "http://token@proxy.example:1"}
    assert proxies.blot("a token for http://token@proxy.example:1", environment) == (
        "a token for http://***@proxy.example:1"
    )
