#!/usr/bin/env python3
"""A second reader of the sealed file, written from sealed-file.md and formats.md alone.

    python3 -m venv reader && reader/bin/pip install --require-hashes -r docs/unseal-requirements.txt
    reader/bin/python docs/unseal.py --key manifest-key.pem --identity identity.txt \
        copy/backups/2026-11-24/vault-snapshot.enc vault.snap

--key proves the manifest beside the file with that public key, and the file with the manifest. --identity is a file with
an age identity; --data-key, in its place, one with the 32 bytes of the data key. The plaintext is there only if all of it
was proven. A refusal is told by its name on the page.
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import struct
import sys

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

SEGMENT = 1 << 20
TAG = 16


class Refused(Exception):
    """The name of a refusal, and why."""


def hkdf(secret, salt, info):
    """HKDF-SHA256 with 32 bytes of output, which is one round of it."""
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


# ── Strict JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────

def strict_json(data):
    """One JSON value in valid UTF-8, no name twice; every integer in plain digits, and no other numbers."""

    def once(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a name is there twice")
        return dict(pairs)

    def digits(text):
        if text.startswith("-"):
            raise ValueError("a negative number")
        return int(text)

    def refuse(text):
        raise ValueError(f"the number {text}")

    value = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_int=digits, parse_float=refuse, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # refuses half of a surrogate pair, which is no UTF-8
    return value


def fields(value, **checks):
    """Refuses an object that has other fields than these, or a field that its check refuses."""
    if type(value) is not dict or value.keys() != checks.keys():
        raise ValueError("not exactly the fields " + ", ".join(checks))
    for name, check in checks.items():
        if not check(value[name]):
            raise ValueError(name)


def text(value):
    return type(value) is str and value != ""


def matches(pattern):
    return lambda value: type(value) is str and re.fullmatch(pattern, value, re.ASCII) is not None


def number(low, high):
    return lambda value: type(value) is int and low <= value <= high


def texts(value):
    return type(value) is list and all(type(v) is str for v in value)


def blob(value):
    """Base64 in its one canonical form, not empty."""
    return text(value) and base64.b64encode(base64.b64decode(value, validate=True)).decode() == value


def moment(value):
    if not matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")(value):
        return False
    at = datetime.datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")
    return at != datetime.datetime.min


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────

def read_header(file):
    """Returns P and the header in it."""
    start = file.read(9)
    if not b"PMDR".startswith(start[:4]):
        raise Refused("not-sealed")
    if len(start) > 4 and start[4] != 1:
        raise Refused("unknown-version")
    if len(start) < 9:
        raise Refused("truncated")
    (n,) = struct.unpack(">I", start[5:])
    if n > 65536:
        raise Refused("bad-header: too long")
    header = file.read(n)
    if len(header) < n:
        raise Refused("truncated")
    try:
        return start + header, parse_header(header)
    except (ValueError, RecursionError) as why:
        raise Refused(f"bad-header: {why}") from None


def parse_header(data):
    header = strict_json(data)
    fields(
        header,
        file_id=matches("[0-9a-f]{32}"),
        capture_id=matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        content_type=text,
        created_at=moment,
        created_by=text,
        vault=lambda value: type(value) is dict,
        key_commitment=matches("[0-9a-f]{64}"),
        keys=lambda value: type(value) is list,
    )
    vault = header["vault"]
    fields(
        vault,
        version=text,
        cluster_id=text,
        seal_type=text,
        shares=number(0, 2**63 - 1),
        threshold=number(0, 2**63 - 1),
        raft_index=number(1, 2**64 - 1),
        audit_devices=texts,
        mounts=texts,
    )
    none = vault["shares"] == vault["threshold"] == 0 and vault["seal_type"] != "shamir"
    if not none and not 1 <= vault["threshold"] <= vault["shares"]:
        raise ValueError("threshold")
    kinds = []
    for key in header["keys"]:
        kind = key.get("type") if type(key) is dict else None
        owner = {"aws-kms": "key_arn", "age": "recipient"}.get(kind) if type(kind) is str else None
        if owner is None:
            raise ValueError("a key of unknown type")
        fields(key, **{"type": text, owner: text, "ciphertext": blob})
        kinds.append(kind)
    if kinds.count("aws-kms") != 1 or kinds.count("age") > 1:
        raise ValueError("keys")
    return header


def unseal(file, data_key_of):
    """Yields the header, then the plaintext of one segment after the other. Only when it has ended is the file proven."""
    p, header = read_header(file)
    yield header
    data_key = data_key_of(header)
    file_id = bytes.fromhex(header["file_id"])
    commitment = hkdf(data_key, file_id, b"PMDR/1 commitment")
    if len(data_key) != 32 or not hmac.compare_digest(commitment.hex(), header["key_commitment"]):
        raise Refused("wrong-key")
    stream = file.read(40)
    if len(stream) < 40:
        raise Refused("truncated")
    if stream[0] != 0x28:
        raise Refused("corrupt")
    salt, prefix = stream[1:33], stream[33:]
    cipher = AESGCM(hkdf(hkdf(data_key, file_id, b"PMDR/1 stream"), salt, p))
    yield from segments(file, cipher, prefix)


def segments(file, cipher, prefix):
    i, size, ahead = 0, SEGMENT - 40, b""
    while True:
        segment = ahead + file.read(size - len(ahead))
        ahead = file.read(1)
        last = not ahead
        if i >= 2**32:
            raise Refused("corrupt")
        nonce = prefix + struct.pack(">I?", i, last)
        try:
            plaintext = cipher.decrypt(nonce, segment, None)
        except (InvalidTag, ValueError):
            raise Refused("corrupt") from None
        if not plaintext:
            raise Refused("corrupt" if i else "empty")
        yield plaintext
        if last:
            return
        i, size = i + 1, SEGMENT


# ── age: one X25519 recipient, and a plaintext as short as a key ────────────────────────────────────────────────────

def bech32(line):
    """The 32 bytes of an age identity."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    prefix, _, rest = line.lower().rpartition("1")
    values = [alphabet.index(c) for c in rest]
    check = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    bits = "".join(f"{v:05b}" for v in values[:-6])
    if prefix != "age-secret-key-" or check != 1 or len(bits) != 260 or "1" in bits[256:]:
        raise ValueError
    return int(bits[:256], 2).to_bytes(32, "big")


