"""Signs messages with DKIM (RFC 6376), for those whose relay does not.

Done at the edge, just before the wire: previews and the record stay as they are. Of the canonicalizations
relaxed/simple: headers are refolded on the way, a quoted-printable body is not.
"""

import os
import stat
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path

from digest.errors import ConfigurationError, DigestError

# RFC 8058, 4 wants both List-Unsubscribe headers covered, or one-click unsubscribing is not offered.
SIGNED = (
    *(b"from", b"to", b"reply-to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"),
    *(b"content-transfer-encoding", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post"),
    *(b"auto-submitted", b"feedback-id"),
)
SHOWN = (b"from", b"to", b"subject", b"date", b"list-unsubscribe", b"list-unsubscribe-post")

_PEM = b"-----BEGIN "
# RFC 8410, 7: what stands before the 32 bytes of an Ed25519 key in PKCS #8.
_ED25519 = bytes.fromhex("302e020100300506032b657004220420")
_FEWEST_BITS = 1_024
"""Verifiers must not take a signature with a shorter RSA key (RFC 8301, 3.2)."""
_INSTALL = 'Run: pip install "paperdigest[dkim]"'
_TRIAL = b"From: digest@example.org\r\nSubject: trial\r\n\r\ntrial\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs in the name of a domain with one of its keys."""

    domain: str
    selector: str
    algorithm: str
    """`rsa-sha256` or `ed25519-sha256` (RFC 8463)."""
    key: bytes = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The message with a DKIM-Signature in front; the rest stays byte for byte."""
        import dkim

        message = dkim.DKIM(data)
        present = [name.lower() for name, _ in message.headers]
        # What a reader sees or clicks is named once more than it is there, so that none can be put in front
        # (RFC 6376, 8.15).
        covered = [name for name in SIGNED for _ in range(present.count(name))]
        covered += [name for name in SHOWN if name in present]
        signature: bytes = message.sign(
            self.selector.encode(),
            self.domain.encode(),
            self.key,
            signature_algorithm=self.algorithm.encode(),
            canonicalize=(b"relaxed", b"simple"),
            include_headers=covered,
        )
        return signature + data


def open_signer(*, domain: str, selector: str, key_file: Path) -> Signer:
    """A signer that has proven that it can; raises ConfigurationError that says what to mend."""
    key = _read(key_file)
    algorithm, material = _understood(key)
    signer = Signer(domain=domain, selector=selector, algorithm=algorithm, key=material)
    _try(signer, key_file)
    return signer


def _read(path: Path) -> bytes:
    try:
        mode, key = path.stat().st_mode, path.read_bytes()
    except OSError as problem:
        raise _problem(
            f"the DKIM key cannot be read ({problem.strerror})", path, "Check key_file in [dkim]"
        ) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _problem("other users can read the DKIM key", path, f"Run: chmod 600 {path}")
    return key.replace(b"\r\n", b"\n")  # dkimpy knows LF only


def _understood(key: bytes) -> tuple[str, bytes]:
    """The algorithm, and the key as dkimpy takes it: PEM of RSA, or the bare base64 of Ed25519."""
    if not key.lstrip().startswith(_PEM):
        return "ed25519-sha256", key.strip()
    body = b"".join(line for line in key.split(b"\n") if line and not line.startswith(b"-----"))
    try:
        decoded = b64decode(body)
    except ValueError:
        decoded = b""
    if decoded.startswith(_ED25519):
        return "ed25519-sha256", b64encode(decoded[len(_ED25519) :])
    return "rsa-sha256", key


def _try(signer: Signer, path: Path) -> None:
    """Sign something: dkimpy looks at a key only then."""
    try:
        import dkim
        from dkim.asn1 import ASN1FormatError
    except ModuleNotFoundError:
        raise _problem("signing needs dkimpy, which is not installed", path, _INSTALL) from None
    new = f"Write an RSA key of 2048 bits there, in PEM: openssl genrsa -out {path} 2048"
    try:
        signer.sign(_TRIAL)
        bits = _bits(signer)
    except dkim.NaClNotFoundError:
        raise _problem("an Ed25519 key needs PyNaCl, which is not installed", path, _INSTALL) from None
    except (dkim.DKIMException, ASN1FormatError, ValueError, TypeError, LookupError, ArithmeticError):
        # dkimpy lets through whatever its reading of broken ASN.1 comes to.
        raise _problem("this is no DKIM key that can be used", path, new) from None
    if bits is not None and bits < _FEWEST_BITS:
        what = f"the DKIM key has {bits} bits, and no one may believe fewer than {_FEWEST_BITS:,} (RFC 8301)"
        raise _problem(what, path, new)


def _bits(signer: Signer) -> int | None:
    """The length of an RSA key; `None` of another."""
    from dkim.crypto import parse_pem_private_key

    if signer.algorithm != "rsa-sha256":
        return None
    modulus: int = parse_pem_private_key(signer.key)["modulus"]
    return modulus.bit_length()


def _problem(what: str, path: Path, fix: str) -> ConfigurationError:
    return ConfigurationError((DigestError(what, where=str(path), fix=fix),))
