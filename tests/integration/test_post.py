"""One message to a real receiver: pinned to the checked address, with the right name, never further."""

import asyncio
import ssl
import time
from collections.abc import Iterator

import pytest
import trustme
from receiver import Receiver, receiving

from worker.addresses import Policy, policy_of
from worker.post import Answer, Post, Resolve, ask_system

HERE = policy_of("127.0.0.0/8", True)


class Names:
    """A resolver that answers in turn, and remembers for what it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def post(
    url: str, policy: Policy = HERE, resolve: Resolve = ask_system, ca: trustme.CA | None = None, seconds: float = 5
) -> Answer:
    trust = ssl.create_default_context()
    if ca is not None:
        ca.configure_trust(trust)
    return asyncio.run(Post(policy, seconds, trust, resolve).send(url, b'{"a":1}', {"webhook-id": "msg_1"}))


def tls_of(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_message_arrives(receiver: Receiver) -> None:
    assert post(f"http://localhost:{receiver.port}/hook?x=1") == Answer(204, None)
    ((path, headers, body),) = receiver.received
    assert (path, body) == ("/hook?x=1", b'{"a":1}')
    assert headers["host"] == f"localhost:{receiver.port}" and headers["webhook-id"] == "msg_1"


def test_the_name_is_asked_for_once_and_the_connection_goes_to_what_was_checked(authority: trustme.CA) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    policy = policy_of("127.0.0.1/32", False)
    tls = tls_of(authority, "hooks.example.org")
    with receiving("127.0.0.1", tls=tls) as first, receiving("127.0.0.2", first.port, tls) as second:
        url = f"https://hooks.example.org:{first.port}/"
        assert post(url, policy, names, authority) == Answer(204, None)
        assert names.asked == ["hooks.example.org"] and len(first.received) == 1
        assert first.received[0][1]["host"] == f"hooks.example.org:{first.port}"
        # Asked again, the name means another place, which is not allowed.
        refused = post(url, policy, names, authority)
        assert refused.status is None and "not one of the public internet" in (refused.error or "")
        assert second.received == []


def test_one_bad_address_among_several_refuses_all(receiver: Receiver) -> None:
    names = Names(["127.0.0.1", "10.0.0.1"])
    assert post(f"http://a.example:{receiver.port}/", HERE, names).status is None
    assert receiver.received == []


def test_the_next_address_is_tried_where_the_first_does_not_listen(receiver: Receiver) -> None:
    assert post(f"http://a.example:{receiver.port}/", HERE, Names(["127.0.0.9", "127.0.0.1"])).status == 204


def test_the_certificate_must_be_for_the_name(authority: trustme.CA) -> None:
    with receiving(tls=tls_of(authority, "other.example.org")) as receiver:
        answer = post(f"https://hooks.example.org:{receiver.port}/", HERE, Names(["127.0.0.1"]), authority)
        assert answer == Answer(None, "The receiver's certificate cannot be trusted.")
        answer = post(f"https://other.example.org:{receiver.port}/", HERE, Names(["127.0.0.1"]))
        assert answer == Answer(None, "The receiver's certificate cannot be trusted.")
        assert receiver.received == []


def test_an_address_may_stand_for_itself(authority: trustme.CA) -> None:
    with receiving(tls=tls_of(authority, "127.0.0.1")) as receiver:
        assert post(f"https://127.0.0.1:{receiver.port}/", HERE, ca=authority).status == 204


def test_this_machine_is_refused_without_the_setting(receiver: Receiver) -> None:
    for host in ("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1"):
        answer = post(f"http://{host}:{receiver.port}/", Policy(http=True))
        assert answer.status is None and answer.error, host
    assert post(f"http://a.example:{receiver.port}/", Policy(http=True), Names(["127.0.0.1"])).status is None
    assert receiver.received == []


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    with receiving() as other:
        receiver.answers, receiver.headers = [307], {"Location": f"http://127.0.0.1:{other.port}/"}
        answer = post(f"http://localhost:{receiver.port}/")
        assert answer.status == 307 and "not followed" in (answer.error or "")
        assert other.received == []


def test_what_receivers_answer_is_told_in_words(receiver: Receiver) -> None:
    url = f"http://localhost:{receiver.port}/"
    receiver.answers = [500, 503, 410]
    receiver.headers = {"Retry-After": "70"}
    assert post(url) == Answer(500, "The receiver answered with the status 500.", wait=70.0)
    receiver.headers = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert post(url) == Answer(503, "The receiver answered with the status 503.")
    gone = post(url)
    assert gone.final and gone.status == 410


def test_silence_and_drops_end_at_the_deadline(receiver: Receiver) -> None:
    receiver.gate.clear()
    began = time.monotonic()
    answer = post(f"http://localhost:{receiver.port}/", seconds=0.5)
    assert answer == Answer(None, "No answer came within 0.5 seconds.")
    assert time.monotonic() - began < 2


def test_an_endless_answer_is_not_read(receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1000]
    assert post(f"http://localhost:{receiver.port}/") == Answer(200, None)


def test_nonsense_for_an_answer_is_a_failed_try(receiver: Receiver) -> None:
    receiver.answers = [b"\x00\x01nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000, b""]
    for _ in range(3):
        answer = post(f"http://localhost:{receiver.port}/")
        assert answer.status is None and answer.error


def test_names_that_are_not_known_and_doors_that_are_closed(receiver: Receiver) -> None:
    receiver.close()
    assert post(f"http://localhost:{receiver.port}/").error == "The receiver could not be reached."

    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    assert post("https://nowhere.example/", resolve=unknown).error == "The host's name is not known."
