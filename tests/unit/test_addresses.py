"""Where a message may go."""

import pytest

from worker.addresses import BadTarget, Policy, check_all, policy_of, target_of

PUBLIC = Policy()


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.2.5", "198.18.0.1", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255", "192.88.99.1", "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808",
        "64:ff9b:1::1", "2002:7f00:1::", "2001:0:53aa:64c:0:fffe:f7f7:f7f7", "2001:db8::1", "::8.8.8.8", "fe80::1%lo",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(BadTarget):
        check_all([address], PUBLIC)
    with pytest.raises(BadTarget):
        check_all(["8.8.8.8", address], PUBLIC)


def test_public_addresses_are_taken_in_order() -> None:
    found = check_all(["2606:4700::6810:84e5", "8.8.8.8", "8.8.8.8", "1.1.1.1"], PUBLIC)
    assert [str(address) for address in found] == ["2606:4700::6810:84e5", "8.8.8.8", "1.1.1.1"]


def test_a_name_without_addresses_is_refused() -> None:
    with pytest.raises(BadTarget, match="no address"):
        check_all([], PUBLIC)


def test_a_network_that_is_named_is_allowed_and_no_other() -> None:
    policy = policy_of("10.0.0.0/8, fd00::/8", False)
    assert len(check_all(["10.9.9.9", "fd00::5", "8.8.8.8"], policy)) == 3
    for address in ("192.168.1.1", "fc00::1", "::ffff:10.0.0.1"):
        with pytest.raises(BadTarget):
            check_all([address], policy)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "//example.org/x", "http://example.org/", "ftp://example.org/", "https:///x", "https://",
        "https://user:pass@example.org/", "https://example.org/#part", "https://example.org:0/",
        "https://example.org:99999/", "https://example.org:x/", "https://exa mple.org\n/", "https://localhost/",
        "https://app.localhost/", "https://db.internal./", "https://nas.local/", "https://127.0.0.1/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest/", "file:///etc/passwd", "javascript:alert(1)",
        "https://example.org/" + "a" * 2000, "https://\udcff.org/",
    ],
)  # fmt: skip
def test_urls_that_can_lead_nowhere_good_are_refused_at_once(url: str) -> None:
    with pytest.raises(BadTarget):
        target_of(url, PUBLIC)


def test_a_target_keeps_name_and_port() -> None:
    target = target_of("https://Exämple.org:8443/hook?a=b", PUBLIC)
    assert (target.host, target.port, target.url.raw_path) == ("xn--exmple-cua.org", 8443, b"/hook?a=b")
    assert target_of("https://example.org", PUBLIC).port == 443
    assert target_of("https://[2606:4700::6810:84e5]/", PUBLIC).host == "2606:4700::6810:84e5"


def test_plain_http_and_inside_names_need_their_settings() -> None:
    policy = policy_of("127.0.0.0/8", True)
    assert target_of("http://localhost:9/x", policy).port == 9
    assert target_of("http://127.0.0.1/", policy).port == 80
    with pytest.raises(BadTarget):
        target_of("http://10.0.0.1/", policy)
