"""DKIM signatures, verified by the verifier of another."""

import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from digest.errors import ConfigurationError
from digest.transport.signing import Signer, open_signer
from tests.transport.contract import message

dkim = pytest.importorskip("dkim", reason="needs dkimpy (extra dkim)")

HEADERS = (
    b"List-Unsubscribe: <https://example.net/u/1>, <mailto:stop@example.net>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"List-Id: Digest <digest.example.net>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
)
DATA = HEADERS + message().data
MUST = (
    "from to subject date message-id list-unsubscribe list-unsubscribe-post list-id mime-version content-type"
)


@cache  # an RSA key takes its time
def openssl(*arguments: str) -> bytes:
    if (program := shutil.which("openssl")) is None:
        pytest.skip("needs the openssl program to make a key")
    return subprocess.run((program, *arguments), check=True, capture_output=True).stdout


def private(path: Path, key: bytes) -> Path:
    path.write_bytes(key)
    path.chmod(0o600)
    return path


def rsa(folder: Path, *form: str) -> tuple[Path, bytes]:
    """A key file, and the record in DNS that belongs to it."""
    path = private(folder / "rsa.pem", openssl("genrsa", *form, "2048"))
    public = openssl("rsa", "-in", str(path), "-pubout", "-outform", "DER")
    return path, b"v=DKIM1; k=rsa; p=" + b64encode(public)


def ed25519(folder: Path, is_bare: bool) -> tuple[Path, bytes]:
    pytest.importorskip("nacl", reason="needs PyNaCl (extra dkim)")
    pem = private(folder / "ed25519.pem", openssl("genpkey", "-algorithm", "ed25519"))
    record = b"v=DKIM1; k=ed25519; p=" + b64encode(
        openssl("pkey", "-in", str(pem), "-pubout", "-outform", "DER")[-32:]
    )
    if is_bare:
        seed = openssl("pkey", "-in", str(pem), "-outform", "DER")[-32:]
        return private(folder / "ed25519.key", b64encode(seed) + b"\n"), record
    return pem, record


KEYS: dict[str, Callable[[Path], tuple[Path, bytes]]] = {
    "RSA in PKCS #8": rsa,
    "RSA in PKCS #1": lambda folder: rsa(folder, "-traditional"),
    "Ed25519 in PKCS #8": lambda folder: ed25519(folder, is_bare=False),
    "Ed25519 bare": lambda folder: ed25519(folder, is_bare=True),
}


def signer(key_file: Path) -> Signer:
    return open_signer(domain="example.net", selector="digest", key_file=key_file)


def is_valid(signed: bytes, record: bytes) -> bool:
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    found = dkim.verify(signed, dnsfunc=dns)
    assert asked == [b"digest._domainkey.example.net."]
    return bool(found)


@pytest.mark.slow
@pytest.mark.parametrize("made", KEYS.values(), ids=KEYS)
def test_a_signed_message_is_verified_with_the_record_in_dns(
    made: Callable[[Path], tuple[Path, bytes]], tmp_path: Path
) -> None:
    key_file, record = made(tmp_path)

    signed = signer(key_file).sign(DATA)

    assert signed.startswith(b"DKIM-Signature: ")
    assert signed.endswith(b"\r\n" + DATA)
    assert signed.count(b"\n") == signed.count(b"\r\n")
    assert is_valid(signed, record)


def test_the_signature_covers_what_a_reader_relies_on_and_both_ways_to_unsubscribe(tmp_path: Path) -> None:
    key_file, _ = rsa(tmp_path)

    signed = signer(key_file).sign(DATA)

    tags = dict(
        part.strip().split(b"=", 1)
        for part in signed.removesuffix(DATA).partition(b":")[2].replace(b"\r\n", b"").split(b";")
    )
    covered = b"".join(tags[b"h"].split()).decode().split(":")
    assert set(MUST.split()) <= set(covered)
    assert covered.count("from") == 2
    assert (tags[b"c"], tags[b"d"], tags[b"s"]) == (b"relaxed/simple", b"example.net", b"digest")
    assert b"l" not in tags


