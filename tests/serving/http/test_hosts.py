import pytest

from vaefeat.serving.http.errors import WrongHostError, outcome_of
from vaefeat.serving.http.hosts import Hosts

LOCAL = [
    b"localhost",
    b"localhost:8000",
    b"LocalHost",
    b"127.0.0.1:1",
    b"127.1.2.3",
    b"[::1]:8000",
    b"a.localhost",
]
OTHER = [b"evil.example", b"evil.example:8000", b"localhost.evil.example", b"192.168.0.1", b"", b"[::2]"]


@pytest.mark.parametrize("listening", ["127.0.0.1", "localhost", "::1"])
@pytest.mark.parametrize("host", LOCAL)
def test_names_of_this_machine_are_allowed(host, listening):
    Hosts(listening).check([(b"accept", b"evil.example"), (b"host", host)])


@pytest.mark.parametrize("host", OTHER)
def test_other_names_are_refused_on_a_local_address_and_allowed_on_others(host):
    with pytest.raises(WrongHostError) as caught:
        Hosts("127.0.0.1").check([(b"host", host)])
    assert outcome_of(caught.value).status == 421
    Hosts("0.0.0.0").check([(b"host", host)])


def test_a_proxy_on_this_machine_may_use_its_own_name():
    hosts = Hosts("127.0.0.1", ["Models.Example"])
    hosts.check([(b"host", b"models.example:443")])
    with pytest.raises(WrongHostError):
        hosts.check([(b"host", b"evil.example")])


def test_requests_without_a_host_come_from_no_browser():
    Hosts("127.0.0.1").check([])
