# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import binascii
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import (
    MINIMUM_RSA_BITS,
    PublicKey,
    parse_public_key,
)

if TYPE_CHECKING:
    from pathlib import Path

# other programs may keep this machine busy: how long one example takes says nothing
LAW = settings(deadline=None)
ED25519 = "ssh-ed25519"
SK_ED25519 = "sk-ssh-ed25519@openssh.com"
P256 = "ecdsa-sha2-nistp256"
SK_P256 = "sk-ecdsa-sha2-nistp256@openssh.com"
GENERATED = {
    ED25519: ("ed25519", ""),
    P256: ("ecdsa", "256"),
    "ecdsa-sha2-nistp384": ("ecdsa", "384"),
    "ecdsa-sha2-nistp521": ("ecdsa", "521"),
    "ssh-rsa": ("rsa", str(MINIMUM_RSA_BITS)),
}


def line_of(kind: str, *fields: bytes, inner: str = "", comment: str = "alice@laptop", tail: bytes = b"") -> str:
    """A key line put together by hand; the type inside the blob is the one outside unless it is given."""
    parts = ((inner or kind).encode("ascii"), *fields)
    blob = b"".join(struct.pack(">I", len(part)) + part for part in parts) + tail
    return f"{kind} {base64.b64encode(blob).decode()} {comment}".rstrip()


def cut(line: str, count: int) -> str:
    """The same key with the last bytes of its blob missing."""
    kind, blob = line.split()[:2]
    return f"{kind} {base64.b64encode(base64.b64decode(blob)[:-count]).decode()}"


def fields_of(line: str) -> list[bytes]:
    """The strings of a key's blob, without the first, which is the type."""
    blob, fields, at = base64.b64decode(line.split()[1]), [], 0
    while at < len(blob):
        (length,) = struct.unpack_from(">I", blob, at)
        fields.append(blob[at + 4 : at + 4 + length])
        at += 4 + length
    return fields[1:]