@pytest.mark.parametrize(
    "added",
    [
        b"From: eve@example.org",
        b"To: eve@example.org",
        b"Subject: hello",
        b"Date: Wed, 11 Mar 2026 09:00:00 +0000",
        b"List-Unsubscribe: <https://example.com/phish>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ],
)
def test_a_second_header_put_in_front_of_a_signed_one_is_noticed(added: bytes, tmp_path: Path) -> None:
    key_file, record = rsa(tmp_path)

    assert not is_valid(added + b"\r\n" + signer(key_file).sign(DATA), record)


def test_a_relay_may_add_headers_that_are_not_there(tmp_path: Path) -> None:
    key_file, record = rsa(tmp_path)
    signed = signer(key_file).sign(message().data)

    assert is_valid(b"List-Unsubscribe: <https://example.net/u/1>\r\n" + signed, record)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"nothing else", b"something else"),
        (b"Subject: Edition 1", b"Subject: Edition 2"),
        (b"https://example.net/u/1", b"https://example.com/u/1"),
        (b"One-Click", b"Two-Click"),
        (b"From: digest@example.net\r\n", b"From: digest@example.net\r\nFrom: eve@example.org\r\n"),
    ],
)
def test_a_change_on_the_way_is_noticed(before: bytes, after: bytes, tmp_path: Path) -> None:
    key_file, record = rsa(tmp_path)
    signed = signer(key_file).sign(DATA)

    changed = signed.replace(before, after, 1)

    assert changed != signed
    assert not is_valid(changed, record)


def test_headers_may_be_refolded_on_the_way(tmp_path: Path) -> None:
    key_file, record = rsa(tmp_path)
    signed = signer(key_file).sign(DATA)

    assert is_valid(signed.replace(b">, <mailto", b">,\r\n\t<mailto", 1), record)


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    key_file, _ = rsa(tmp_path)

    assert "PRIVATE" not in repr(signer(key_file))


BROKEN = {
    "empty": b"",
    "words": b"this is no key",
    "no end": b"-----BEGIN RSA PRIVATE KEY-----\nAAAA",
    "no key": b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    "not base64": b"-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n",
    "a short Ed25519": b"AAAA\n",
    "binary": bytes(range(256)) * 50,
    "a certificate": b"-----BEGIN CERTIFICATE-----\nMIIBCgKCAQEA\n-----END CERTIFICATE-----\n",
    "a sequence that lies": b"-----BEGIN RSA PRIVATE KEY-----\nMIIJKQIBAAKC\n-----END RSA PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("key", BROKEN.values(), ids=BROKEN)
def test_a_broken_key_is_told_with_its_file_and_what_to_do(key: bytes, tmp_path: Path) -> None:
    path = private(tmp_path / "dkim.pem", key)

    with pytest.raises(ConfigurationError, match=r"dkim.pem: this is no DKIM key.*openssl genrsa"):
        signer(path)


def test_a_key_too_short_to_be_believed_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path / "short.pem", openssl("genrsa", "512"))

    with pytest.raises(ConfigurationError, match=r"has 512 bits.*RFC 8301.*genrsa"):
        open_signer(domain="example.net", selector="d1", key_file=path)


def test_a_key_that_is_cut_off_is_told(tmp_path: Path) -> None:
    whole, _ = rsa(tmp_path)
    lines = whole.read_bytes().splitlines(keepends=True)
    path = private(tmp_path / "cut.pem", b"".join([*lines[:10], lines[-1]]))

    with pytest.raises(ConfigurationError, match="no DKIM key"):
        signer(path)


def test_a_key_with_windows_line_ends_is_a_key(tmp_path: Path) -> None:
    whole, record = rsa(tmp_path)
    path = private(tmp_path / "crlf.pem", whole.read_bytes().replace(b"\n", b"\r\n"))

    assert is_valid(signer(path).sign(DATA), record)


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.pem: the DKIM key cannot be read .No such file"):
        signer(tmp_path / "none.pem")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    path, _ = rsa(tmp_path)
    path.chmod(mode)

    with pytest.raises(ConfigurationError, match=r"other users can read the DKIM key. Run: chmod 600"):
        signer(path)


def test_without_dkimpy_it_is_said_what_to_install(tmp_path: Path) -> None:
    """In a process of its own whose search path has only the standard library and this project."""
    path, _ = rsa(tmp_path)
    program = (
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; "
        "from pathlib import Path; from digest.transport.signing import open_signer; "
        f"open_signer(domain='example.net', selector='digest', key_file=Path({str(path)!r}))"
    )

    ended = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False)

    assert "signing needs dkimpy, which is not installed" in ended.stderr
    assert "pip install" in ended.stderr