def read_identity(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    try:
        (line,) = (line for line in lines if line and not line.startswith("#"))
        return X25519PrivateKey.from_private_bytes(bech32(line))
    except ValueError:
        raise SystemExit(f"unseal: {path} does not hold exactly one age identity") from None


def age_decrypt(file, identity):
    """The plaintext of a binary age file of at most one chunk, as age-encryption.org/v1 says."""
    head, _, rest = file.partition(b"\n---")
    mac, _, payload = rest.partition(b"\n")
    lines = head.split(b"\n")
    if lines[0] != b"age-encryption.org/v1" or len(lines) != 3 or lines[1][:10] != b"-> X25519 ":
        raise ValueError
    unpadded = lambda value: base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    share = unpadded(lines[1][10:])
    shared = identity.exchange(X25519PublicKey.from_public_bytes(share))
    own = identity.public_key().public_bytes_raw()
    wrap_key = hkdf(shared, share + own, b"age-encryption.org/v1/X25519")
    file_key = ChaCha20Poly1305(wrap_key).decrypt(bytes(12), unpadded(lines[2]), None)
    expected = hmac.digest(hkdf(file_key, b"", b"header"), head + b"\n---", "sha256")
    if len(file_key) != 16 or mac[:1] != b" " or not hmac.compare_digest(expected, unpadded(mac[1:])):
        raise ValueError
    payload_key = hkdf(file_key, payload[:16], b"payload")
    return ChaCha20Poly1305(payload_key).decrypt(bytes(11) + b"\x01", payload[16:], None)


def with_identity(identity):
    def data_key(header):
        for key in header["keys"]:
            if key["type"] == "age":
                try:
                    return age_decrypt(base64.b64decode(key["ciphertext"]), identity)
                except (ValueError, InvalidTag):
                    raise Refused("wrong-key: the age key does not open") from None
        raise Refused("wrong-key: it holds no key of type age")

    return data_key


# ── The manifest ────────────────────────────────────────────────────────────────────────────────────────────────────

def read_manifest(path, key_path):
    """The manifest, if its signature holds."""
    with open(key_path, "rb") as file:
        key = serialization.load_pem_public_key(file.read())
    with open(path, "rb") as file:
        envelope = json.loads(file.read())
    kind, payload = envelope["payloadType"], base64.b64decode(envelope["payload"], validate=True)
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    for signature in envelope["signatures"]:
        try:
            key.verify(base64.b64decode(signature["sig"], validate=True), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        manifest = json.loads(payload)
        if kind != "application/vnd.pmdr.manifest+json" or manifest["schema_version"] != 1:
            raise Refused("forged: what is signed is no manifest of version 1")
        return manifest
    raise Refused("forged: the signature of the manifest does not hold")


def check_manifest(path, key_path):
    """Refuses a file that is not, in its place and byte for byte, what the signed manifest beside it says."""
    try:
        manifest = read_manifest(os.path.join(os.path.dirname(path), "manifest.json"), key_path)
    except FileNotFoundError as why:
        raise Refused(f"no-manifest: {why.filename} is not there") from None
    except (ValueError, KeyError, TypeError):
        raise Refused("forged: not a manifest") from None
    place = os.path.abspath(path).replace(os.sep, "/")
    items = [o for o in (manifest["snapshot"], manifest["inventory"]) if place.endswith("/" + o["key"])]
    if not items:
        raise Refused(f"forged: the manifest beside it is that of {manifest['slot']}")
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != items[0]["sha256_sealed"]:
        raise Refused(f"another-version: the manifest means {items[0]['key']}, version {items[0]['version_id']}")


# ── The command ─────────────────────────────────────────────────────────────────────────────────────────────────────

def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--key", help="public key of manifests, PEM")
    keys = flags.add_mutually_exclusive_group(required=True)
    keys.add_argument("--identity", help="file with an age identity")
    keys.add_argument("--data-key", help="file with the data key")
    flags.add_argument("sealed")
    flags.add_argument("plaintext")
    args = flags.parse_args()
    if args.identity:
        data_key = with_identity(read_identity(args.identity))
    else:
        with open(args.data_key, "rb") as file:
            raw = file.read()
        data_key = lambda _: raw

    part = args.plaintext + ".unproven"
    if os.path.lexists(args.plaintext):
        raise SystemExit(f"unseal: {args.plaintext} exists already")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        try:
            if args.key:
                check_manifest(args.sealed, args.key)
            with open(args.sealed, "rb") as file:
                pieces = unseal(file, data_key)
                header = next(pieces)
                for plaintext in pieces:
                    out.write(plaintext)
            out.flush()
            os.fsync(out.fileno())
            os.rename(part, args.plaintext)
        except Refused as refused:
            raise SystemExit(f"unseal: {refused}") from None
        finally:
            if os.path.lexists(part):
                os.remove(part)
    json.dump(header, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