def fingerprints(lines: list[str], directory: Path) -> list[str]:
    """What the real ssh-keygen says of these lines, one answer a line: bits, fingerprint and kind."""
    path = directory / "lines.pub"
    path.write_text("".join(line + "\n" for line in lines), encoding="ascii")
    done = subprocess.run(["ssh-keygen", "-l", "-f", str(path)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def generate(directory: Path, kind: str, bits: str, comment: str = "alice@laptop") -> str:
    path = directory / (kind + bits)
    size = ["-b", bits] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", comment, "-f", str(path)], check=True)
    return path.with_name(path.name + ".pub").read_text(encoding="ascii")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A real key of every accepted type; for those that need a security key, one made of the parts of another."""
    directory = tmp_path_factory.mktemp("keys")
    lines = {name: generate(directory, *how) for name, how in GENERATED.items()}
    lines[SK_ED25519] = line_of(SK_ED25519, *fields_of(lines[ED25519]), b"ssh:")
    lines[SK_P256] = line_of(SK_P256, *fields_of(lines[P256]), b"ssh:lab")
    return lines


def refusal(text: Any) -> str:
    with pytest.raises(IdentityError) as caught:
        parse_public_key(text)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 500
    return message


@pytest.mark.parametrize("name", [*GENERATED, SK_ED25519, SK_P256])
def test_every_accepted_type_reads_as_ssh_keygen_reads_it(generated: dict[str, str], name: str, tmp_path: Path) -> None:
    key = parse_public_key("\t " + generated[name] + "\r\n")
    assert (key.type, key.comment) == (name, "alice@laptop")
    assert key.line == generated[name].strip()
    [said] = fingerprints([key.line], tmp_path)
    assert said.split()[1] == key.fingerprint
    assert parse_public_key(key.line) == key


def test_a_comment_is_not_needed_and_may_have_blanks(generated: dict[str, str]) -> None:
    kind, blob, _comment = generated[ED25519].split()
    assert parse_public_key(f"{kind} {blob}").line == f"{kind} {blob}"
    assert parse_public_key(f"{kind}  {blob}   Alice at home #2 ").line == f"{kind} {blob} Alice at home #2"


RSA_3072 = b"\x00" + b"\xc1" * 384
RSA_2048 = b"\x00" + b"\xc1" * 256
RSA_16384 = b"\x00" + b"\xc1" * 2048
GOOD = line_of(ED25519, b"\x07" * 32)
POINT = b"\x04" + b"\x07" * 64


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \t\r\n", "it is empty"),
        (None, "must be text, not NoneType"),
        (b"ssh-ed25519 AAAA", "must be text, not bytes"),
        (["ssh-ed25519"], "must be text, not list"),
        ("ssh-ed25519", "the key itself is missing after its type"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END", "it is a private key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "it is a private key"),
        (line_of("ssh-dss", b"\x01", b"\x02", b"\x03", b"\x04"), "DSA is no longer accepted"),
        (line_of("ssh-ed25519-cert-v01@openssh.com", b"n" * 32, b"k" * 32), "it is a certificate"),
        (f'command="rm -rf /" {GOOD}', "options in front of the key"),
        (f"no-pty,from=10.0.0.1 {GOOD}", "options in front of the key"),
        (f'environment="A=ssh-ed25519 x" {GOOD}', "options in front of the key"),
        ("AAAAC3NzaC1lZDI1NTE5AAAA", "it must begin with one of ecdsa-sha2-nistp256"),
        ("ssh-ed448 AAAA", "it must begin with one of"),
        ("SSH-ED25519 " + GOOD.split()[1], "it must begin with one of"),
        ("ss\u04bb-ed25519 " + GOOD.split()[1], "it must begin with one of"),
        ("ssh\u2010ed25519 " + GOOD.split()[1], "it must begin with one of"),
        ("\ufeff" + GOOD, "it must begin with one of"),
        ("ssh-ed25519\x00 " + GOOD.split()[1], "it must begin with one of"),
        (line_of("ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xc1" * 128), "RSA with 1024 bits is too weak"),
        (line_of("ssh-rsa", b"\x01\x00\x01", RSA_2048), "RSA with 2048 bits is too weak"),
        (line_of("ssh-rsa", b"\x01\x00\x01", b"\x7f" + b"\xc1" * 383), "RSA with 3071 bits is too weak"),
        (line_of("ssh-rsa", b"\x01\x00\x01", b"\x01" + b"\xc1" * 2048), "RSA with 16385 bits is more than"),
        (line_of("ssh-rsa", b"\x01\x00\x00", RSA_3072), "it is not an RSA key"),
        (line_of("ssh-rsa", b"\x01", RSA_3072), "it is not an RSA key"),
        (line_of("ssh-rsa", b"", RSA_3072), "it is not an RSA key"),
        (line_of("ssh-rsa", b"\x81", RSA_3072), "it is not an RSA key"),
        (line_of("ssh-rsa", b"\x01\x00\x01", RSA_3072[1:]), "it is not an RSA key"),
        (line_of("ssh-rsa", b"\x01\x00\x01", RSA_3072[:-1] + b"\xc0"), "it is not an RSA key"),
        (line_of("ssh-rsa", b"\x00\x01\x00\x01", RSA_3072), "it is not an RSA key"),
        (line_of("ssh-rsa", b"\x01\x00\x01", b"\x00" + RSA_3072), "it is not an RSA key"),
        (line_of("ssh-rsa", b"\x01\x00\x01", RSA_3072, b""), "it is damaged"),
        (line_of("ssh-rsa", RSA_3072), "it is damaged"),
        (cut(line_of("ssh-rsa", b"\x01\x00\x01", RSA_16384), 2), "it is damaged"),
        (cut(line_of(SK_ED25519, b"\x07" * 32, b"ssh:lab"), 1), "it is damaged"),
        (line_of(ED25519), "it is damaged"),
        (line_of(ED25519, b"\x07" * 31), "it is damaged"),
        (line_of(ED25519, b"\x07" * 33), "it is damaged"),
        (line_of(ED25519, b"\x07" * 32, b""), "it is damaged"),
        (line_of(ED25519, b"\x07" * 32, tail=b"\x00"), "it is damaged"),
        (line_of(ED25519, b"\x07" * 32, tail=b"\x00\x00\x00\x05ab"), "it is damaged"),
        (line_of(ED25519, b"\x07" * 32, inner=SK_ED25519), "it is damaged"),
        (line_of(P256, b"nistp256", POINT, inner=ED25519), "it is damaged"),
        (line_of(ED25519, b"\x07" * 32, inner="ssh-rsa"), "it is damaged"),
        (line_of(P256, b"nistp384", POINT), "it is damaged"),
        (line_of(P256, b"nistp256", POINT + b"\x07"), "it is damaged"),
        (line_of(P256, b"nistp256", POINT[:-1]), "it is damaged"),
        (line_of(P256, b"nistp256", b"\x02" + b"\x07" * 32), "it is damaged"),
        (line_of(P256, b"nistp256", b"\x02" + POINT[1:]), "it is damaged"),
        (line_of(P256, POINT), "it is damaged"),
        (line_of(P256, b"nistp256", POINT, b""), "it is damaged"),
        (line_of("ecdsa-sha2-nistp521", b"nistp521", b"\x04" + b"\x07" * 130), "it is damaged"),
        (line_of(SK_ED25519, b"\x07" * 32), "its application does not begin with ssh:"),
        (line_of(SK_ED25519), "its application does not begin with ssh:"),
        (line_of(SK_ED25519, b"\x07" * 32, b"https://example.org"), "its application does not begin with ssh:"),
        (line_of(SK_P256, b"nistp256", POINT, b"ssh:\x00lab"), "its application does not begin with ssh:"),
        (line_of(SK_P256, b"nistp256", POINT[:-1], b"ssh:"), "it is damaged"),
        (GOOD.replace(" alice", "= alice"), "its second field is not base64"),
        (GOOD.replace(" alice", "A alice"), "is not base64"),
        ("ssh-ed25519 -AAAA alice", "is not base64"),
        ("ssh-ed25519 \u0410\u0410\u0410\u0410 alice", "is not base64"),
        ("ssh-ed25519 AAAA\x00AAAA alice", "is not base64"),
        ("ssh-ed25519 alice", "is not base64"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 alice", "it is damaged"),
        (f"{GOOD}\n{GOOD}", "goes on in a second line"),
        (GOOD.replace(" ", "\n", 1), "goes on in a second line"),
        (GOOD + "\rssh-rsa", "goes on in a second line"),
        (GOOD + "\x0bcommand", "goes on in a second line"),
        (GOOD + "\u2028command", "goes on in a second line"),
        (GOOD + "\x00", "has a comment with characters outside"),
        (GOOD + " $(reboot)", "has a comment with characters outside"),
        (GOOD + " `reboot`", "has a comment with characters outside"),
        (GOOD + " it's", "has a comment with characters outside"),
        (GOOD + ' "quoted"', "has a comment with characters outside"),
        (GOOD + " {{ lookup('pipe', 'id') }}", "has a comment with characters outside"),
        (GOOD + " a;b|c&d>e<f\\g", "has a comment with characters outside"),
        (GOOD + " L\u00f6we", "has a comment with characters outside"),
        (GOOD + " \u202egnp", "has a comment with characters outside"),
        (GOOD + " " + "a" * (8192 - len(GOOD)), "is longer than the 8192 characters sshd reads"),
    ],
)
def test_what_is_refused_and_why(text: Any, reason: str) -> None:
    assert reason in refusal(text)


def test_the_longest_line_and_the_longest_rsa_key_are_taken() -> None:
    full = GOOD + " " + "a" * (8191 - len(GOOD))
    assert len(full) == 8192
    assert parse_public_key(full).line == full
    assert parse_public_key(line_of("ssh-rsa", b"\x03", RSA_16384)).type == "ssh-rsa"


def test_base64_with_spare_bits_set_is_another_text_of_the_same_key_and_refused() -> None:
    good = line_of(P256, b"nistp256", POINT, comment="")
    assert good.endswith("=")
    spare = good.rstrip("=")
    other = spare[:-1] + chr(ord(spare[-1]) + 1) + "=" * (len(good) - len(spare))
    assert binascii.a2b_base64(other.split()[1]) == binascii.a2b_base64(good.split()[1])
    assert parse_public_key(good).type == P256
    assert "is not base64" in refusal(other)


def test_nothing_of_a_private_key_is_shown(tmp_path: Path) -> None:
    for kind, form in (("ed25519", "RFC4716"), ("ecdsa", "PEM"), ("ecdsa", "PKCS8")):
        path = tmp_path / (kind + form)
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-m", form, "-N", "", "-f", str(path)], check=True)
        text = path.read_text(encoding="ascii")
        body = "".join(text.splitlines()[1:-1])
        secrets = {body[at : at + 8] for at in range(len(body) - 8)}
        for said in (refusal(text), refusal("\n" + text.replace("\n", " ")), refusal("x" * 8193 + text)):
            assert not [secret for secret in secrets if secret in said]


COMMENT = "abcXYZ019 @._+=:/-,()#"


@LAW
@given(st.binary(min_size=32, max_size=32), st.text(alphabet=COMMENT, max_size=60), st.sampled_from([" ", "\t", "  "]))
def test_what_is_accepted_is_one_plain_line_that_reads_the_same_again(raw: bytes, comment: str, gap: str) -> None:
    key = parse_public_key(gap.join([*line_of(ED25519, raw, comment="").split(), comment]) + "\n")
    check_line(key)
    assert key.comment == comment.strip()


def check_line(key: PublicKey) -> None:
    words = key.line.split(" ", 2)
    assert words[0] in (*GENERATED, SK_ED25519, SK_P256)
    assert not set(key.line).intersection("\r\n\0\"'`$\\;&|<>{}")
    assert key.line.isascii()
    assert key.line.isprintable()
    assert len(key.line) <= 8192
    assert parse_public_key(key.line) == key


@LAW
@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.text(alphabet=COMMENT, max_size=60)), max_size=20))
def test_ssh_keygen_reads_every_accepted_line(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[bytes, str]]
) -> None:
    lines = [line_of(ED25519, raw, comment=comment) for raw, comment in entries]
    lines += [line_of(SK_ED25519, raw, b"ssh:" + comment.encode(), comment="") for raw, comment in entries]
    keys = [parse_public_key(line) for line in [GOOD, *lines]]
    said = fingerprints([key.line for key in keys], tmp_path_factory.getbasetemp())
    assert [answer.split()[1] for answer in said] == [key.fingerprint for key in keys]


def accepted(text: str) -> PublicKey | None:
    """The key, or None when the text was refused in words that can be printed; nothing else may happen."""
    try:
        return parse_public_key(text)
    except IdentityError as error:
        said = str(error)
    assert said.isprintable()
    return None


@LAW
@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda raw: raw.decode("latin-1"))))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    for attempt in (text, "ssh-ed25519 " + text, GOOD + " " + text, text + " " + GOOD):
        key = accepted(attempt)
        if key:
            check_line(key)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A key's type and its blob with some bytes changed, cut, doubled or put in."""
    kind, blob = draw(
        st.sampled_from(
            [
                (line.split()[0], base64.b64decode(line.split()[1]))
                for line in (
                    GOOD,
                    line_of(P256, b"nistp256", POINT),
                    line_of("ssh-rsa", b"\x01\x00\x01", RSA_3072),
                    line_of(SK_ED25519, b"\x07" * 32, b"ssh:"),
                    line_of(SK_P256, b"nistp256", POINT, b"ssh:lab"),
                )
            ]
        )
    )
    for _time in range(draw(st.integers(1, 3))):
        # the length fields and the type, where a parser stumbles, stand in front
        at = draw(st.one_of(st.integers(0, min(30, len(blob))), st.integers(0, len(blob))))
        cut = draw(st.integers(0, 5))
        blob = blob[:at] + draw(st.binary(max_size=5)) + blob[at + cut :]
    return kind, blob


@settings(LAW, max_examples=400)
@given(mutated())
def test_a_damaged_blob_is_refused_or_is_a_key_of_its_own(change: tuple[str, bytes]) -> None:
    kind, blob = change
    key = accepted(f"{kind} {base64.b64encode(blob).decode()}")
    if key:
        check_line(key)
        # it is made of exactly its fields: putting them together again gives the same bytes
        assert line_of(kind, *fields_of(key.line), comment="") == key.line


@pytest.mark.parametrize("bits", [1024, 2048, 3071 // 8 * 8, 3072])
def test_a_weak_key_can_be_refused_to_everybody(bits: int) -> None:
    """sshd takes RSA from 1024 bits on where root or a system user has it, so such a key can be one that was lost."""
    weak = line_of("ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xc1" * (bits // 8))
    assert parse_public_key(weak, revoked=True).line == weak
    for bad in (weak[:-40], "ssh-dss AAAA", line_of("ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xc1" * 127)):
        with pytest.raises(IdentityError):
            parse_public_key(bad, revoked=True)
